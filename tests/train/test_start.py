"""A run that starts from given numbers."""

import jax
import numpy as np
import pytest
from tests.train.problems import FEATURES, PLAN, dataset

from gammabeta.errors import PlanError
from gammabeta.nn import Dense, Frozen, Lsuv, Sequential, Whitening
from gammabeta.train import Start, fit
from gammabeta.train.step import calibrated, fresh_state

TRAIN = dataset()


def first_epoch(plan=PLAN, **options):
    return next(fit(plan, TRAIN, **options))


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


@pytest.fixture(scope="module")
def fresh():
    state = fresh_state(PLAN, (FEATURES,))
    return Start(state.params, state.stats)


@pytest.mark.parametrize("place", [jax.device_get, jax.device_put], ids=["on the host", "on the device"])
def test_starting_from_the_fresh_numbers_is_starting_fresh(fresh, place):
    given, usual = first_epoch(start=place(fresh)), first_epoch()
    for one, other in zip(leaves(given.state), leaves(usual.state), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_numbers_are_where_the_run_begins_and_are_left_as_they_are(fresh):
    start = jax.tree.map(lambda leaf: np.asarray(leaf) + np.float32(0.5), jax.device_get(fresh))
    frozen = PLAN.replace(network=Sequential(tuple(map(Frozen, PLAN.network.layers[:4])) + PLAN.network.layers[4:]))
    end = first_epoch(frozen, start=start).state
    for one, other in zip(leaves(end.params[:4]), leaves(start.params[:4]), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(leaves(end.stats), leaves(start.stats), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(end.params[4]["weight"], start.params[4]["weight"])
    assert end.step == 7


def test_what_is_given_is_not_calibrated():
    plan = PLAN.replace(network=Sequential((Whitening(), Dense(4, initializer=Lsuv()), Dense(3))), epochs=1)
    state = fresh_state(plan, (FEATURES,))
    assert not np.allclose(calibrated(plan, state, TRAIN).stats[0].matrix, state.stats[0].matrix)
    end = first_epoch(plan, start=Start(state.params, state.stats)).state
    np.testing.assert_array_equal(end.stats[0].matrix, state.stats[0].matrix)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s._replace(params=s.params[:-1]), r"start.params has nothing at 4.bias, expected \(3,\)"),
        (
            lambda s: s._replace(params=({"weight": np.zeros((FEATURES, 7))}, *s.params[1:])),
            r"start.params has \(5, 7\) at 0.weight, expected \(5, 6\)",
        ),
        (
            lambda s: s._replace(params=({**s.params[0], "gain": np.zeros(6)}, *s.params[1:])),
            r"start.params has \(6,\) at 0.gain, expected nothing",
        ),
        (lambda s: s._replace(stats=()), "start.stats has nothing at 1.weight"),
    ],
)
def test_what_does_not_fit_the_plan_is_refused_in_one_sentence(fresh, change, words):
    with pytest.raises(PlanError, match=words) as refused:
        first_epoch(start=change(fresh))
    assert "\n" not in str(refused.value)

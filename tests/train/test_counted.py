"""Class weights: in every loop that trains, on both sides of every measurement, and once only."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from tests.train.problems import PLAN, dataset

from gammabeta.diagnosis import Case
from gammabeta.diagnosis.fix import compared
from gammabeta.errors import DataError, PlanError
from gammabeta.nn import SigmoidCrossEntropy, SquaredError, class_weights
from gammabeta.plan import Plan, change
from gammabeta.serial import dumps, from_json
from gammabeta.train import fit, run
from gammabeta.train.counted import counted
from gammabeta.train.evaluate import evaluate
from gammabeta.train.metrics import headline
from gammabeta.train.step import program_of

TRAIN, VALID = dataset(weights=True), dataset(rows=31, seed=1)
BALANCED = PLAN.replace(class_weights="balanced")
NAMED = replace(TRAIN, classes=("red", "green", "blue"))


def trained(plan, train=TRAIN, valid=VALID):
    return list(fit(plan, train, valid, probe=None))


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def by_hand(given, **known):
    """The training rows with class weights on top of their own."""
    factor = class_weights(TRAIN.y, given, weights=TRAIN.weights, **known)
    return replace(TRAIN, weights=TRAIN.weights * factor)


@pytest.mark.parametrize("given", ["balanced", {"2": 7.0}])
def test_the_loop_applies_class_weights_as_weights_of_rows_would_be(given):
    found = trained(PLAN.replace(class_weights=given))[-1].state
    assert same(found, trained(PLAN, by_hand(given))[-1].state)
    assert not same(found, trained(PLAN)[-1].state)


def test_classes_are_called_by_the_names_that_the_data_carry():
    named = trained(PLAN.replace(class_weights={"blue": 7.0}), NAMED)[-1].state
    assert same(named, trained(PLAN.replace(class_weights={"2": 7.0}))[-1].state)


@pytest.mark.parametrize(("train", "words"), [(TRAIN, "legal names: 0, 1, 2"), (NAMED, 'did you mean "blue"')])
def test_a_class_that_is_not_there_is_refused_before_training(train, words):
    with pytest.raises(PlanError, match=rf'there is no class "blu"; {words}'):
        next(fit(PLAN.replace(class_weights={"blu": 2.0}), train))


@pytest.mark.parametrize("plan", [PLAN, BALANCED, PLAN.replace(class_weights={"1": 0.0, "2": 9.0})])
def test_the_same_rows_give_the_same_numbers_on_both_sides(plan):
    for epoch in trained(plan, TRAIN, TRAIN):
        assert epoch.train == epoch.valid


def test_validation_rows_weigh_what_their_classes_weigh_among_the_training_rows():
    factor = class_weights(TRAIN.y, "balanced", weights=TRAIN.weights)
    rows = replace(VALID, weights=np.array([factor[np.argmax(label == TRAIN.y)] for label in VALID.y], np.float32))
    assert np.ptp(rows.weights) > 0.4
    for epoch in trained(BALANCED):
        wanted = evaluate(program_of(BALANCED), epoch.state.params, epoch.state.stats, rows)
        np.testing.assert_allclose(epoch.valid["loss"], wanted.loss, rtol=1e-5)
        np.testing.assert_allclose(epoch.valid["accuracy"], headline(PLAN.loss, wanted.predicted, rows)[1], rtol=1e-5)


def test_a_class_that_no_training_row_has_weighs_1():
    two = TRAIN.take(TRAIN.y < 2)
    factors = counted(BALANCED, replace(VALID, weights=None), two).weights
    before = np.mean(two.weights * class_weights(two.y, "balanced", weights=two.weights))
    np.testing.assert_allclose(factors[VALID.y == 2], 1 / before, rtol=1e-6)


def test_the_finished_statistics_count_classes_too():
    made = run(BALANCED, TRAIN, VALID, probe=None)
    (_, found), (_, wanted) = made.finished(TRAIN), replace(made, plan=PLAN).finished(by_hand("balanced"))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_training_rows_have_weights_of_mean_1_and_rows_that_all_count_once_stay_as_they_are():
    assert counted(BALANCED, TRAIN).weights.mean() == pytest.approx(1, rel=1e-6)
    assert counted(PLAN, TRAIN).weights.mean() == pytest.approx(1, rel=1e-6)
    assert counted(PLAN, VALID) is VALID
    assert counted(PLAN, VALID, dataset()) is VALID
    with pytest.raises(DataError, match="every row has weight 0"):
        counted(PLAN.replace(class_weights=dict.fromkeys("012", 0.0)), TRAIN)


def test_a_fix_that_weighs_classes_is_judged_as_it_weighs_them_and_so_is_the_run_without_it():
    rows = dataset()
    found = compared(Case.of(PLAN, rows, VALID), BALANCED, pairs=1)
    assert found.metric == "balanced accuracy"
    for plan, valid, loss in (
        (PLAN, counted(BALANCED, VALID, rows), found.loss_before),
        (BALANCED, VALID, found.loss_after),
    ):
        best = run(plan.replace(seed=PLAN.seed + 1_000), rows, valid, probe=None).best
        np.testing.assert_allclose(loss, best.valid["loss"], rtol=1e-6)


def test_several_labels_have_weights_each():
    y = np.stack([TRAIN.y > 0, TRAIN.y > 1], axis=1).astype(np.float32)
    rows = replace(TRAIN, y=y, weights=None)
    plan = Plan(network=PLAN.network, loss=SigmoidCrossEntropy(), class_weights=({"1": 2.0}, {"0": 3.0}))
    assert from_json(json.loads(dumps(plan))) == plan
    wanted = np.where(y[:, 0] > 0, 2.0, 1.0) * np.where(y[:, 1] > 0, 1.0, 3.0)
    np.testing.assert_allclose(counted(plan, rows).weights, wanted / wanted.mean(), rtol=1e-6)
    with pytest.raises(PlanError, match="for 2 labels"):
        counted(plan.replace(class_weights={"1": 2.0}), rows)


def test_numbers_have_no_classes():
    for make in (
        lambda: Plan(network=PLAN.network, loss=SquaredError(), class_weights="balanced"),
        lambda: change(PLAN, {"class_weights": {"1": 2}, "loss": "huber"}),
    ):
        with pytest.raises(PlanError, match=r"^plan\.class_weights: the loss \w+ is for regression"):
            make()

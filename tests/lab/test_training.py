"""What most experiments share: where they start, which of a grid is best, and in which order they run."""

from functools import partial

import jax
import numpy as np
import pytest

from gammabeta.lab.experiment import far_apart, sweeping
from gammabeta.lab.samples import images, labels
from gammabeta.lab.training import after, best, descent, drawn, where
from gammabeta.nn import Dense, Dropout, Flatten, ScaledNormal, Sequential


def test_networks_that_differ_in_a_scale_start_from_the_same_draw():
    train = images(None, 40).train
    one, ten = (drawn(Sequential((Flatten(), Dense(3, initializer=ScaledNormal(s)))), train, 7) for s in (1.0, 10.0))
    np.testing.assert_allclose(10 * one.params[1]["weight"], ten.params[1]["weight"], rtol=1e-6)


def test_a_fit_begins_where_it_was_told_to():
    train = images(None, 40).train
    network = Sequential((Flatten(), Dropout(0.5), Dense(10)))
    start = drawn(network, train, 3)
    made = after(1, descent(network, 1e-30, 0), train, None, start=start)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-20), made.state.params, start.params)


def test_the_best_by_the_mean_is_not_the_one_that_loses_a_run():
    rows = [{"rate": 1, "right": r} for r in (0.8, 0.8, 0.8)] + [{"rate": 2, "right": r} for r in (0.9, 0.9, 0.1)]
    assert best(rows, "rate", lambda row: row["right"]) == 2
    assert best(rows, "rate", lambda row: row["right"], np.mean) == 1
    assert best([*rows, {"rate": 3, "right": float("nan")}], "rate", lambda row: row["right"]) == 2


def test_rows_are_found_by_a_field_that_is_called_rows():
    assert where([{"rows": 1}, {"rows": 2}], rows=2) == [{"rows": 2}]


@pytest.mark.parametrize("cases", [0, 1, 5, 8])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_every_case_runs_once_and_rows_keep_the_order_of_the_cases(cases, at_once):
    assert sorted(far_apart(cases, at_once)) == list(range(cases))
    made = sweeping(lambda done, of: None)(lambda case: [{"case": case}], list(range(cases)), at_once=at_once)
    assert [row["case"] for row in made] == list(range(cases))


def test_two_cases_at_once_are_far_apart():
    assert far_apart(5, 2) == [0, 3, 1, 4, 2]
    assert far_apart(4, 1) == [0, 1, 2, 3]


def test_the_three_labels_of_a_digit():
    assert labels(np.array([0, 7, 8])).tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 1]]

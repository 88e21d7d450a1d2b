"""Intervals contain what they should, as often as they should."""

import numpy as np
import pytest
from scipy import stats

from gammabeta.lab.estimate import difference_of, exactly, mean_of, median_of, ratio_of


def test_the_interval_of_a_mean_is_students():
    values = [3.0, 5.0, 4.5, 7.0, 1.0]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = mean_of(values)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((4.1, low, high, 5))


def test_one_value_has_no_interval():
    assert mean_of([2.0]).low == -np.inf
    assert str(exactly(6.63325)) == "6.633"


def test_a_difference_is_taken_seed_by_seed():
    assert difference_of([10.0, 20.0, 30.0], [9.0, 19.0, 29.0]).low == pytest.approx(1.0)


def test_a_ratio_of_medians_holds_the_true_one_in_about_95_of_100_samples():
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        found = ratio_of(random.lognormal(0.0, 0.4, 21), random.lognormal(np.log(2), 0.4, 21))
        hits += found.low <= 0.5 <= found.high
    assert 85 <= hits <= 100


def test_a_run_that_never_arrives_makes_a_ratio_infinite_or_zero_and_not_nan():
    found = ratio_of([np.inf, np.inf, np.inf], [10.0, 20.0, 30.0])
    assert found.value == np.inf
    assert median_of([1.0, np.inf, 3.0]).value == 3.0


def test_where_both_sides_may_never_arrive_the_interval_is_all_there_is():
    found = ratio_of([10.0, np.inf, 12.0, np.inf, 11.0], [20.0, np.inf, 20.0, np.inf, 20.0])
    assert (found.value, found.low, found.high) == (0.6, 0.0, np.inf)
    nothing = ratio_of([np.inf] * 3, [np.inf] * 3)
    assert (nothing.value, nothing.low, nothing.high) == (1.0, 0.0, np.inf)

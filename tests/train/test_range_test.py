"""The learning-rate range test: it leaves no trace, survives spikes, and says so where no rate is good."""

import jax
import numpy as np
import pytest
from tests.train.problems import PLAN, dataset

from gammabeta.data.dataset import Dataset
from gammabeta.errors import UsageError
from gammabeta.nn import Dense, Sequential, SquaredError
from gammabeta.optim import Sgd
from gammabeta.train import fit
from gammabeta.train.range_test import DIVERGED, place_of, range_test, smoothed, suggested
from gammabeta.train.step import advance

TRAIN = dataset()
# one network and batch width for all sweeps here, so that they share one program
SMALL = {"steps": 40, "seeds": 2}


@pytest.fixture(scope="module")
def found():
    return range_test(PLAN, TRAIN, **SMALL)


def curve(steps=100, fall=(30, 70), top=2.5, bottom=0.5, noise=0.05, seed=0):
    """A sweep as they look: flat, falling from one step to another, then up by a half with every step."""
    random = np.random.default_rng(seed)
    index = np.arange(steps)
    down = np.interp(index, fall, (top, bottom))
    return down * 1.5 ** np.maximum(0, index - fall[1] - 10.0) + noise * random.standard_normal(steps)


def test_the_rates_grow_by_one_factor_from_low_to_high(found):
    np.testing.assert_allclose(found.rates[[0, -1]], [1e-6, 10])
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e7) / 39)
    assert found.losses.shape == found.smoothed.shape == (2, 40)


def test_the_steps_are_made_at_those_rates():
    """One weight, no bias to speak of: with plain descent on squares every step can be followed by hand."""
    data = Dataset(x=np.full((3, 1), 2, np.float32), y=np.array([[5.0], [7], [9]], np.float32))
    plan = PLAN.replace(network=Sequential((Dense(1, bias=False),)), loss=SquaredError(), optimizer=Sgd(), batch_size=3)
    found = range_test(plan, data, low=1e-4, high=0.05, steps=25, seeds=1)
    # mean (2 w - y)^2 = (2 w - 7)^2 + 8/3 up to the loss's own factor; its first value gives w
    losses = found.losses[0]
    factor = plan.loss.rows(np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)).item()
    distance = np.sqrt(losses / factor - 8 / 3)
    shrink = 1 - 8 * factor * found.rates[:-1]
    np.testing.assert_allclose(distance[1:] / distance[:-1], shrink, rtol=2e-4)


def test_it_suggests_a_rate_within_its_band(found):
    low, high = found.band
    assert 1e-4 < low <= found.suggestion <= high < 1
    assert "90%" in found.why


def test_the_suggested_rate_trains(found):
    def last(rate):
        plan = PLAN.replace(optimizer=PLAN.optimizer.replace(learning_rate=rate), epochs=4)
        return list(fit(plan, TRAIN, probe=None))[-1].train["loss"]

    assert last(found.suggestion) < 0.8 * last(found.suggestion / 300)


def test_it_leaves_no_trace_and_repeats_itself(found):
    plan, x = PLAN, TRAIN.x.copy()
    one = range_test(plan, TRAIN, **SMALL)
    np.testing.assert_array_equal(one.losses, found.losses)
    assert one.suggestion == found.suggestion
    np.testing.assert_array_equal(TRAIN.x, x)


def test_a_run_beside_it_goes_on_as_without_it():
    def epochs(between):
        for epoch in fit(PLAN, TRAIN, probe=None):
            between()
            last = epoch
        return jax.tree.leaves(last.state)

    alone, beside = epochs(lambda: None), epochs(lambda: range_test(PLAN, TRAIN, **SMALL))
    assert all(np.array_equal(a, b) for a, b in zip(alone, beside, strict=True))


def test_other_rates_and_seeds_compile_nothing(found):
    before = advance._cache_size()
    range_test(PLAN.replace(seed=9), TRAIN, low=1e-4, high=2.0, steps=33, seeds=1)
    assert advance._cache_size() == before


@pytest.mark.parametrize(("low", "high"), [(1e-12, 1e-10), (1e8, 1e9)])
def test_where_nothing_falls_it_suggests_nothing_and_says_so(low, high):
    found = range_test(PLAN, TRAIN, low=low, high=high, **SMALL)
    assert found.suggestion is None
    assert found.band is None
    assert "falls nowhere" in found.why


def test_noise_alone_gives_no_suggestion_in_nearly_every_sweep():
    flat = [2 + 0.3 * np.random.default_rng(seed).standard_normal(100) for seed in range(200)]
    assert sum(place_of(one, smoothed(one)) is not None for one in flat) <= 6


@pytest.mark.parametrize("seed", range(5))
def test_ninety_percent_of_a_known_fall_are_found(seed):
    one = curve(seed=seed)
    assert place_of(one, smoothed(one)) == pytest.approx(66, abs=4)


@pytest.mark.parametrize("spike", [0, 3, 20])
@pytest.mark.parametrize("height", [8.0, 30.0])
def test_an_early_spike_moves_the_suggestion_little(spike, height):
    one = curve(seed=1)
    one[spike] = height
    place = place_of(one, smoothed(one))
    assert place == pytest.approx(66, abs=4)


def test_a_sweep_ends_where_its_loss_is_four_times_the_best_or_not_finite():
    one = curve(noise=0.0)
    end = int(np.isfinite(smoothed(one)).sum())
    assert one[end] > DIVERGED * 0.5
    assert one[end - 4] < DIVERGED * 0.6
    one[60] = np.inf
    assert np.isfinite(smoothed(one)).sum() == 60


def test_a_smooth_curve_is_not_moved_by_smoothing():
    line = np.linspace(3, 1, 100)
    np.testing.assert_allclose(smoothed(line)[30:70], line[30:70], atol=1e-3)
    np.testing.assert_allclose(smoothed(np.full(100, 2.0)), 2.0)


def test_the_suggestion_is_the_geometric_mean_and_the_band_the_extremes_over_seeds():
    rates = np.geomspace(1e-6, 10, 100)
    losses = np.stack([curve(fall=(20, 50), noise=0), curve(fall=(30, 70), noise=0), np.full(100, 2.0)])
    found = suggested(rates, losses, np.stack([smoothed(one) for one in losses]))
    low, high = found.band
    assert found.suggestion == pytest.approx(np.sqrt(low * high))
    assert high / low == pytest.approx(rates[19] / rates[0], rel=0.5)
    assert "2 of 3" in found.why
    assert suggested(rates, losses[1:], np.stack([smoothed(one) for one in losses[1:]])).suggestion is None


def test_a_loss_that_still_falls_at_the_end_is_said():
    rates, one = np.geomspace(1e-6, 1e-2, 100), np.linspace(3, 1, 100)
    assert "still falling" in suggested(rates, one[None], smoothed(one)[None]).why


@pytest.mark.parametrize(
    "options", [{"low": 0.0}, {"low": 2.0, "high": 1.0}, {"high": float("inf")}, {"steps": 5}, {"seeds": 0}]
)
def test_impossible_numbers_are_refused(options):
    with pytest.raises(UsageError, match="expected"):
        range_test(PLAN, TRAIN, **options)

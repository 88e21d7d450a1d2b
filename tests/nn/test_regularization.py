"""Dropout in both forms and Gaussian noise: shares, expectations, tails and correlations, to four standard errors."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gammabeta.errors import PlanError
from gammabeta.nn import PREDICTING, Call, Dense, Dropout, Sequential
from gammabeta.nn.noise import GaussianNoise, normal
from gammabeta.serial import dumps, from_json, lift, lower

SHAPE = (257, 129)
COUNT = SHAPE[0] * SHAPE[1]
SIGMAS = 4 / np.sqrt(COUNT)
ROOT = jax.random.key(0)
TRAINING = Call(key=ROOT, by_batch=True)
drawn = jax.jit(normal, static_argnames="shape")
FORMS = ("inverted", "notes")
LAYERS = {
    "inverted dropout": Dropout(0.3),
    "dropout of the notes": Dropout(0.3, form="notes"),
    "gaussian noise": GaussianNoise(0.4),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def applied(layer, x, call=TRAINING):
    return np.asarray(layer.apply((), (), jnp.asarray(x, jnp.float32), call)[0], np.float64)


# ---- dropout


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("form", FORMS)
def test_both_forms_drop_their_share_and_expect_when_predicting_what_training_gives(form, rate):
    layer, x = Dropout(rate, form), np.full(SHAPE, 3.0)
    training, predicting = applied(layer, x), applied(layer, x, PREDICTING)
    kept = 3 / (1 - rate) if form == "inverted" else 3.0
    spread = math.sqrt(rate * (1 - rate))
    assert abs(np.mean(training == 0) - rate) <= SIGMAS * spread
    np.testing.assert_allclose(training[training != 0], kept, rtol=1e-6)
    np.testing.assert_allclose(predicting, 3.0 if form == "inverted" else 3 * (1 - rate), rtol=1e-6)
    assert abs(training.mean() - predicting.mean()) <= SIGMAS * spread * kept + 1e-5


def test_the_notes_form_is_the_inverted_one_times_the_share_that_is_kept():
    x = np.random.default_rng(0).normal(3, 4, SHAPE)
    for call in (TRAINING, PREDICTING):
        inverted, notes = (applied(Dropout(0.4, form), x, call) for form in FORMS)
        np.testing.assert_allclose(notes, 0.6 * inverted, rtol=1e-6)


def test_scaling_the_outputs_is_scaling_the_weights_of_the_layer_after():
    network = Sequential((Dropout(0.4, form="notes"), Dense(3)))
    params, stats_, _ = network.init(ROOT, (5,))
    x = jnp.asarray(np.random.default_rng(1).normal(3, 4, (7, 5)), jnp.float32)
    y, _ = network.apply(params, stats_, x, PREDICTING)
    np.testing.assert_allclose(y, x @ (0.6 * params[1]["weight"]) + params[1]["bias"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_the_mean_over_masks_through_a_linear_layer_is_the_prediction(form):
    network = Sequential((Dropout(0.4, form), Dense(2)))
    params, stats_, _ = network.init(ROOT, (9,))
    x = np.random.default_rng(2).normal(3, 4, 9)
    many = jnp.asarray(np.tile(x, (20_000, 1)), jnp.float32)
    y = np.asarray(network.apply(params, stats_, many, TRAINING)[0], np.float64)
    wanted = np.asarray(network.apply(params, stats_, many[:1], PREDICTING)[0], np.float64)[0]
    assert (np.abs(y.mean(axis=0) - wanted) < 4 * y.std(axis=0) / math.sqrt(len(y))).all()


# ---- Gaussian noise


@pytest.fixture(scope="module")
def noise():
    return {step: np.asarray(drawn(jax.random.fold_in(ROOT, step), SHAPE), np.float64) for step in range(4)}


def test_noise_has_the_moments_of_a_standard_normal(noise):
    for z in noise.values():
        assert abs(z.mean()) < SIGMAS
        assert abs(z.var() - 1) < SIGMAS * math.sqrt(2)
        assert abs(np.mean(z**3)) < SIGMAS * math.sqrt(15)
        assert abs(np.mean(z**4) - 3) < SIGMAS * math.sqrt(96)
        # Kolmogorov-Smirnov: 1.95 is passed once in a thousand times
        assert stats.kstest(z.ravel(), "norm").statistic < 1.95 / math.sqrt(COUNT)


@pytest.mark.parametrize("beyond", [1.0, 2.0, 3.0, 4.0])
def test_both_tails_hold_their_share(noise, beyond):
    z = np.concatenate([part.ravel() for part in noise.values()])
    share = stats.norm.sf(beyond)
    for tail in (z, -z):
        assert abs(np.mean(tail > beyond) - share) < 4 * math.sqrt(share / z.size)


def test_noise_is_finite_and_alike_on_both_sides_at_its_ends(monkeypatch):
    ends = jnp.array([0, 2**32 - 1, 2**31 - 1, 2**31], jnp.uint32)
    monkeypatch.setattr("gammabeta.nn.noise.random_bits", lambda key, shape: ends)
    low, high, below, above = np.asarray(normal(ROOT, (4,)), np.float64)
    assert low == -high
    assert below == -above
    assert 5.2 < high < 5.4
    assert 0 < above < 1e-6
    assert stats.norm.sf(high) * 2 < 2e-7


@pytest.mark.parametrize("apart", [(0, 1), (1, 0), (1, 1), (16, 0), (0, 64)])
def test_neighboring_noise_is_independent(noise, apart):
    rows, columns = apart
    for z in noise.values():
        one, other = z[rows:, columns:], z[: SHAPE[0] - rows, : SHAPE[1] - columns]
        bound = 4 / math.sqrt(one.size)
        assert abs(np.mean(one * other)) < bound
        assert abs(np.mean((one**2 - 1) * (other**2 - 1)) / 2) < bound


def test_noise_of_steps_layers_and_seeds_is_independent(noise):
    layers = [np.asarray(drawn(TRAINING.at(i).key, SHAPE), np.float64) for i in range(2)]
    seeds = [np.asarray(drawn(jax.random.key(seed), SHAPE), np.float64) for seed in range(2)]
    for one, other in ((noise[0], noise[1]), (noise[2], noise[3]), layers, seeds):
        assert abs(np.mean(one * other)) < SIGMAS
        assert abs(np.mean((one**2 - 1) * (other**2 - 1)) / 2) < SIGMAS


@pytest.mark.parametrize("stddev", [0.0, 0.1, 2.5])
def test_noise_is_added_at_its_strength(stddev):
    added = applied(GaussianNoise(stddev), np.full(SHAPE, 3.0)) - 3
    assert abs(added.mean()) <= SIGMAS * stddev
    assert abs(added.std() - stddev) <= SIGMAS * stddev + 1e-7


def test_noise_is_off_when_predicting_and_a_function_of_its_key():
    layer, x = GaussianNoise(0.5), jnp.full((7, 3), 3.0)
    assert layer.apply((), (), x, Call(by_batch=True))[0] is x
    first, again, other = (applied(layer, x, Call(key=jax.random.key(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_slope_passes_noise_unchanged():
    slope = jax.grad(lambda x: jnp.sum(GaussianNoise(0.5).apply((), (), x, TRAINING)[0]))(jnp.full((7, 3), 3.0))
    assert np.array_equal(slope, np.ones((7, 3)))


# ---- what all of them share


@every_layer
def test_a_layer_comes_back_from_json_equal(name):
    layer = LAYERS[name]
    back = from_json(json.loads(dumps(layer)))
    assert back == layer
    assert hash(back) == hash(layer)


@every_layer
def test_another_strength_shares_the_program_and_reaches_the_output(name):
    traced = []

    @jax.jit
    def training(numbers):
        traced.append(numbers)
        return lower(skeleton, numbers).apply((), (), jnp.full((31, 17), 3.0), TRAINING)[0]

    skeleton, numbers = lift(LAYERS[name])
    other = {path: number / 2 for path, number in numbers.items()}
    first, second = np.asarray(training(numbers)), np.asarray(training(other))
    assert len(traced) == 1
    np.testing.assert_allclose(second, applied(lower(skeleton, other), np.full((31, 17), 3.0)), rtol=1e-5)
    assert not np.allclose(first, second)


@every_layer
def test_half_precision_stays_half_precision(name):
    x = jax.ShapeDtypeStruct((5, 3), jnp.bfloat16)
    for call in (TRAINING, PREDICTING):
        assert jax.eval_shape(lambda x, call=call: LAYERS[name].apply((), (), x, call)[0], x).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Dropout(1.0), r"rate: 1.0 is outside its range \[0, 1\)"),
        (lambda: Dropout(-0.1), r"rate: -0.1 is outside its range \[0, 1\)"),
        (lambda: Dropout(0.5, form="note"), "notes"),
        (lambda: GaussianNoise(-0.1), r"stddev: -0.1 is outside its range \[0, inf\)"),
        (lambda: GaussianNoise(math.inf), "not a finite number"),
    ],
)
def test_an_impossible_value_is_refused_with_its_range(made, words):
    with pytest.raises(PlanError, match=words):
        made()

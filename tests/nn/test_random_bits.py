"""Cheap random bits: frequencies and correlations within four standard errors, and what dropout makes of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.nn import Call, Dropout
from gammabeta.nn.random_bits import bernoulli, random_bits

SHAPE = (257, 129)
COUNT = SHAPE[0] * SHAPE[1]
SIGMAS = 4 / np.sqrt(COUNT)
ROOT = jax.random.key(0)
bits = jax.jit(random_bits, static_argnames="shape")


def uniform(key):
    """The bits as numbers of mean 0 and spread 1."""
    return (np.asarray(bits(key, SHAPE), np.float64) / 2**32 - 0.5) * np.sqrt(12)


def correlation(one, other):
    return abs(np.mean(one * other)) * np.sqrt(COUNT / one.size)


@pytest.fixture(scope="module")
def drawn():
    return {step: uniform(jax.random.fold_in(ROOT, step)) for step in range(5)}


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_every_bit_is_one_half_of_the_time(seed):
    found = np.asarray(bits(jax.random.key(np.uint32(seed)), SHAPE))
    assert found.dtype == np.uint32
    for bit in range(32):
        assert abs(np.mean(found >> bit & 1) - 0.5) < SIGMAS / 2, bit


def test_the_numbers_fill_their_range_evenly(drawn):
    for numbers in drawn.values():
        counts, _ = np.histogram(numbers, bins=16, range=(-np.sqrt(3), np.sqrt(3)))
        # chi-squared of 15 degrees of freedom: mean 15, standard deviation sqrt(30)
        assert np.sum((counts - COUNT / 16) ** 2) / (COUNT / 16) < 15 + 4 * np.sqrt(30)
        assert abs(np.mean(numbers)) < SIGMAS


@pytest.mark.parametrize("apart", [(0, 1), (1, 0), (0, 2), (2, 0), (1, 1), (16, 0), (0, 64)])
def test_neighboring_elements_are_not_correlated(drawn, apart):
    rows, columns = apart
    for numbers in drawn.values():
        one = numbers[rows:, columns:]
        other = numbers[: SHAPE[0] - rows, : SHAPE[1] - columns]
        assert correlation(one, other) < SIGMAS


def test_steps_are_not_correlated(drawn):
    for step in range(4):
        assert correlation(drawn[step], drawn[step + 1]) < SIGMAS
        assert correlation(drawn[step], np.roll(drawn[step + 1], 1)) < SIGMAS


def test_layers_are_not_correlated():
    call = Call(key=jax.random.fold_in(ROOT, 3))
    layers = [uniform(call.at(index).key) for index in range(4)]
    for index in range(3):
        assert correlation(layers[index], layers[index + 1]) < SIGMAS
    nested = [uniform(call.at(0).at(1).key), uniform(call.at(1).at(0).key)]
    assert correlation(*nested) < SIGMAS


def test_seeds_are_not_correlated():
    one, other = (uniform(jax.random.key(seed)) for seed in (0, 1))
    assert correlation(one, other) < SIGMAS


@pytest.mark.parametrize("chance", [0.0, 0.02, 0.3, 0.5, 0.97, 1.0])
def test_a_chance_is_met(chance):
    found = np.asarray(bernoulli(ROOT, chance, SHAPE))
    assert found.dtype == bool
    assert abs(found.mean() - chance) <= 4 * np.sqrt(chance * (1 - chance) / COUNT)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation_and_drops_its_share(rate):
    x = jnp.full(SHAPE, 3.0)
    y, _ = Dropout(rate).apply((), (), x, Call(key=ROOT))
    y = np.asarray(y)
    spread = np.sqrt(rate * (1 - rate) / COUNT)
    assert abs(np.mean(y == 0) - rate) <= 4 * spread
    assert abs(y.mean() - 3.0) <= 4 * 3.0 * spread / (1 - rate) + 1e-5
    np.testing.assert_allclose(y[y != 0], 3.0 / (1 - rate), rtol=1e-6)


def test_dropout_is_the_identity_without_a_key():
    x = jnp.ones((3, 2))
    assert Dropout(0.5).apply((), (), x, Call(by_batch=True))[0] is x

"""Moments: merging is exact, forgetting is unbiased, NumPy and JAX agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammabeta import moments
from gammabeta.moments import BatchMoments, RunningMoments

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def rows(seed: int, count: int, features: int = 3) -> np.ndarray:
    """N(3, 4^2), each feature shifted by its number."""
    return 3 + 4 * np.random.default_rng(seed).standard_normal((count, features)) + np.arange(features)


def same(found, wanted, **tolerance) -> None:
    for name, one, other in zip(found._fields, found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), err_msg=name, **(tolerance or EXACT))


@st.composite
def parts(draw, count: int):
    """Some sets of rows, each perhaps a single row, far from zero or of fractional weights."""
    made = []
    for _ in range(count):
        size = draw(st.integers(1, 9))
        offset = draw(st.sampled_from([0.0, -7.0, 100.0]))
        weights = np.array(draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=size, max_size=size)))
        made.append((rows(draw(st.integers(0, 1000)), size) + offset, weights))
    return made


@given(parts(2))
def test_parts_merged_equal_the_whole(made):
    (a, wa), (b, wb) = made
    whole = moments.observe(np.concatenate([a, b]), np.concatenate([wa, wb]))
    same(moments.merge(moments.observe(a, wa), moments.observe(b, wb)), whole)


@given(parts(3))
def test_merging_is_associative_and_commutative(made):
    a, b, c = (moments.observe(x, weights) for x, weights in made)
    same(moments.merge(moments.merge(a, b), c), moments.merge(a, moments.merge(b, c)))
    same(moments.merge(a, b), moments.merge(b, a))


@given(parts(1))
def test_nothing_seen_is_neutral(made):
    seen = moments.observe(*made[0])
    nothing = moments.nothing_seen(3, np)
    if seen.rows > 0:
        same(moments.merge(seen, nothing), seen)
        same(moments.merge(nothing, seen), seen)
    both = moments.merge(nothing, nothing)
    assert both.rows == 0
    assert np.isfinite(both.mean).all()


def test_moments_are_those_of_numpy_over_all_axes_but_the_last():
    image = rows(0, 5 * 3 * 7).reshape(5, 3, 7, 3)
    seen = moments.observe(image)
    same(seen, BatchMoments(105, image.mean(axis=(0, 1, 2)), image.var(axis=(0, 1, 2))))


def test_whole_weights_count_like_repeated_rows():
    x, weights = rows(1, 7), np.array([1.0, 3, 0, 2, 1, 0, 5])
    same(moments.observe(x, weights), moments.observe(np.repeat(x, weights.astype(int), axis=0)))
    image = rows(2, 7 * 2 * 3).reshape(7, 2, 3, 3)
    same(moments.observe(image, weights), moments.observe(np.repeat(image, weights.astype(int), axis=0)))


def test_rows_without_weight_show_nothing():
    seen = moments.observe(rows(3, 4), np.zeros(4))
    assert seen.rows == 0
    assert np.isfinite(seen.mean).all()
    assert np.isfinite(seen.var).all()


@pytest.mark.parametrize("shape", [(11, 3), (5, 3, 7, 3)])
def test_numpy_and_jax_agree(shape):
    x = rows(4, int(np.prod(shape[:-1]))).reshape(shape)
    weights = np.linspace(0, 2, shape[0])
    memory = RunningMoments(np.asarray(0.3), np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    with jax.enable_x64(True):
        here, there = moments.observe(x, weights), jax.jit(moments.observe)(jnp.asarray(x), jnp.asarray(weights))
        other = moments.observe(x + 1)
        same(there, here)
        same(jax.jit(moments.merge)(there, BatchMoments(*map(jnp.asarray, other))), moments.merge(here, other))
        on_jax = RunningMoments(*map(jnp.asarray, memory))
        same(jax.jit(moments.remember)(on_jax, there, 0.9, 0.1), moments.remember(memory, here, 0.9, 0.1))
        same(moments.as_memory(there), moments.as_memory(here))
        same(moments.nothing_remembered(3, jnp), moments.nothing_remembered(3, np))


def test_the_corrected_variance_is_that_of_numpy_with_one_degree_less():
    x = rows(5, 9)
    np.testing.assert_allclose(moments.unbiased(moments.observe(x)), x.var(axis=0, ddof=1), **EXACT)


def test_one_row_is_not_corrected():
    assert (moments.unbiased(moments.observe(rows(6, 1))) == 0).all()


@given(st.floats(0.01, 1.0), st.integers(1, 12), st.integers(0, 1000))
def test_a_fading_memory_is_the_exponentially_weighted_mean_without_start_up_bias(rate, steps, seed):
    batches = [rows(seed + i, 4 + i % 3) for i in range(steps)]
    memory = moments.nothing_remembered(3, np)
    for batch in batches:
        memory = moments.remember(memory, moments.observe(batch), keep=1 - rate, add=rate)
    shares = rate * (1 - rate) ** np.arange(steps)[::-1]
    closed = RunningMoments(
        1 - (1 - rate) ** steps,
        np.average([batch.mean(axis=0) for batch in batches], axis=0, weights=shares),
        np.average([batch.var(axis=0, ddof=1) for batch in batches], axis=0, weights=shares),
    )
    same(memory, closed)


def test_a_cumulative_memory_is_the_plain_mean_of_the_batches():
    batches = [rows(i, 3 + i) for i in range(5)]
    memory = moments.nothing_remembered(3, np)
    for batch in batches:
        memory = moments.remember(memory, moments.observe(batch), keep=1.0, add=1.0)
    means = np.mean([batch.mean(axis=0) for batch in batches], axis=0)
    same(memory, RunningMoments(5, means, np.mean([batch.var(axis=0, ddof=1) for batch in batches], axis=0)))


def test_the_first_batch_replaces_the_unread_start():
    seen = moments.observe(rows(7, 6))
    memory = moments.remember(moments.nothing_remembered(3, np), seen, keep=0.99, add=0.01)
    np.testing.assert_allclose(memory.mean, seen.mean, rtol=1e-14)
    np.testing.assert_allclose(memory.var, moments.unbiased(seen), rtol=1e-14)


UNUSABLE = {
    "no rows": BatchMoments(np.asarray(0.0), np.ones(3), np.ones(3)),
    "a mean that is not a number": BatchMoments(np.asarray(5.0), np.array([1, np.nan, 1]), np.ones(3)),
    "an infinite mean": BatchMoments(np.asarray(5.0), np.array([1, np.inf, 1]), np.ones(3)),
    "an infinite variance": BatchMoments(np.asarray(5.0), np.ones(3), np.array([1, 1, np.inf])),
}


@pytest.mark.parametrize("seen", UNUSABLE.values(), ids=UNUSABLE)
def test_a_batch_that_cannot_be_used_leaves_the_memory_as_it_is(seen):
    memory = RunningMoments(np.asarray(0.3), np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    for keep, add in ((0.9, 0.1), (1.0, 1.0)):
        with np.errstate(invalid="ignore"):
            same(moments.remember(memory, seen, keep, add), memory, rtol=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        empty = moments.nothing_remembered(3, np)
        same(moments.remember(empty, seen, 0.9, 0.1), empty, rtol=0)


def test_an_empty_memory_reads_as_mean_zero_and_variance_one():
    memory = moments.nothing_remembered(2, np)
    assert memory.weight == 0
    assert memory.mean.tolist() == [0, 0]
    assert memory.var.tolist() == [1, 1]


def test_far_from_zero_the_variance_keeps_its_digits():
    x = np.random.default_rng(8).standard_normal((255, 3)).astype(np.float32)
    for offset in (1e2, 1e3, 1e4):
        shifted = (x + np.float32(offset)).astype(np.float32)
        seen = moments.observe(shifted)
        wanted = shifted.astype(np.float64)
        np.testing.assert_allclose(seen.var, wanted.var(axis=0), rtol=1e-4)
        np.testing.assert_allclose(seen.mean, wanted.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_rounding_of_the_mean_is_taken_back(seed):
    random = np.random.default_rng(seed)
    x = (1e5 + 0.05 * random.standard_normal((255, 3))).astype(np.float32)
    np.testing.assert_allclose(moments.observe(x).var, x.astype(np.float64).var(axis=0), rtol=1e-3)
    x = (1e5 + random.standard_normal((8_191, 3))).astype(np.float32)
    wrong = np.abs(moments.observe(x).mean - x.astype(np.float64).mean(axis=0))
    assert wrong.max() < np.spacing(np.float32(1e5))

"""What every test of folding asks of a folded network."""

from typing import Any

import jax
import numpy as np

from gammabeta.model import fold
from gammabeta.nn import PREDICTING, Layer


def outputs(network: Layer, params: Any, stats: Any, x: np.ndarray) -> np.ndarray:
    y, _ = network.apply(params, stats, x, PREDICTING)
    return np.asarray(y, np.float64)


def check(network: Layer, shape: tuple[int, ...], params: Any, stats: Any) -> Layer:
    """Assert that folding keeps the outputs, and return the folded network."""
    x = (3 + 4 * np.random.default_rng(9).standard_normal((7, *shape))).astype(np.float32)
    folded = fold(network, params, stats)
    before, after = outputs(network, params, stats, x), outputs(*folded, x)
    assert np.max(np.abs(after - before)) <= 1e-5 * np.max(np.abs(before))
    fresh = jax.eval_shape(lambda: folded.network.init(jax.random.key(0), shape)[:2])
    assert jax.tree.structure(fresh) == jax.tree.structure((folded.params, folded.stats))
    assert [leaf.shape for leaf in jax.tree.leaves(fresh)] == [
        np.shape(leaf) for leaf in jax.tree.leaves((folded.params, folded.stats))
    ]
    return folded.network


def norms(network: Layer) -> int:
    return repr(network).count("BatchNorm(")


def check_twice(network: Layer, params: Any, stats: Any) -> None:
    """Assert that folding what is folded changes nothing."""
    once = fold(network, params, stats)
    twice = fold(*once)
    assert twice.network == once.network
    for old, new in zip(jax.tree.leaves(once.params), jax.tree.leaves(twice.params), strict=True):
        np.testing.assert_array_equal(old, new)

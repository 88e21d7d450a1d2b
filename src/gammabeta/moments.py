"""Moments: what a batch showed, and what is remembered of many batches.

Two types, so that a count of rows and a fading weight cannot be mixed. Both work on NumPy and JAX arrays alike.

- :class:`BatchMoments` is what was seen: a mergeable value, the moments of a union being a function of the
  moments of its parts (law of total variance).
- :class:`RunningMoments` is what is remembered: a weighted memory that starts at weight 0, so it has no
  start-up bias and needs no first-time flag. Its unread mean is 0 and its unread variance 1.
"""

from typing import Any, NamedTuple

import numpy as np

from gammabeta.types import Array


class BatchMoments(NamedTuple):
    """Moments of the rows that were seen.

    rows: scalar, the sum of the rows' weights; 0 says that nothing was seen
    mean: (features,)
    var: (features,), biased: divided by ``rows``
    """

    rows: Array
    mean: Array
    var: Array


class RunningMoments(NamedTuple):
    """Moments remembered over batches.

    weight: scalar, the memory's total weight; 0 before anything was seen
    mean: (features,)
    var: (features,), of batch variances corrected by rows / (rows - 1)
    """

    weight: Array
    mean: Array
    var: Array


def observe(x: Array, weights: Array | None = None) -> BatchMoments:
    """The moments of x over all axes but the last, two-pass.

    x: (rows, ..., features); weights: (rows,), 0 leaves a row out, None counts every row once

    mean = sum(w x) / sum(w);  var = sum(w (x - mean)^2) / sum(w) - (sum(w (x - mean)) / sum(w))^2

    Both sums run over x minus its first row, so that a million float32 values far from zero lose no digits, and the
    subtracted term, 0 in exact arithmetic, takes back the rounding of the mean. Never the difference of squares
    E[x^2] - E[x]^2. Source: Chan, Golub & LeVeque 1983, Algorithms for computing the sample variance, The American
    Statistician 37
    """
    xp: Any = x.__array_namespace__()
    features = x.shape[-1]
    flat = xp.reshape(x, (-1, features))
    rows_per_weight = flat.shape[0] // x.shape[0]
    if weights is None:
        weights = xp.ones(x.shape[0], dtype=x.dtype)
    rows = xp.sum(weights) * rows_per_weight
    shares = weights / xp.where(rows == 0, xp.ones_like(rows), rows)
    if rows_per_weight > 1:
        shares = xp.repeat(shares, rows_per_weight)
    pivot = constant(flat[0])
    apart = flat - pivot
    mean = weighted_sum(shares, apart)
    centered = apart - mean
    residual = weighted_sum(shares, centered)
    var = weighted_sum(shares, centered * centered) - residual * residual
    return BatchMoments(rows, xp.where(rows == 0, xp.zeros_like(mean), pivot + mean + residual), var)


def constant(x: Array) -> Array:
    """x as a value that no gradient flows through."""
    if isinstance(x, np.ndarray):
        return x
    from jax.lax import stop_gradient

    return stop_gradient(x)


def weighted_sum(shares: Array, x: Array) -> Array:
    """(features,) from shares (rows,) and x (rows, features), in full precision.

    Accelerators round the factors of a matrix product to TF32 or bfloat16 by default, which would be the error of the
    statistics. On a CPU the product is a third faster than a sum over rows.
    """
    xp: Any = x.__array_namespace__()
    options = {} if isinstance(x, np.ndarray) else {"precision": "highest"}
    product: Array = xp.matmul(shares, x, **options)
    return product


def merge(first: BatchMoments, second: BatchMoments) -> BatchMoments:
    """The moments of the union of two disjoint sets of rows, exact: the law of total variance.

    n = n1 + n2
    mean = (n1 mean1 + n2 mean2) / n
    var = (n1 var1 + n2 var2) / n + n1 n2 (mean1 - mean2)^2 / n^2
    """
    xp: Any = first.mean.__array_namespace__()
    rows = first.rows + second.rows
    safe = xp.where(rows == 0, xp.ones_like(rows), rows)
    share = second.rows / safe
    apart = second.mean - first.mean
    mean = first.mean + apart * share
    var = first.var * (1 - share) + second.var * share + apart * apart * share * (1 - share)
    return BatchMoments(rows, mean, var)


def nothing_seen(features: int, xp: Any) -> BatchMoments:
    """The neutral element of :func:`merge`: no rows."""
    return BatchMoments(xp.zeros(()), xp.zeros(features), xp.zeros(features))


def nothing_remembered(features: int, xp: Any) -> RunningMoments:
    """An empty memory: weight 0, mean 0, variance 1."""
    return RunningMoments(xp.zeros(()), xp.zeros(features), xp.ones(features))


def remember(memory: RunningMoments, seen: BatchMoments, keep: Any, add: Any) -> RunningMoments:
    """Blend a batch into a memory: weight' = keep weight + add;  value' = value + (add / weight') (batch - value).

    keep = 1 - update_rate, add = update_rate: exponentially weighted average without start-up bias.
    keep = 1, add = 1: plain average of all batches.
    A batch of no rows, or one with a non-finite moment, leaves the memory as it is.
    """
    xp: Any = memory.mean.__array_namespace__()
    usable = (seen.rows > 0) & xp.all(xp.isfinite(seen.mean)) & xp.all(xp.isfinite(seen.var))
    weight = keep * memory.weight + add
    step = add / weight
    mean = memory.mean + step * (seen.mean - memory.mean)
    var = memory.var + step * (unbiased(seen) - memory.var)
    # the very first batch replaces the unread (0, 1) exactly
    return RunningMoments(
        xp.where(usable, weight, memory.weight),
        xp.where(usable, mean, memory.mean),
        xp.where(usable, var, memory.var),
    )


def unbiased(seen: BatchMoments) -> Array:
    """The variance corrected by rows / (rows - 1); as it is where there is at most one row."""
    xp: Any = seen.mean.__array_namespace__()
    more = seen.rows > 1
    factor = xp.where(more, seen.rows / xp.where(more, seen.rows - 1, xp.ones_like(seen.rows)), xp.ones_like(seen.rows))
    return seen.var * factor


def as_memory(seen: BatchMoments) -> RunningMoments:
    """A memory that holds exactly what was seen, at weight 1, its variance as seen."""
    xp: Any = seen.mean.__array_namespace__()
    return RunningMoments(xp.ones_like(seen.rows), seen.mean, seen.var)

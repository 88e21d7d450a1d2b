"""Ghost batches (Hoffer 2017): virtual batches inside a training batch, each with moments of its own."""

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.moments import constant, weighted_sum
from gammabeta.types import Array


def refuse_larger(size: int, rows: int, place: str = "batch_norm") -> None:
    """Raise PlanError where a ghost of ``size`` rows does not fit into a batch of ``rows``."""
    if size > rows:
        raise PlanError(
            f"{place}.ghost_size: {size} is larger than the batch of {rows} rows, expected 2 to {rows}; "
            f"set a smaller ghost_size, a larger batch_size, or ghost_size=none."
        )


def ghost_moments(size: int, x: Array, weights: Array | None) -> tuple[Array, Array]:
    """(mean, var) that normalize each row, those of its virtual batch: both (rows, 1, ..., features).

    size: rows of a virtual batch, at least; x: (rows, ..., features); weights: (rows,), None counts every row once

    Of n rows that count, those with weight, the i-th goes to virtual batch i modulo max(1, n // size): each has size
    rows or more, less than twice as many, and no two differ by more than one. So padding, of which a batch may have
    any number of rows, leaves no virtual batch with a single row. Their number is a value, the most there can be a
    shape: batches of another size compile nothing. Two-pass about the first row, as :func:`gammabeta.moments.observe`.
    """
    rows = x.shape[0]
    refuse_larger(size, rows)
    weights = jnp.ones(rows, x.dtype) if weights is None else weights
    counts = weights > 0
    ghosts = jnp.maximum(jnp.sum(counts) // size, 1)
    number = (jnp.cumsum(counts) - 1) % ghosts
    member = (number == jnp.arange(rows // size)[:, None]).astype(x.dtype)
    total = jnp.sum(member * weights, axis=1, keepdims=True)
    shares = member * weights / jnp.where(total == 0, 1.0, total)

    def average(values: Array) -> Array:
        """(ghosts, features) from (rows, ..., features)."""
        return weighted_sum(shares, jnp.mean(values, axis=tuple(range(1, values.ndim - 1))))

    def by_row(values: Array) -> Array:
        """(rows, 1, ..., features) from (ghosts, features)."""
        return weighted_sum(member.T, values).reshape(rows, *[1] * (x.ndim - 2), -1)

    pivot = constant(x.reshape(-1, x.shape[-1])[0])
    apart = x - pivot
    mean = average(apart)
    centered = apart - by_row(mean)
    residual = average(centered)
    var = average(centered * centered) - residual * residual
    return pivot + by_row(mean + residual), by_row(var)

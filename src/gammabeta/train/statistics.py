"""Batch-norm statistics for prediction, re-estimated with the weights frozen."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta import moments
from gammabeta.data.dataset import Dataset
from gammabeta.moments import BatchMoments, RunningMoments
from gammabeta.nn import Call, Layer, without_initializers
from gammabeta.nn.memories import batch_norms, memories, observed_in, with_memories
from gammabeta.serial import lift, lower
from gammabeta.train.evaluate import padded_rows
from gammabeta.train.room import pass_rows
from gammabeta.train.step import Scale, ingested, scale_of
from gammabeta.types import Array, Tree


def settled(network: Layer, params: Tree, stats: Tree, data: Dataset, batch_size: int = 128) -> Tree:
    """The statistics with every batch norm's memory replaced as its ``estimator`` asks.

    "exact": the moments of all rows of ``data`` by the law of total variance, count-weighted, biased; dropout off;
    settled layer by layer from the input, because what a layer sees depends on the statistics before it.
    "paper": mean of batch means and of corrected batch variances over one pass in training mode, dropout off.
    "ema" and "cumulative" keep what the training steps remembered.

    One pass per exact layer; a single one where all rows fit in it (at most 8,192, fewer wide ones) and every layer is
    exact: then the batch's own moments are the answer for all layers at once.
    """
    norms = batch_norms(network)
    estimators = [norm.estimator if norm.update else "kept" for norm in norms]
    if "paper" in estimators:
        blank = [moments.nothing_remembered(len(memory.mean), jnp) for memory in memories(stats)]
        for x, weights in passes(data, batch_size):
            seen = observed(network, params, stats, x, weights, scale_of(data), by_batch=True)
            blank = [moments.remember(old, new, keep=1.0, add=1.0) for old, new in zip(blank, seen, strict=True)]
        stats = with_memories(stats, blank, [estimator == "paper" for estimator in estimators])
    exact = [estimator == "exact" for estimator in estimators]
    at_once = data.rows <= pass_rows(network, data.input_shape)
    if all(exact) and all(norm.normalizes_by == "batch" for norm in norms) and at_once:
        return stats if not exact else with_memories(stats, pooled(network, params, stats, data, True), exact)
    for index, is_exact in enumerate(exact):
        if is_exact:
            chosen = [other == index for other in range(len(exact))]
            stats = with_memories(stats, pooled(network, params, stats, data, False), chosen)
    return stats


def pooled(network: Layer, params: Tree, stats: Tree, data: Dataset, by_batch: bool) -> list[RunningMoments]:
    """The exact moments of every batch norm's input over all rows."""
    total: list[BatchMoments] | None = None
    for x, weights in passes(data, pass_rows(network, data.input_shape)):
        seen = observed(network, params, stats, x, weights, scale_of(data), by_batch=by_batch)
        total = seen if total is None else [moments.merge(old, new) for old, new in zip(total, seen, strict=True)]
    fresh = [moments.as_memory(seen) for seen in total or []]
    # what is not finite replaces nothing
    return [
        new if bool(jnp.all(jnp.isfinite(new.var))) else old for new, old in zip(fresh, memories(stats), strict=True)
    ]


def passes(data: Dataset, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows in order, in pieces of one shape, and their weights, 0 on padding."""
    for piece in padded_rows(data.rows, rows):
        taken = np.maximum(piece, 0)
        yield data.x[taken], np.where(piece < 0, np.float32(0), data.weights[taken])


def observed(
    network: Layer, params: Tree, stats: Tree, x: Array, weights: Array, scale: Scale | None, by_batch: bool
) -> list[BatchMoments]:
    """What every batch norm saw of its input, in order."""
    skeleton, numbers = lift(without_initializers(network))
    seen: list[BatchMoments] = compiled_observed(skeleton, numbers, params, stats, x, weights, scale, by_batch)
    return seen


@partial(jax.jit, static_argnames=("skeleton", "by_batch"))
def compiled_observed(
    skeleton: Layer,
    numbers: dict[str, float],
    params: Tree,
    stats: Tree,
    x: Array,
    weights: Array,
    scale: Scale | None,
    by_batch: bool,
) -> list[BatchMoments]:
    network: Layer = lower(skeleton, numbers)
    call = Call(weights=weights, by_batch=by_batch, observing=True)
    _, seen = network.apply(params, stats, ingested(x, scale), call)
    return observed_in(seen)

"""Gradient accumulation that equals the undivided batch, batch norm included.

In a network with batch norm the loss is not a sum over micro-batches: every row's output depends on the moments of the
whole batch. So the moments M of all batch norms are made values of their own. With M given, rows are independent:

    loss(w, M) = sum over micro-batches,    M = G(w, M), the moments that the layers then see

G of a layer depends on the M of the layers before it only, so M is found exactly by as many forward sweeps as there
are batch norms. The gradient follows by the adjoint of the same equation, found by as many backward sweeps:

    lambda = dloss/dM + (dG/dM)^T lambda,      gradient = dloss/dw + (dG/dw)^T lambda

Only one micro-batch's activations are held at a time.
"""

from typing import Any

import jax
import jax.numpy as jnp

from gammabeta import moments
from gammabeta.moments import BatchMoments, RunningMoments
from gammabeta.nn import Call, Layer, Loss, Probe
from gammabeta.nn.memories import batch_norms, is_seen, memories, observed_in, with_memories
from gammabeta.types import Array, Tree

Given = list[RunningMoments]
"""The moments that normalize, one per batch norm; also a direction in their space."""

Micro = tuple[Array, Array, Array, Array]
"""x, y and weights of one micro-batch, and its number."""


def accumulated(
    network: Layer,
    loss: Loss,
    params: Tree,
    stats: Tree,
    x: Array,
    y: Array,
    weights: Array,
    key: Array,
    size: int,
    probe: Probe | None = None,
    taps: Any = None,
) -> tuple[Array, Any, Tree, Any]:
    """(loss, seen, gradient, what flowed to the taps) of the whole batch, from micro-batches of at most ``size`` rows.

    x (rows, ...), y (rows, ...), weights (rows,); dropout and noise draw by micro-batch. probe and taps see the first
    micro-batch, normalized by the moments of all, and the gradient that flows back through those moments, too.
    """
    micros = divided(x, y, weights, size)
    total = jnp.sum(weights)
    total = jnp.where(total == 0, 1.0, total)
    chosen = [norm.normalizes_by == "batch" for norm in batch_norms(network)]

    def forward(params: Tree, given: Given, micro: Micro, **watching: Any) -> tuple[Array, Any]:
        """The micro-batch's share of the loss, and what it showed, with the moments given."""
        x, y, weights, number = micro
        call = Call(key=jax.random.fold_in(key, number), weights=weights, observing=True, **watching)
        outputs, seen = network.apply(params, with_memories(stats, given, chosen), x, call)
        return jnp.sum(loss.rows(outputs, y) * weights) / total, seen

    def sweep(given: Given) -> tuple[list[BatchMoments], Array]:
        """What all rows show together with the moments given, and their loss."""

        def add(carry: tuple[list[BatchMoments], Array], micro: Micro) -> tuple[tuple[list[BatchMoments], Array], None]:
            part, seen = forward(params, given, micro)
            merged = [moments.merge(old, new) for old, new in zip(carry[0], observed_in(seen), strict=True)]
            return (merged, carry[1] + part), None

        none = [BatchMoments(jnp.zeros_like(m.weight), jnp.zeros_like(m.mean), jnp.zeros_like(m.var)) for m in given]
        return jax.lax.scan(add, (none, jnp.zeros_like(total)), micros)[0]

    def objective(params: Tree, given: Given, micro: Micro, cotangent: Given, **watching: Any) -> tuple[Array, Any]:
        """(loss + G . cotangent, what was seen) of a micro-batch."""
        value, seen = forward(params, given, micro, **watching)
        share = jnp.sum(micro[2]) / total
        for moment, memory, along in zip(observed_in(seen), given, cotangent, strict=True):
            # about the fixed mean, moments are plain sums over rows, and have the derivative of M at the solution
            apart = moment.mean - jax.lax.stop_gradient(memory.mean)
            value += share * jnp.sum(along.mean * apart + along.var * (moment.var + apart**2))
        return value, seen

    def pulled_back(given: Given, cotangent: Given) -> tuple[Tree, Given]:
        """(d/dw, d/dM) of loss + G . cotangent, summed over micro-batches."""

        def add(carry: Any, micro: Micro) -> tuple[Any, None]:
            part, _ = jax.grad(objective, argnums=(0, 1), has_aux=True)(params, given, micro, cotangent)
            return jax.tree.map(jnp.add, carry, part), None

        start = jax.tree.map(jnp.zeros_like, (params, given))
        pulled: tuple[Tree, Given] = jax.lax.scan(add, start, micros)[0]
        return pulled

    def replaced(old: Given, new: Given) -> Given:
        return [after if use else before for before, after, use in zip(old, new, chosen, strict=True)]

    start = memories(stats)
    given = jax.lax.fori_loop(
        0, sum(chosen), lambda _, given: replaced(given, [moments.as_memory(seen) for seen in sweep(given)[0]]), start
    )
    together, value = sweep(given)
    nothing = jax.tree.map(jnp.zeros_like, given)
    adjoint = jax.lax.fori_loop(
        0, sum(chosen), lambda _, adjoint: replaced(nothing, pulled_back(given, adjoint)[1]), nothing
    )
    gradient, _ = pulled_back(given, adjoint)
    first: Micro = jax.tree.map(lambda part: part[0], micros)
    kept = [norm.update for norm in batch_norms(network)]
    if probe is None:
        structure = jax.eval_shape(lambda: forward(params, given, first)[1])
        return value, with_observed(structure, together, kept), gradient, taps

    def watched(taps: Any) -> tuple[Array, Any]:
        return objective(params, given, first, adjoint, probe=probe, taps=taps)

    flowed, seen = jax.grad(watched, has_aux=True)(taps)
    # as if the first micro-batch's rows were all there are
    flowed = jax.tree.map(lambda tap: tap * (total / jnp.sum(first[2])).astype(tap.dtype), flowed)
    return value, with_observed(seen, together, kept), gradient, flowed


def divided(x: Array, y: Array, weights: Array, size: int) -> Micro:
    """The batch as micro-batches of equal size: every part (micro-batches, size, ...), weight 0 on padding."""
    count = -(-x.shape[0] // size)
    size = -(-x.shape[0] // count)
    padding = count * size - x.shape[0]

    def stacked(part: Array) -> Array:
        padded = jnp.concatenate([part, jnp.repeat(part[:1], padding, axis=0)]) if padding else part
        return padded.reshape(count, size, *part.shape[1:])

    weights = jnp.concatenate([weights, jnp.zeros(padding, weights.dtype)]).reshape(count, size)
    return stacked(x), stacked(y), weights, jnp.arange(count)


def with_observed(seen: Any, together: list[BatchMoments], kept: list[bool]) -> Any:
    """What was seen, with the moments of the whole batch where they are kept, and none elsewhere."""
    leaves, structure = jax.tree.flatten(seen, is_leaf=is_seen)
    whole = iter([moment if keep else None for moment, keep in zip(together, kept, strict=True)])
    return jax.tree.unflatten(structure, [next(whole) if is_seen(leaf) else leaf for leaf in leaves])

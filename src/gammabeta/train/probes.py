"""The default probes: a few scalars per layer, from a compiled step beside that of the training."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta import moments
from gammabeta.moments import BatchMoments, RunningMoments
from gammabeta.nn import Activation, Frozen, Layer, Passage, Residual, Seen, Sequential, Wrapper, bare
from gammabeta.types import Array, Tree

PROBE_EVERY = 800
"""Steps between two probed ones, at most. A probed step costs five to twenty steps: docs/benchmarks/probes.md."""

LEAST_PROBES = 3
"""Probed steps of a run, whatever its length. Each took 0.7 % of the time of one that is over in a second."""

FLAT = 0.05
"""Of its largest slope: where an element of a sigmoid or tanh counts as saturated."""

GUARD = 1e-12


@partial(jax.tree_util.register_dataclass, data_fields=["values"], meta_fields=["names"])
@dataclass(frozen=True, eq=False)
class Signals:
    """Named scalars as one vector, so that one array comes back from the device and not hundreds.

    names: such as "layers.2.spread"; values: (names,), NaN where nothing was measured
    """

    names: tuple[str, ...] = ()
    values: Array = field(default_factory=lambda: np.zeros(0, np.float32))

    @classmethod
    def of(cls, named: Mapping[str, Array]) -> "Signals":
        return cls(tuple(named), jnp.stack([jnp.asarray(value, jnp.float32) for value in named.values()]))


def probe_every(steps: int) -> int:
    """Steps between two probed ones in a run of ``steps``: a short one is probed at its start and after each third."""
    return min(PROBE_EVERY, -(-steps // LEAST_PROBES))


def default_probe(passed: Passage) -> Mapping[str, Array]:
    """What a layer's output (rows, ...) is like, padding left out, rows counted by their weights.

    mean, spread: over rows and units; zero: share at exactly 0; finite: 1 where every output is, else 0
    forward_gain: spread of the output over that of the input
    saturated, of sigmoid and tanh: share with less than 5 % of the largest slope
    dead, of ReLU: share of the units (of images: channels) at 0 for every row of the batch
    """
    layer, shares, y = bare(passed.layer), shares_of(passed), rows_of(passed.y)
    mean, spread = mean_and_spread(y, shares)
    # the layer before computed the same of its output, so that XLA computes it once
    _, before = mean_and_spread(rows_of(passed.x), shares)
    found = {"mean": mean, "spread": spread, "forward_gain": ratio(spread, before)}
    found["finite"] = jnp.isfinite(mean).astype(jnp.float32)
    marks = {"zero": y == 0}
    if isinstance(layer, Activation) and (slope := slope_of(layer, y)) is not None:
        marks["saturated"] = slope < FLAT
    if isinstance(layer, Activation) and layer.function == "relu":
        marks["dead"] = y > 0
    # one product for all marks: a kernel for each would cost more to compile than to run
    share = (shares @ jnp.concatenate(list(marks.values()), axis=1).astype(y.dtype)).reshape(len(marks), -1)
    if "dead" in marks:
        # of images a channel lives where one of its pixels does
        alive = jnp.max(share[-1].reshape(-1, passed.y.shape[-1]), axis=0) > 0
        found["dead"] = 1 - jnp.mean(alive.astype(jnp.float32))
    means = jnp.mean(share, axis=1)
    return found | {name: means[index] for index, name in enumerate(marks) if name != "dead"}


def rows_of(x: Array) -> Array:
    """(rows, values), in float32 or wider."""
    return x.reshape(x.shape[0], -1).astype(jnp.promote_types(x.dtype, jnp.float32))


def shares_of(passed: Passage) -> Array:
    """(rows,), of sum 1."""
    rows = passed.y.shape[0]
    weights = jnp.ones(rows) if passed.weights is None else passed.weights
    return weights / jnp.maximum(jnp.sum(weights), GUARD)


def mean_and_spread(y: Array, shares: Array) -> tuple[Array, Array]:
    """Over rows and values, two-pass; sums run over the rows first, which XLA vectorizes."""
    mean = jnp.mean(shares @ y)
    return mean, jnp.sqrt(jnp.mean(shares @ jnp.square(y - mean)))


def ratio(one: Array, other: Array) -> Array:
    """NaN where there is nothing to divide by."""
    return jnp.where(other > 0, one / jnp.where(other > 0, other, 1.0), jnp.nan)


def slope_of(layer: Activation, y: Array) -> Array | None:
    """f'(z) / max f' from y = f(z), for the functions that are flat at both ends; None for others.

    sigmoid'(z) = y (1 - y), at most 1 / 4;  tanh'(z) = 1 - y^2, at most 1
    """
    return {"sigmoid": 4 * y * (1 - y), "tanh": 1 - y * y}.get(layer.function)


def taps(network: Layer) -> Any:
    """A zero for every layer's output that a gradient reaches in any step; None for a frozen beginning.

    What somebody's own container holds has none, its own output has. () where the network is not a sequence of layers.
    """

    def inside(layer: Layer, outermost: bool) -> Any:
        if is_frozen(layer):
            return jnp.zeros((), jnp.float32)
        layer = bare(layer)
        if isinstance(layer, Sequential):
            frozen = next((i for i, part in enumerate(layer.layers) if not is_frozen(part)), len(layer.layers))
            # a tap there would make the gradient flow where no step needs it
            skipped = frozen if outermost else 0
            return tuple(None if i < skipped else inside(part, False) for i, part in enumerate(layer.layers))
        if isinstance(layer, Residual):
            return inside(layer.body, False), () if layer.shortcut is None else inside(layer.shortcut, False)
        return jnp.zeros((), jnp.float32)

    return inside(network, True) if isinstance(bare(network), Sequential) else ()


def is_frozen(layer: Layer) -> bool:
    return isinstance(layer, Frozen) or (isinstance(layer, Wrapper) and is_frozen(layer.layer))


def signals_of(
    network: Layer,
    seen: Any,
    stats: Tree,
    flowed: Any,
    rows: Array,
    params: Tree,
    grads: Tree,
    direction: Tree,
    rate: Array,
    step: Array,
) -> Signals:
    """What every layer showed, forward and backward, and how every parameter moves, by name.

    step: of the run, from 0, that all of it is of
    layers.PLACE.*: what the probe found; of batch norm: :func:`drift`; of what flowed back: :func:`backward`
    params.PLACE.*: weight, gradient, update: norms; ratio: update over weight

    flowed: the derivatives by the taps; rows: the sum of the batch's weights; direction: with every pace in it
    """
    named: dict[str, Array] = {"step": step}
    for path, part in jax.tree_util.tree_flatten_with_path(seen, is_leaf=lambda part: isinstance(part, Seen))[0]:
        if not isinstance(part, Seen):
            continue
        place = dotted("layers", path)
        for inner, value in jax.tree_util.tree_flatten_with_path(part.probes)[0]:
            named[dotted(place, inner)] = value
        memory = at(stats, path)
        if part.moments is not None and isinstance(memory, RunningMoments):
            named |= {f"{place}.{name}": value for name, value in drift(part.moments, memory).items()}
    parts = [Signals.of(named), backward(network, flowed, rows), moves(params, grads, direction, rate)]
    names = tuple(name for part in parts for name in part.names)
    return Signals(names, jnp.concatenate([part.values for part in parts]))


def moves(params: Tree, grads: Tree, direction: Tree, rate: Array) -> Signals:
    """Norms of every parameter, its gradient and its update, and the update's over the parameter's."""
    paths = [dotted("params", path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    if not paths:
        return Signals()
    weight, gradient, update = (norms(tree) for tree in (params, grads, direction))
    found = {"weight": weight, "gradient": gradient, "update": rate * update, "ratio": ratio(rate * update, weight)}
    return Signals(tuple(f"{path}.{kind}" for kind in found for path in paths), jnp.concatenate(list(found.values())))


def drift(batch: BatchMoments, memory: RunningMoments) -> dict[str, Array]:
    """How far a batch is from what is remembered, over the features; NaN while nothing is.

    mean_gap = mean |mean_batch - mean_memory| / sigma_memory
    variance_ratio = exp mean log (var_batch / var_memory), the batch's variance corrected as the remembered ones are
    """
    sigma = jnp.sqrt(memory.var + GUARD)
    gap = jnp.mean(jnp.abs(batch.mean - memory.mean) / sigma)
    variances = jnp.exp(jnp.mean(jnp.log((moments.unbiased(batch) + GUARD) / (memory.var + GUARD))))
    empty = memory.weight == 0
    return {"mean_gap": jnp.where(empty, jnp.nan, gap), "variance_ratio": jnp.where(empty, jnp.nan, variances)}


def backward(network: Layer, flowed: Any, rows: Array) -> Signals:
    """Of every layer that was tapped, containers too:

    gradient: root mean square over rows and outputs of the derivative of a row's own loss by the layer's output
    backward_gain: that, over the same at the output of the next layer
    finite_gradient: 1, or 0 where any is not finite, or so large that its square is not (1e19)
    """
    reached = dict(tapped_outputs(network, flowed, "layers"))
    if not reached:
        return Signals()
    places, taps = list(reached), jnp.stack(list(reached.values()))
    size = jnp.sqrt(rows * taps)
    following = [
        (index, places.index(after)) for index, place in enumerate(places) if (after := next_to(place)) in reached
    ]
    here, beyond = (np.array([pair[side] for pair in following], int) for side in (0, 1))
    named = {"gradient": size, "finite_gradient": jnp.isfinite(size).astype(jnp.float32)}
    names = [f"{place}.{kind}" for kind in named for place in places]
    names += [f"{places[index]}.backward_gain" for index in here]
    return Signals(tuple(names), jnp.concatenate([*named.values(), ratio(size[here], size[beyond])]))


def next_to(place: str) -> str:
    """``layers.3`` of ``layers.2``"""
    container, index = place.rsplit(".", 1)
    return f"{container}.{int(index) + 1}"


def tapped_outputs(network: Layer, flowed: Any, place: str) -> Iterator[tuple[str, Array]]:
    """(place, what flowed back to its output) of every part of every container that is known."""
    layer = bare(network)
    if isinstance(layer, Residual) and flowed:
        yield from tapped_outputs(layer.body, flowed[0], f"{place}.0")
        if layer.shortcut is not None:
            yield from tapped_outputs(layer.shortcut, flowed[1], f"{place}.1")
    elif isinstance(layer, Sequential) and isinstance(flowed, tuple) and flowed:
        for index, (part, tap) in enumerate(zip(layer.layers, flowed, strict=True)):
            if (reached := at_output(part, tap)) is not None:
                yield f"{place}.{index}", reached
            yield from tapped_outputs(part, tap, f"{place}.{index}")


def at_output(layer: Layer, flowed: Any) -> Array | None:
    """What flowed back to a layer's output: of a container, to that of its last part."""
    if not isinstance(flowed, tuple):
        tap: Array | None = flowed
        return tap
    layer = bare(layer)
    if isinstance(layer, Sequential):
        return at_output(layer.layers[-1], flowed[-1]) if flowed else None
    return at_output(layer.body, flowed[0]) if isinstance(layer, Residual) else None


def norms(tree: Tree) -> Array:
    """(leaves,)"""
    return jnp.sqrt(jnp.stack([jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in jax.tree.leaves(tree)]))


def dotted(place: str, path: Any) -> str:
    """``layers.2.spread``"""
    return ".".join([place, *(str(getattr(part, "key", getattr(part, "idx", part))) for part in path)])


def at(tree: Tree, path: Any) -> Any:
    """What a tree holds at a path; None where it has no such place."""
    for part in path:
        if not isinstance(tree, tuple) or isinstance(tree, RunningMoments) or part.idx >= len(tree):
            return None
        tree = tree[part.idx]
    return tree


def flattened(signals: Signals) -> dict[str, float]:
    """Signals as ``{"layers.2.spread": 0.98, ...}``, for the history."""
    return dict(zip(signals.names, np.asarray(signals.values).tolist(), strict=True))

"""What every layer does on a fixed set of rows: forward, and backward from the loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.compiling import ONCE
from gammabeta.data import Dataset
from gammabeta.diagnosis.stops import passed, stops
from gammabeta.nn import Call, Layer, Loss, Sequential, bare, without_initializers
from gammabeta.nn.places import label
from gammabeta.serial import lift, lower
from gammabeta.train.step import Scale, ingested, mean_loss, scale_of
from gammabeta.types import Array, Tree


@dataclass(frozen=True, eq=False)
class LayerView:
    """One layer on the probe rows.

    place: "layers.2 (relu)", "layers.3.body.1 (relu)"; index: its position in the network's first level, or that of
        what holds it; layer: its description without wrappers
    mean, std, least, most, zero: of every unit's output (channels of images: over all pixels), (units,); zero: the
        share that is exactly 0
    rms: of the whole output; rms_input: of what comes in; gradient: root mean square over all outputs of the loss's
        derivative by them
    """

    place: str
    index: int
    layer: Layer
    mean: np.ndarray
    std: np.ndarray
    least: np.ndarray
    most: np.ndarray
    zero: np.ndarray
    rms: float
    rms_input: float
    gradient: float


@dataclass(frozen=True, eq=False)
class Examination:
    """A network at one moment, on the probe rows.

    layers: of the first level, in order; leaves: those that hold no others, wherever they are, in the order in which
        rows pass through them; loss: the mean, as training measures it but without dropout and noise
    outputs: (rows, k), before the loss makes predictions of them; params: the same tree as the network's with
        {"weight": norm, "gradient": norm} in place of every array, by dotted path
    """

    layers: tuple[LayerView, ...]
    leaves: tuple[LayerView, ...]
    loss: float
    outputs: np.ndarray
    params: Mapping[str, Mapping[str, float]]


def examine(network: Sequential, loss: Loss, params: Tree, stats: Tree, data: Dataset, by_batch: bool) -> Examination:
    """Look at all layers; by_batch: whether batch norm normalizes by these rows, or by its memory."""
    skeleton, numbers = lift((without_initializers(network), loss))
    found = examined(skeleton, numbers, params, stats, data.x, data.y, data.weights, scale_of(data), by_batch)
    forward, backward, value, outputs, norms = jax.device_get(found)
    layers, leaves = [], []
    for stop, seen, gradient in zip(stops(network), forward, backward, strict=True):
        view = LayerView(
            place=f"{stop.place} ({label(stop.layer)})",
            index=stop.number,
            layer=bare(stop.layer),
            rms=float(seen.pop("rms")),
            rms_input=float(seen.pop("rms_input")),
            gradient=float(gradient),
            **seen,
        )
        layers += [view] if stop.first_level else []
        leaves += [view] if stop.leaf else []
    return Examination(tuple(layers), tuple(leaves), float(value), np.asarray(outputs), by_path(norms))


# level 0: this runs twice in a diagnosis, and compiling took 4.5 s where 2.9 s do
@partial(jax.jit, static_argnames=("skeleton", "by_batch"), compiler_options=ONCE)
def examined(
    skeleton: tuple[Sequential, Loss],
    numbers: Mapping[str, float],
    params: Tree,
    stats: Tree,
    x: Array,
    y: Array,
    weights: Array,
    scale: Scale | None,
    by_batch: bool,
) -> tuple[Any, ...]:
    network, loss = lower(skeleton, numbers)
    call = Call(weights=weights, by_batch=by_batch)
    x = ingested(x, scale)

    def walk(params: Tree, shifts: tuple[Array, ...] | None) -> tuple[Array, tuple[Any, Array]]:
        seen: list[tuple[Array, Array]] = []

        def visit(before: Array, y: Array) -> Array:
            y = y if shifts is None else y + shifts[len(seen)]
            seen.append((before, y))
            return y

        here = x
        for part, own, memory in zip(network.layers, params, stats, strict=True):
            here = passed(part, own, memory, here, call, visit, True)
        return mean_loss(loss, here, y, weights), (tuple(seen), here)

    shapes = jax.eval_shape(lambda: walk(params, None)[1][0])
    zeros = tuple(jnp.zeros(shape.shape, shape.dtype) for _, shape in shapes)
    gradients = jax.value_and_grad(walk, argnums=(0, 1), has_aux=True)
    (value, (seen, outputs)), (by_params, by_outputs) = gradients(params, zeros)
    # the mean loss divides by the rows: undone, so that the size does not depend on how many rows are looked at
    backward = tuple(jnp.sqrt(jnp.mean(jnp.square(part))) * x.shape[0] for part in by_outputs)
    norms = jax.tree.map(lambda w, g: {"weight": length(w), "gradient": length(g)}, params, by_params)
    return tuple(unit_views(*part) for part in seen), backward, value, outputs, norms


def unit_views(x: Array, y: Array) -> Mapping[str, Array]:
    by_unit = y.reshape(-1, y.shape[-1]).astype(jnp.float32)
    return {
        "mean": jnp.mean(by_unit, axis=0),
        "std": jnp.std(by_unit, axis=0),
        "least": jnp.min(by_unit, axis=0),
        "most": jnp.max(by_unit, axis=0),
        "zero": jnp.mean(by_unit == 0, axis=0),
        "rms": jnp.sqrt(jnp.mean(jnp.square(by_unit))),
        "rms_input": jnp.sqrt(jnp.mean(jnp.square(x.astype(jnp.float32)))),
    }


def length(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(x.astype(jnp.float32))))


def by_path(norms: Any) -> dict[str, dict[str, float]]:
    """``{"0.weight": {"weight": 3.1, "gradient": 0.2}}``"""
    found: dict[str, dict[str, float]] = {}
    leaves, _ = jax.tree_util.tree_flatten_with_path(norms)
    for path, leaf in leaves:
        *place, kind = (str(getattr(part, "key", getattr(part, "idx", part))) for part in path)
        found.setdefault(".".join(place), {})[kind] = float(leaf)
    return found

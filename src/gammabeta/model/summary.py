"""Layers, shapes and parameter counts."""

import math
from dataclasses import dataclass
from typing import Any

import jax

from gammabeta.moments import RunningMoments
from gammabeta.nn import Ensemble, Layer, Residual, Sequential, bare, part_at
from gammabeta.nn.places import label
from gammabeta.types import Shape


@dataclass(frozen=True)
class Line:
    """One layer: its name, output shape without the batch axis, trainable and not trainable numbers."""

    name: str
    shape: Shape
    trainable: int
    fixed: int


def summary(network: Layer, shape: Shape) -> list[Line]:
    """One line per layer for input examples of ``shape``, counted as Keras counts.

    Batch norm has 4 numbers per unit: 2 trainable (gamma, beta) and 2 not (mean, variance). What is frozen is not
    trainable; a layer that learns at a pace of its own is.
    """
    lines: list[Line] = []
    params, stats, _ = fresh_shapes(network, shape)
    pace = network.pace(params, 0.0)

    def visit(layer: Layer, shape: Shape, place: str, path: tuple[int, ...]) -> Shape:
        layer = bare(layer)
        if isinstance(layer, Sequential):
            for index, part in enumerate(layer.layers):
                shape = visit(part, shape, f"{place}{index}.", (*path, index))
            return shape
        if isinstance(layer, Residual):
            after = visit(layer.body, shape, f"{place}body.", (*path, 0))
            if layer.shortcut:
                visit(layer.shortcut, shape, f"{place}shortcut.", (*path, 1))
            lines.append(Line(f"{place}add", after, 0, 0))
            return after
        if isinstance(layer, Ensemble):
            for index, member in enumerate(layer.members):
                after = visit(member, shape, f"{place}members.{index}.", (*path, index))
            lines.append(Line(f"{place}mean", after, 0, 0))
            return after
        after = fresh_shapes(layer, shape)[2]
        own = part_at(params, path)
        trainable = numbers_in(
            jax.tree.map(lambda leaf, factor: () if is_still(factor) else leaf, own, part_at(pace, path))
        )
        fixed = numbers_in(own) - trainable + remembered_in(part_at(stats, path))
        lines.append(Line(f"{place}{label(layer)}", after, trainable, fixed))
        return after

    visit(network, shape, "", ())
    return lines


def is_still(factor: Any) -> bool:
    """Whether a parameter does not train at all."""
    return isinstance(factor, float) and factor == 0


def fresh_shapes(layer: Layer, shape: Shape) -> tuple[Any, Any, Shape]:
    """Parameters and statistics as shapes only, and the output shape."""
    after: list[Shape] = []

    def init(key: jax.Array) -> tuple[Any, Any]:
        fresh = layer.init(key, shape)
        after.append(fresh.shape)
        return fresh.params, fresh.stats

    params, stats = jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)))
    return params, stats, after[0]


def numbers_in(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def remembered_in(stats: Any) -> int:
    """Means and variances; a memory's weight is bookkeeping and not counted."""
    nodes = jax.tree.leaves(stats, is_leaf=lambda node: isinstance(node, RunningMoments))
    return sum(numbers_in(node[1:]) if isinstance(node, RunningMoments) else numbers_in(node) for node in nodes)

"""Layers, shapes and parameter counts."""

import math
from dataclasses import dataclass
from typing import Any

import jax

from gammabeta.moments import RunningMoments
from gammabeta.nn import Layer, Residual, Sequential
from gammabeta.serial import kind_name
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

    Batch norm has 4 numbers per unit: 2 trainable (gamma, beta) and 2 not (mean, variance).
    """
    lines: list[Line] = []

    def visit(layer: Layer, shape: Shape, place: str) -> Shape:
        if isinstance(layer, Sequential):
            for index, part in enumerate(layer.layers):
                shape = visit(part, shape, f"{place}{index}.")
            return shape
        if isinstance(layer, Residual):
            after = visit(layer.body, shape, f"{place}body.")
            if layer.shortcut:
                visit(layer.shortcut, shape, f"{place}shortcut.")
            lines.append(Line(f"{place}add", after, 0, 0))
            return after
        params, stats, after = fresh_shapes(layer, shape)
        lines.append(Line(f"{place}{label(layer)}", after, numbers_in(params), remembered_in(stats)))
        return after

    visit(network, shape, "")
    return lines


def label(layer: Layer) -> str:
    """What a layer is called: its kind, an activation by its function."""
    return str(getattr(layer, "function", kind_name(type(layer))))


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

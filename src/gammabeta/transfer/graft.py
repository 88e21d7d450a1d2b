"""The state of a new network with everything in it that a trained one already knows."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from gammabeta.data import Schema
from gammabeta.errors import PlanError
from gammabeta.model import Model, suited
from gammabeta.nn import Layer, places
from gammabeta.plan import Plan
from gammabeta.train import Start
from gammabeta.train.step import fresh_state, part_name
from gammabeta.transfer.matching import Way, ways
from gammabeta.transfer.names import Along, along, input_names, output_names
from gammabeta.types import Array, Shape, Tree

BOOKKEEPING = "stats.weight"
"""How much a memory has seen: it goes with the memory, and is not reported."""


class Match(NamedTuple):
    """What became of one array.

    name: of the layer, as summary calls it; parameter: "weight", "bias", "gamma", "beta", "mean", "var", ...
    old, new: shapes in the source and in the new network, None where it is in one of them only
    outcome: "taken", "taken by name", "in part: 5 of 8 columns by name", "fresh: " with the reason, or "left behind"
    """

    name: str
    parameter: str
    old: Shape | None
    new: Shape | None
    outcome: str


class Grafted(NamedTuple):
    """A state to start from.

    params, stats: trees of the new network, on the host
    report: one line per array, in the order of the network, and then what of the source found no place
    taken: trees like params and stats, True where a number came from the source
    """

    params: Tree
    stats: Tree
    report: tuple[Match, ...]
    taken: Start

    @property
    def start(self) -> Start:
        """What fit and learn take."""
        return Start(self.params, self.stats)


class Named(NamedTuple):
    """One array of a network: the name of its layer, and its own, such as "params.weight"."""

    layer: str
    key: str
    array: Array

    @property
    def parameter(self) -> str:
        return self.key.partition(".")[2]


def graft(model: Model, plan: Plan, schema: Schema | None = None) -> Grafted:
    """What ``plan`` would start from, by its seed, with all that matches taken from ``model``.

    plan: with its layers written out; schema: of the new rows, best made by :func:`continued`

    A layer matches by its name, which is its place and kind as summary shows them ("0.dense", "3.body.1.batch_norm";
    Frozen and Paced do not count), an array by its shape. With a schema inputs and outputs match by name: the rows of
    the first dense layer's weight, and the numbers of a normalization before it, by encoded feature; columns and bias
    of the last layer by target and class. What is new starts fresh. Outputs of other names are never taken, even
    where shapes agree. The source's own plan and schema give the source's function exactly.

    Raises PlanError where the plan has no layers yet or does not suit the schema.
    """
    if schema is not None:
        plan = suited(plan, schema)
    network = plan.layers
    if plan.input_shape is None:
        raise PlanError("graft: the plan has no input_shape, expected one that has met its data; give the schema too.")
    state = jax.device_get(fresh_state(plan, plan.input_shape))
    source = {(each.layer, each.key): each.array for each in arrays(model.plan.layers, model.params, model.stats)}
    inputs, outputs = (None, None) if schema is None else by_name(model, plan, schema)
    way_of = ways(network, inputs, outputs)
    report, made, taken = [], [], []
    for each in arrays(network, state.params, state.stats):
        old = source.pop((each.layer, each.key), None)
        array, mask, outcome = grafted(each, old, way_of[each.layer])
        made.append(array)
        taken.append(mask)
        if each.key != BOOKKEEPING:
            shape = None if old is None else old.shape
            report.append(Match(each.layer, each.parameter, shape, array.shape, outcome))
    for (layer, key), array in source.items():
        if key != BOOKKEEPING:
            report.append(Match(layer, key.partition(".")[2], array.shape, None, "left behind"))
    structure = jax.tree.structure(Start(state.params, state.stats))
    params, stats = jax.tree.unflatten(structure, made)
    return Grafted(params, stats, tuple(report), jax.tree.unflatten(structure, taken))


def arrays(network: Layer, params: Tree, stats: Tree) -> list[Named]:
    """All arrays of a network, in the order of jax.tree.leaves(Start(params, stats))."""
    at = {place.path: place.name for place in places(network)}
    found = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(Start(params, stats))[0]:
        place = tuple(step.idx for step in path if hasattr(step, "idx"))
        key = ".".join(part_name(step) for step in path if not hasattr(step, "idx"))
        found.append(Named(at[place], key, np.asarray(leaf)))
    return found


def by_name(model: Model, plan: Plan, schema: Schema) -> tuple[Along | None, Along | None]:
    """How inputs and outputs are matched; None where position says all, as for pixels."""
    tables = schema.image is None and model.schema.image is None
    inputs = along("columns", input_names(schema), input_names(model.schema)) if tables else None
    what = "classes" if schema.task == "multiclass" else "targets"
    return inputs, along(what, output_names(schema, plan.loss), output_names(model.schema, model.plan.loss))


def grafted(fresh: Named, old: Array | None, way: Way) -> tuple[Array, Array, str]:
    """(array, True where it came from the source, outcome)."""
    nothing = np.zeros(fresh.array.shape, dtype=bool)
    if old is None:
        return fresh.array, nothing, "fresh: not in the source"
    if way.lost:
        return fresh.array, nothing, "fresh: the columns it mixes are others"
    axes = way.axes(fresh.parameter, fresh.array.ndim)
    if old.shape != source_shape(fresh.array.shape, axes):
        return fresh.array, nothing, "fresh: shape differs"
    for each in axes.values():
        if not len(each.new):
            return fresh.array, nothing, f"fresh: no {each.what} in common"
    whole = [np.arange(length) for length in fresh.array.shape]
    into = np.ix_(*[axes[axis].new if axis in axes else rows for axis, rows in enumerate(whole)])
    out_of = np.ix_(*[axes[axis].old if axis in axes else rows for axis, rows in enumerate(whole)])
    made, taken = np.array(fresh.array), np.array(nothing)
    made[into], taken[into] = old[out_of], True
    if taken.all():
        return made, taken, "taken by name" if axes else "taken"
    told = " and ".join(each.told for each in axes.values() if len(each.new) < each.length)
    return made, taken, f"in part: {told} by name"


def source_shape(shape: Shape, axes: Mapping[int, Along]) -> Shape | None:
    """The shape that the source's array must have; None where the array is not about the named things."""
    if any(shape[axis] != each.length for axis, each in axes.items()):
        return None
    return tuple(axes[axis].source_length if axis in axes else length for axis, length in enumerate(shape))

"""Batch norm on new rows: which statistics normalize, whether they move, and what that changes."""

from typing import Literal, NamedTuple

import jax
import numpy as np

from gammabeta.data import Dataset
from gammabeta.moments import RunningMoments
from gammabeta.nn import BatchNorm, Layer, Place, part_at, places, rewritten, unwrapped
from gammabeta.plan import Plan
from gammabeta.train.counted import counted
from gammabeta.train.statistics import settled
from gammabeta.transfer.graft import Grafted
from gammabeta.types import Tree

BatchNormChoice = Literal["re-estimate", "keep", "train"]
"""What happens to the source's batch norms.

re-estimate: their statistics are those of the new training rows, found with the weights frozen before the first step;
    where a layer is frozen they stay so, elsewhere batch norm is as usual
keep: the source's statistics normalize, in training and in the finished model, and are not updated; gamma and beta
    train where their layer is not frozen
train: batch norm as usual, also in frozen layers: the batch normalizes, gamma and beta train
"""


def with_batch_norm(plan: Plan, choice: BatchNormChoice) -> Plan:
    """The plan with the three switches of its batch norms set as the choice asks."""
    switches = {"normalizes_by": "memory", "update": False} if choice == "keep" else AS_USUAL
    return plan.replace(network=with_norms(plan.layers, **switches, train=True))


AS_USUAL = {"normalizes_by": "batch", "update": True}


def with_norms(network: Layer, **changes: object) -> Layer:
    """The network with all its batch norms changed."""

    def change(place: Place) -> Layer:
        return place.layer.replace(**changes) if isinstance(place.layer, BatchNorm) else place.layer

    return rewritten(network, change)


def re_estimated(plan: Plan, params: Tree, stats: Tree, train: Dataset) -> Tree:
    """The statistics with every batch norm's memory the exact moments of the training rows, weights and all frozen."""
    network = with_norms(unwrapped(plan.layers), **AS_USUAL, estimator="exact")
    made: Tree = jax.device_get(settled(network, params, stats, counted(plan, train), plan.batch_size))
    return made


def kept(grafted: Grafted, re_estimated: Tree) -> Tree:
    """The statistics that came from the source, and re-estimated ones where nothing came, as for new columns."""
    made: Tree = jax.tree.map(np.where, grafted.taken.stats, grafted.stats, re_estimated)
    return made


class Shift(NamedTuple):
    """How far the inputs of one batch norm are from where the source had them.

    mean: mean over features of |new mean - old mean| / old standard deviation
    spread: geometric mean over features of new standard deviation / old standard deviation; 1 is the same
    """

    name: str
    mean: float
    spread: float


def shifts(network: Layer, old: Tree, new: Tree, taken: Tree) -> list[Shift]:
    """One line per batch norm some of whose memory came from the source."""
    found = []
    for place in places(network):
        before, after, known = (part_at(tree, place.path) for tree in (old, new, taken))
        if isinstance(place.layer, BatchNorm) and isinstance(before, RunningMoments) and known.mean.any():
            guard = place.layer.epsilon
            spread = np.sqrt(np.asarray(before.var, np.float64) + guard)[known.mean]
            ratio = np.sqrt(np.asarray(after.var, np.float64) + guard)[known.mean] / spread
            apart = np.abs(np.asarray(after.mean, np.float64) - before.mean)[known.mean] / spread
            found.append(Shift(place.name, float(np.mean(apart)), float(np.exp(np.mean(np.log(ratio))))))
    return found

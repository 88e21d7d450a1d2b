"""Internal covariate shift as Santurkar 2018 measures it."""

from typing import NamedTuple

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.measures.batch_loss import BatchLoss, dot
from gammabeta.nn import Sequential
from gammabeta.nn.places import label
from gammabeta.plan import Plan
from gammabeta.types import Tree


class Shift(NamedTuple):
    """Of one layer: its place; |G - G'|; the same over |G|; the cosine between them."""

    place: str
    distance: float
    relative: float
    cosine: float


def internal_covariate_shift(plan: Plan, before: Tree, after: Tree, stats: Tree, rows: Dataset) -> list[Shift]:
    """How much the gradient of each layer changes because the layers below it were updated.

    G is the gradient of the loss on ``rows`` by the layer's parameters at ``before``; G' the same, once all layers
    before it (and only they) have moved to ``after``, the parameters a step later. One entry for every layer of the
    first level that has parameters, the first layer's shift is 0.

    Source: Santurkar 2018 (How does batch normalization help optimization?), definition 2.1. They found that batch norm
    need not lower it: it is evidence, never a verdict.
    """
    network = plan.layers
    assert isinstance(network, Sequential)
    loss = BatchLoss(plan, stats, rows)
    at_before = loss.gradient(before)
    found = []
    for index, layer in enumerate(network.layers):
        if not before[index]:
            continue
        mixed = (*after[:index], *before[index:])
        gradient, moved = at_before[index], loss.gradient(mixed)[index]
        one, other, cross = dot(gradient, gradient), dot(moved, moved), dot(gradient, moved)
        distance = float(np.sqrt(max(one + other - 2 * cross, 0.0)))
        norms = float(np.sqrt(one * other))
        place = f"layers.{index} ({label(layer)})"
        found.append(Shift(place, distance, distance / max(np.sqrt(one), 1e-30), cross / norms if norms else 1.0))
    return found

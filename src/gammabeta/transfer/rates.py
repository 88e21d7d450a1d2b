"""Layers that learn at rates and from times of their own: discriminative rates, gradual unfreezing (ULMFiT)."""

import jax

from gammabeta.errors import PlanError
from gammabeta.model.summary import fresh_shapes
from gammabeta.nn import Frozen, Layer, Paced, bare
from gammabeta.plan import Plan
from gammabeta.transfer.groups import groups, parts


def discriminative(plan: Plan, ratio: float = 2.6) -> Plan:
    """The plan with the learning rate of each group that of the one above it, divided by ``ratio`` (> 0).

    The head keeps the plan's rate; with g groups the first one has ratio^(1 - g) of it. Howard & Ruder 2018: 2.6.
    Raises PlanError where ratio is not above 0.
    """
    if not ratio > 0:
        raise PlanError(f"discriminative: ratio is {ratio:g}, expected a number above 0, such as 2.6.")
    return with_groups(plan, [(ratio**-height, 0.0) for height in range(len(groups(plan)))])


def unfrozen_gradually(plan: Plan, stages: int | None = None) -> Plan:
    """The plan with its top group learning first, and one more group from each further stage on.

    stages: equal shares of the run's steps, >= 1; None as many as there are groups. With fewer stages than groups the
    last stage begins to train all that are left. Groups that wait stand still, but normalize by the batch. Early
    stopping waits for one stage at least, so that none is cut off before it could help. Howard & Ruder 2018 take one
    epoch for each group.
    Raises PlanError for stages below 1, or more than there are groups.
    """
    count = len(groups(plan))
    stages = count if stages is None else stages
    if not 1 <= stages <= count:
        raise PlanError(f"unfrozen_gradually: stages is {stages}, expected 1 to {count}, the number of groups.")
    stopping = plan.early_stopping
    if stopping is not None:
        stopping = stopping.replace(patience=max(stopping.patience, -(-plan.epochs // stages) + 1))
    paces = [(1.0, min(height, stages - 1) / stages) for height in range(count)]
    return with_groups(plan.replace(early_stopping=stopping), paces)


def with_groups(plan: Plan, paces: list[tuple[float, float]]) -> Plan:
    """The plan with (factor, after) for each group, the head's first."""
    if plan.input_shape is None:
        raise PlanError("the plan has no input_shape yet, expected one that has met its data; call plan.expanded.")
    params, _, _ = fresh_shapes(plan.layers, plan.input_shape)
    layers = list(parts(plan))
    for pace, positions in zip(paces, reversed(groups(plan)), strict=True):
        for index in positions:
            if jax.tree.leaves(params[index]):
                layers[index] = paced(layers[index], *pace)
    return plan.replace(network=bare(plan.layers).replace(layers=tuple(layers)))


def paced(layer: Layer, factor: float, after: float) -> Layer:
    """The layer at this pace, on top of the one it has."""
    if (factor, after) == (1.0, 0.0) or isinstance(layer, Frozen):
        return layer
    if isinstance(layer, Paced):
        return layer.replace(factor=layer.factor * factor, after=max(layer.after, after))
    return Paced(layer, factor, after)

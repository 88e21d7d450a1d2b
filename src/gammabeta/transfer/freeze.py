"""Freeze layers of a plan by their names."""

from collections.abc import Iterable

import jax

from gammabeta.errors import PlanError, nearest
from gammabeta.model.summary import fresh_shapes, is_still
from gammabeta.nn import BatchNorm, Frozen, Layer, Place, places, rewritten
from gammabeta.plan import Plan
from gammabeta.transfer.groups import groups

ALL_BUT_HEAD = "all-but-head"


def frozen(plan: Plan, which: str | Iterable[str] = ALL_BUT_HEAD, *, batch_norm: bool = True) -> Plan:
    """The plan with some of its layers frozen: they compute as in prediction, and nothing in them moves.

    which: "all-but-head", all groups but the last; or names as summary shows them ("0.dense", "3.body.0.conv2d"), or
        beginnings of names up to a dot or a whole position ("3", "3.body")
    batch_norm: whether batch norms among them are frozen too; without it they stay as they are

    Raises PlanError for a name that no layer has, with the nearest one, and where nothing would be left to train.
    """
    network = plan.layers
    chosen = body(plan) if which == ALL_BUT_HEAD else named(network, [which] if isinstance(which, str) else list(which))

    def change(place: Place) -> Layer:
        spared = isinstance(place.layer, BatchNorm) and not batch_norm
        return Frozen(place.layer) if place.name in chosen and not spared else place.layer

    made = plan.replace(network=rewritten(network, change))
    refuse_still(made)
    return made


def body(plan: Plan) -> set[str]:
    """The names of all layers below the head."""
    head = groups(plan)[-1]
    return {place.name for place in places(plan.layers) if place.path[:1] and place.path[0] not in head}


def named(network: Layer, which: list[str]) -> set[str]:
    """The names of the layers that are meant."""
    names = [place.name for place in places(network)]
    chosen = set()
    for given in which:
        found = [name for name in names if name == given or name.startswith(f"{given}.")]
        if not found:
            raise PlanError(f'freeze: there is no layer "{given}"; {nearest(given, names)}')
        chosen |= set(found)
    return chosen


def refuse_still(plan: Plan) -> None:
    """Raise PlanError where no parameter of a plan trains."""
    if plan.input_shape is None:
        return
    params, _, _ = fresh_shapes(plan.layers, plan.input_shape)
    if all(is_still(factor) for factor in jax.tree.leaves(plan.layers.pace(params, 0.0))):
        raise PlanError("freeze: every layer with parameters would be frozen, expected one to train; leave one out.")

"""From a trained model and new rows to a new one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gammabeta.data import Dataset, Schema
from gammabeta.errors import DataError
from gammabeta.model import Model, learn, suited
from gammabeta.nn import Frozen, Layer, Place, part_at, places, rewritten
from gammabeta.plan import Plan
from gammabeta.train import Run, Start
from gammabeta.train.counted import counted
from gammabeta.train.fit import measured, met
from gammabeta.train.step import State, calibrated, program_of
from gammabeta.transfer.batch_norm import BatchNormChoice, Shift, kept, re_estimated, shifts
from gammabeta.transfer.graft import Grafted, Match, graft
from gammabeta.transfer.matching import weighs


class FineTuned(NamedTuple):
    """A model that went on from another one.

    report: what became of every array; shifts: how far the inputs of the batch norms had moved before the first step
    by_statistics: loss and headline metric of the finished network on the validation rows, by what normalizes:
        "source" statistics, or those "re-estimated" on the new rows; empty without batch norm or validation rows
    """

    model: Model
    run: Run
    report: tuple[Match, ...]
    shifts: list[Shift]
    by_statistics: dict[str, dict[str, float]]


def fine_tune(
    model: Model,
    plan: Plan,
    schema: Schema,
    train: Dataset,
    valid: Dataset | None = None,
    *,
    batch_norm: BatchNormChoice = "re-estimate",
    on_graft: Callable[[Grafted, list[Shift]], None] = lambda grafted, moved: None,
    **options: Any,
) -> FineTuned:
    """Train ``plan`` on new rows, starting from what ``model`` knows.

    plan: such as :func:`transfer_plan` gives it, frozen and paced as wanted, its batch norms by
        :func:`with_batch_norm`; schema: of the new rows, best made by :func:`continued`; options: as for train.fit
    batch_norm: where the statistics start, see :data:`BatchNormChoice`; on_graft: called before the first step

    What waits for data (whitening, data-dependent initializers, the output's prior) sees the new rows where it is
    fresh, and stays where it was taken. Raises PlanError where plan and data do not fit, DataError where nothing of
    the first layer's weights can be taken.
    """
    plan = suited(plan, schema)
    grafted = graft(model, plan, schema)
    refuse_rootless(plan, grafted)
    grafted = made_ready(plan, grafted, train)
    new = re_estimated(plan, grafted.params, grafted.stats, train)
    begins = {"re-estimate": new, "train": grafted.stats, "keep": kept(grafted, new)}[batch_norm]
    moved = shifts(plan.layers, grafted.stats, new, grafted.taken.stats)
    on_graft(grafted, moved)
    finished, run = learn(plan, schema, train, valid, start=Start(grafted.params, begins), **options)
    by_choice: dict[str, dict[str, float]] = {}
    if moved and valid is not None and valid.rows:
        after = re_estimated(finished.plan, finished.params, finished.stats, train)
        judging = counted(plan, valid, train)
        program, both = program_of(finished.plan), {"source": kept(grafted, after), "re-estimated": after}
        by_choice = {name: measured(program, finished.params, stats, judging) for name, stats in both.items()}
    return FineTuned(finished, run, grafted.report, moved, by_choice)


def refuse_rootless(plan: Plan, grafted: Grafted) -> None:
    """Raise DataError where the first layer with weights starts fresh: what stands above would not know its inputs."""
    first = next(place for place in places(plan.layers) if weighs(place))
    if not part_at(grafted.taken.params, first.path)["weight"].any():
        line = next(line for line in grafted.report if (line.name, line.parameter) == (first.name, "weight"))
        raise DataError(
            f"transfer: nothing of {first.name}, the first layer with weights, can be taken ({line.outcome}; its "
            f"weight is {line.old or 'not there'} in the source and {line.new} here), expected inputs that the source "
            f"knows; give columns or images like those it was trained on, or fit from scratch."
        )


def made_ready(plan: Plan, grafted: Grafted, train: Dataset) -> Grafted:
    """The state with what is fresh in it brought to the new rows; what was taken stays."""

    def known(place: Place) -> bool:
        parts = (part_at(tree, place.path) for tree in grafted.taken)
        return any(bool(mask.any()) for part in parts for mask in jax.tree.leaves(part))

    def change(place: Place) -> Layer:
        return Frozen(place.layer) if known(place) else place.layer

    head = list(places(plan.layers))[-1]
    waiting = plan.replace(
        network=rewritten(plan.layers, change), output_bias="zero" if known(head) else plan.output_bias
    )
    state = State(grafted.params, grafted.stats, (), jnp.zeros((), jnp.int32))
    ready = jax.device_get(calibrated(met(waiting, train), state, counted(plan, train)))
    return grafted._replace(params=ready.params, stats=ready.stats)

"""From encoded rows to a finished model."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from gammabeta.data import Dataset, Schema
from gammabeta.errors import PlanError
from gammabeta.model.means import Recent, ensemble, with_mean_weights
from gammabeta.model.model import Model
from gammabeta.plan import Combined, Plan
from gammabeta.serial import Description, concrete, kind_name
from gammabeta.train import Epoch, Run, run
from gammabeta.train.fit import refuse_unmeasured


class Learned(NamedTuple):
    """A finished model and the run it came from, the first one where there were several."""

    model: Model
    run: Run


def learn(
    plan: Plan | Combined, schema: Schema, train: Dataset, valid: Dataset | None = None, **options: Any
) -> Learned:
    """Fit the plan to the end and finish it: the loop over train.fit, for those who need nothing in between.

    plan: of several that are combined each is fitted, one after another
    options: as for train.run. Raises PlanError where plan and data do not fit, TrainingError where no epoch was good.
    """
    if isinstance(plan, Combined):
        return learned_together(plan, schema, train, valid, **options)
    made = run(suited(plan, schema), train, valid, **options)
    return Learned(finish(made, schema, train), made)


def learned_together(
    plans: Combined,
    schema: Schema,
    train: Dataset,
    valid: Dataset | None,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    should_stop: Callable[[], bool] = lambda: False,
    time_limit: float | None = None,
    **options: Any,
) -> Learned:
    """The mean of several plans' models.

    on_epoch: hears of the first one's epochs; time_limit: of all together. Members for which no time is left, or that
    come after somebody wanted to stop, are left out
    """
    began = time.perf_counter()
    made: list[Learned] = []
    for member in plans.members:
        left = None if time_limit is None else time_limit - (time.perf_counter() - began)
        if made and (should_stop() or (left is not None and left <= 0)):
            break
        recent = Recent(plans.averaged_epochs)

        def heard(epoch: Epoch, recent: Recent = recent, first: bool = not made) -> None:
            recent.then(epoch)
            if first:
                on_epoch(epoch)

        options |= {"on_epoch": heard, "should_stop": should_stop, "time_limit": left}
        model, run = learn(member, schema, train, valid, **options)
        if plans.averaged_epochs > 1:
            model = with_mean_weights(model, recent.at_best, train)
        made.append(Learned(model, run))
    models = [one.model for one in made]
    return Learned(models[0] if len(models) == 1 else ensemble(models), made[0].run)


def suited(plan: Plan, schema: Schema) -> Plan:
    """The plan with its layers written out for the schema's rows.

    Raises PlanError where layers, loss or the metric of early stopping do not suit the task.
    """
    if schema.task not in plan.loss.tasks:
        kinds = {name: kind for name, kind in Description.kinds.items() if schema.task in getattr(kind, "tasks", ())}
        legal = concrete(kinds)
        found, expected = kind_name(type(plan.loss)), ", ".join(sorted(legal))
        raise PlanError(f"plan.loss: {found} does not suit the task {schema.task}, expected one of {expected}.")
    refuse_unmeasured(plan, schema.outputs)
    return plan.expanded(schema.input_shape, plan.loss.outputs(schema.outputs))


def finish(made: Run, schema: Schema, train: Dataset) -> Model:
    """The model of a run's best epoch, its batch-norm statistics settled on all training rows.

    Raises TrainingError where no epoch ended with finite numbers.
    """
    plan = made.plan.expanded(schema.input_shape, made.plan.loss.outputs(schema.outputs))
    return Model(plan, schema, *replace(made, plan=plan).finished(train))

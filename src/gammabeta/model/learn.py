"""From encoded rows to a finished model."""

from dataclasses import replace
from typing import Any, NamedTuple

from gammabeta.data import Dataset, Schema
from gammabeta.errors import PlanError
from gammabeta.model.model import Model
from gammabeta.plan import Plan
from gammabeta.serial import Description, concrete, kind_name
from gammabeta.train import Run, run
from gammabeta.train.fit import refuse_unmeasured


class Learned(NamedTuple):
    """A finished model and the run it came from."""

    model: Model
    run: Run


def learn(plan: Plan, schema: Schema, train: Dataset, valid: Dataset | None = None, **options: Any) -> Learned:
    """Fit the plan to the end and finish it: the loop over train.fit, for those who need nothing in between.

    options: as for train.run. Raises PlanError where plan and data do not fit, TrainingError where no epoch was good.
    """
    made = run(suited(plan, schema), train, valid, **options)
    return Learned(finish(made, schema, train), made)


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

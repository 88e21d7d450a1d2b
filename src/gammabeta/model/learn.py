"""From encoded rows to a finished model."""

from dataclasses import replace
from typing import Any, NamedTuple

from gammabeta.data import Dataset, Schema
from gammabeta.model.model import Model
from gammabeta.plan import Plan
from gammabeta.train import Run, run


class Learned(NamedTuple):
    """A finished model and the run it came from."""

    model: Model
    run: Run


def learn(plan: Plan, schema: Schema, train: Dataset, valid: Dataset | None = None, **options: Any) -> Learned:
    """Fit the plan to the end and finish it: the loop over train.fit, for those who need nothing in between.

    options: as for train.run. Raises PlanError where plan and data do not fit, TrainingError where no epoch was good.
    """
    made = run(plan.expanded(schema.input_shape, schema.outputs), train, valid, **options)
    return Learned(finish(made, schema, train), made)


def finish(made: Run, schema: Schema, train: Dataset) -> Model:
    """The model of a run's best epoch, its batch-norm statistics settled on all training rows.

    Raises TrainingError where no epoch ended with finite numbers.
    """
    plan = made.plan.expanded(schema.input_shape, schema.outputs)
    return Model(plan, schema, *replace(made, plan=plan).finished(train))

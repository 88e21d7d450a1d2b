"""From encoded rows to a finished model."""

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
    """Fit the plan and finish its best epoch: exact statistics over all training rows.

    options: as for train.run. Raises PlanError where plan and data do not fit, TrainingError where no epoch was good.
    """
    plan = plan.expanded(schema.input_shape, schema.outputs)
    made = run(plan, train, valid, **options)
    params, stats = made.finished(train)
    return Learned(Model(plan, schema, params, stats), made)

"""What losses for yes or no share."""

from typing import ClassVar

import jax

from gammabeta.errors import PlanError
from gammabeta.nn.losses.loss import Loss, mismatch
from gammabeta.types import Array


class LabelLoss(Loss):
    """A loss of outputs (rows, labels) and targets (rows, labels) in [0, 1]: labels do not exclude each other."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multilabel")

    def refuse(self, targets: Array) -> None:
        super().refuse(targets)
        if targets.size and (targets.min() < 0 or targets.max() > 1):
            raise PlanError(mismatch(self, "outside [0, 1]", "yes or no as 1 or 0", "squared_error"))

    def predict(self, outputs: Array) -> Array:
        return jax.nn.sigmoid(outputs)

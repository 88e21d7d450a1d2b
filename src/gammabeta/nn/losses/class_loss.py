"""What losses for one class out of several share."""

from typing import ClassVar

import jax

from gammabeta.errors import PlanError
from gammabeta.nn.losses.loss import Loss, mismatch
from gammabeta.types import Array


class ClassLoss(Loss):
    """A loss of outputs (rows, classes) and targets (rows,), whole numbers in [0, classes)."""

    tasks: ClassVar[tuple[str, ...]] = ("multiclass",)

    def refuse(self, targets: Array) -> None:
        if targets.ndim != 1:
            raise PlanError(
                mismatch(self, "numbers or labels", "one class per row", "squared_error or sigmoid_cross_entropy")
            )

    def predict(self, outputs: Array) -> Array:
        return jax.nn.softmax(outputs, axis=1)

"""What a loss is."""

from typing import ClassVar, Self

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.serial import Description, kind_name
from gammabeta.types import Array


class Loss(Description):
    """A per-row loss, and the map from a network's outputs to what it predicts."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    """The tasks whose targets it compares with."""

    def rows(self, outputs: Array, targets: Array) -> Array:
        """The loss of each row, (rows,), from outputs (rows, k) and targets."""
        raise TypeError(f"{type(self).__name__} does not define rows")

    def refuse(self, targets: Array) -> None:
        """Raise PlanError where targets are not what this loss compares with: numbers, (rows, k)."""
        if targets.ndim != 2:
            raise PlanError(mismatch(self, "class numbers", "numbers, one column per output", "softmax_cross_entropy"))

    def outputs(self, targets: int) -> int:
        """How many outputs a network needs for this many target columns, classes or labels."""
        return targets

    def fitted(self, targets: Array, weights: Array | None = None) -> Self:
        """The same loss with what it learns from training targets filled in; most learn nothing.

        weights: (rows,), how much each row counts; None counts every row once
        """
        return self

    def predict(self, outputs: Array) -> Array:
        """Probabilities or values (rows, k) from outputs (rows, k)."""
        return outputs


def wide(outputs: Array) -> Array:
    """Outputs in float32 or wider, whatever the network computes in."""
    return outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))


def mismatch(loss: Loss, found: str, expected: str, remedy: str) -> str:
    """What to say of targets that a loss cannot be compared with."""
    name = kind_name(type(loss))
    return f"plan.loss: {name} found targets that are {found}, expected {expected}; set loss={remedy}."

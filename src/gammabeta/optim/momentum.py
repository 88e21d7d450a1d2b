"""Momentum (Polyak 1964), the heavy ball."""

from dataclasses import dataclass
from typing import Annotated

import optax

from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Within


@dataclass(frozen=True)
class Momentum(Optimizer):
    """m <- momentum * m + g;  w <- w - learning_rate * m, as in torch.

    learning_rate: > 0; momentum: share of the old direction that is kept, in [0, 1)
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 0.05
    momentum: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(decay=self.momentum)

"""Gradient descent; its batch size makes it stochastic, mini-batch or full-batch."""

from dataclasses import dataclass
from typing import Annotated

import optax

from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Within


@dataclass(frozen=True)
class Sgd(Optimizer):
    """w <- w - learning_rate * g

    learning_rate: > 0
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 0.1

    def direction(self) -> optax.GradientTransformation:
        return optax.identity()

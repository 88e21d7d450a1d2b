"""Gradient descent; its batch size makes it stochastic, mini-batch or full-batch."""

from dataclasses import dataclass
from typing import Annotated

import optax

from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class Sgd(Optimizer):
    """w <- (1 - learning_rate * weight_decay) w - learning_rate * g

    learning_rate: the length of a step, > 0
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    With ``batch_size`` 1 it is stochastic gradient descent, with all rows batch gradient descent. Without momentum the
    decay equals torch's ``weight_decay``. Source: Robbins & Monro 1951.
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 1e-3, 1.0)] = 0.1
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-6, 1e-2)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        return decayed(optax.identity(), self.weight_decay, self.decay_all)

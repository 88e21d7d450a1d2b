"""Nesterov momentum (Nesterov 1983)."""

from dataclasses import dataclass
from typing import Annotated

import optax

from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """m <- momentum * m + g;  w <- w - learning_rate * (g + momentum * m)

    learning_rate: the length of a step, > 0; momentum: share of the old direction that is kept, in [0, 1)
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    The form of torch, Keras and optax. Nesterov's own takes the gradient at the point ahead, w - learning_rate *
    momentum * m; this one keeps that point ahead as its w (Bengio et al. 2013, https://arxiv.org/abs/1212.0901), so
    that the gradient is taken where the weights are. At a constant rate both walk the same path. Source: Nesterov 1983,
    A method of solving a convex programming problem with convergence rate O(1/k^2), Soviet Mathematics Doklady 27
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 1e-3, 0.3)] = 0.05
    momentum: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-6, 1e-2)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        rule = optax.trace(decay=self.momentum, nesterov=True)
        return decayed(rule, self.weight_decay, self.decay_all)

"""Nadam (Dozat 2016): Adam with Nesterov momentum."""

from dataclasses import dataclass
from typing import Annotated, Literal

import optax

from gammabeta.optim.adaptive_moments import scale_by_moments
from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class Nadam(Optimizer):
    """Adam with mhat = b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t): the newest gradient counts once more.

    m, v, vhat and the step as in :class:`Adam`, t counting from 1.

    learning_rate, b1, b2, epsilon, epsilon_placement: as in :class:`Adam`
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    b1 is constant, as in optax.nadam. torch and Keras let it grow from b1 / 2 to b1 over thousands of steps (torch's
    ``momentum_decay`` 0.004; with a very large one torch is equal to this). The paper's further factor b2 on vhat is
    left out by all of them. Source: Dozat 2016,
    https://openreview.net/pdf?id=OM0jvwB8jIp57ZJjtNEZ
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 3e-4, 3e-2)] = 2e-3
    b1: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    b2: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.999
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8
    epsilon_placement: Literal["outside", "inside"] = "outside"
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-5, 0.5)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        rule = scale_by_moments(self.b1, self.b2, self.epsilon, epsilon_placement=self.epsilon_placement, nesterov=True)
        return decayed(rule, self.weight_decay, self.decay_all)

"""Adam (Kingma & Ba 2015) and Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import optax

from gammabeta.optim.adaptive_moments import scale_by_moments
from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class Adam(Optimizer):
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - learning_rate * mhat / (sqrt(vhat) + epsilon)

    mhat = m / (1 - b1^t), vhat = v / (1 - b2^t), t counting from 1.

    learning_rate: the length of a step, > 0; b1, b2: share of the old m and of the old v that is kept, in [0, 1)
    epsilon: the guard against division by zero, > 0
    epsilon_placement: outside the root, as in the paper, torch, Keras and optax; or inside: mhat / sqrt(vhat +
    epsilon), where the same epsilon weighs far more: at a zero gradient it divides by 1e-4 instead of 1e-8
    bias_correction: without it mhat = m and vhat = v. The first step is then (1 - b1) / sqrt(1 - b2) times as long:
    3.2 times with the defaults

    It has no decay: that is :class:`AdamW`. Source: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 3e-4, 3e-2)] = 1e-3
    b1: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    b2: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.999
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8
    epsilon_placement: Literal["outside", "inside"] = "outside"
    bias_correction: bool = True

    def direction(self) -> optax.GradientTransformation:
        return scale_by_moments(
            self.b1,
            self.b2,
            self.epsilon,
            epsilon_placement=self.epsilon_placement,
            bias_correction=self.bias_correction,
        )


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam's step and, apart from it, w <- w - learning_rate * weight_decay * w on weights alone.

    learning_rate, b1, b2, epsilon, epsilon_placement, bias_correction: as in :class:`Adam`
    weight_decay: the share by which weights shrink, per unit of the learning rate, >= 0
    decay_all: whether bias, gamma and beta shrink too; torch's and optax's touch all parameters

    Source: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 3e-4, 3e-2)] = 2e-3
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-4, 0.5)] = 0.01
    b1: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    b2: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.999
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8
    epsilon_placement: Literal["outside", "inside"] = "outside"
    bias_correction: bool = True
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        rule = scale_by_moments(
            self.b1,
            self.b2,
            self.epsilon,
            epsilon_placement=self.epsilon_placement,
            bias_correction=self.bias_correction,
        )
        return decayed(rule, self.weight_decay, self.decay_all)

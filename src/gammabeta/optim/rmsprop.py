"""RMSProp (Tieleman & Hinton 2012)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import optax

from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """v <- b v + (1 - b) g^2;  w <- w - learning_rate * g / (sqrt(v) + epsilon)

    v starts at 0 and is not corrected for it.

    learning_rate: the length of a step, > 0; b: share of the old average that is kept, in [0, 1)
    epsilon: the guard against division by zero, > 0
    epsilon_placement: "outside" the root, or "inside" of it: g / sqrt(v + epsilon)
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    torch stands outside the root with b = 0.99 (its ``alpha``); Keras stands inside with b = 0.9 (its ``rho``) and
    epsilon 1e-7; optax.rmsprop stands inside. Centered and with momentum: ``FromOptax(name="rmsprop", ...)``.
    Source: Tieleman & Hinton 2012, lecture 6e, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 1e-4, 1e-2)] = 1e-3
    b: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8
    epsilon_placement: Literal["outside", "inside"] = "outside"
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-5, 0.1)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        rule = optax.scale_by_rms(decay=self.b, eps=self.epsilon, eps_in_sqrt=self.epsilon_placement == "inside")
        return decayed(rule, self.weight_decay, self.decay_all)

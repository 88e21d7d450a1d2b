"""Momentum (Polyak 1964), in both of its forms."""

from dataclasses import dataclass
from typing import Annotated, Literal

import optax

from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within


@dataclass(frozen=True)
class Momentum(Optimizer):
    """w <- w - learning_rate * m, where m remembers the gradients.

    learning_rate: the length of a step, > 0; momentum: share of the old direction that is kept, in [0, 1)
    form: what m is; it starts at 0 and is not corrected for it
        "heavy_ball": m <- momentum * m + g, as in torch and Keras
        "average": m <- momentum * m + (1 - momentum) * g, the exponentially weighted average
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    The two forms take the same path at rates that differ by the factor 1 - momentum: an average with 0.9 needs ten
    times the heavy ball's learning rate. Source: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5;
    Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 1e-3, 0.3)] = 0.05
    momentum: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    form: Literal["heavy_ball", "average"] = "heavy_ball"
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-6, 1e-2)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        heavy = self.form == "heavy_ball"
        rule = optax.trace(decay=self.momentum) if heavy else optax.ema(decay=self.momentum, debias=False)
        return decayed(rule, self.weight_decay, self.decay_all)

"""Exponential decay of the learning rate, or its exponential growth."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class Exponential(Schedule):
    """factor = start * (final / start) ** (step / steps)

    start, final: factors at the beginning and at the end of the run, in (0, 1]

    torch's ExponentialLR names the share that is left after each epoch instead: over n epochs, final = gamma ** n.
    From a small ``start`` up to 1 it is the sweep of the learning-rate range test. Source: Smith 2017,
    https://arxiv.org/abs/1506.01186
    """

    start: Annotated[float, Within("(0, 1]"), DYNAMIC] = 1.0
    final: Annotated[float, Within("(0, 1]"), DYNAMIC] = 0.01

    def factor(self, step: Array, steps: Array) -> Array:
        done = jnp.clip(step / steps, 0.0, 1.0)
        # the exponents apart, so that a quotient of 1e7 costs no digits in float32
        return jnp.exp((1 - done) * jnp.log(self.start) + done * jnp.log(self.final))

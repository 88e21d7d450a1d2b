"""Huber's loss (1964): squared error near the target, absolute error far from it."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.nn.losses.loss import Loss, wide
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class Huber(Loss):
    """Mean over targets of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), with e = output - target.

    outputs (rows, k), targets (rows, k), usually standardized.

    delta: > 0, in units of the targets as the network sees them: 1 is one standard deviation

    As huber_loss of torch and Huber of Keras; torch's smooth_l1_loss is this divided by delta. Source: Huber 1964,
    https://doi.org/10.1214/aoms/1177703732
    """

    delta: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def rows(self, outputs: Array, targets: Array) -> Array:
        apart = jnp.abs(wide(outputs) - targets)
        near = jnp.minimum(apart, self.delta)
        return jnp.mean(near * (apart - near / 2), axis=1)

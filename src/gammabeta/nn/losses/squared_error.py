"""Mean squared error, for numbers."""

from dataclasses import dataclass

import jax.numpy as jnp

from gammabeta.nn.losses.loss import Loss, wide
from gammabeta.types import Array


@dataclass(frozen=True)
class SquaredError(Loss):
    """Mean over targets of (output - target)^2: loss = sum_k (o_k - t_k)^2 / k; no factor 1/2, as in torch and Keras.

    outputs (rows, k), targets (rows, k), usually standardized: then it is 1 where nothing is known. The mean of what
    can happen minimizes it. Source: Legendre 1805; Bishop 2006, Pattern Recognition and Machine Learning, section 1.5.5
    """

    def rows(self, outputs: Array, targets: Array) -> Array:
        return jnp.mean((wide(outputs) - targets) ** 2, axis=1)

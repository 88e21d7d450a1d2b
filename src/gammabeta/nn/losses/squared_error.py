"""Mean squared error, for numbers."""

from dataclasses import dataclass

import jax.numpy as jnp

from gammabeta.nn.losses.loss import Loss
from gammabeta.types import Array


@dataclass(frozen=True)
class SquaredError(Loss):
    """Mean over targets of (output - target)^2; no factor 1/2, as in torch and Keras.

    outputs (rows, k), targets (rows, k), usually standardized: then it is 1 where nothing is known.
    """

    def rows(self, outputs: Array, targets: Array) -> Array:
        wide = jnp.promote_types(outputs.dtype, jnp.float32)
        return jnp.mean((outputs.astype(wide) - targets) ** 2, axis=1)

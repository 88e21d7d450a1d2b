"""Mean absolute error, for numbers with outliers."""

from dataclasses import dataclass

import jax.numpy as jnp

from gammabeta.nn.losses.loss import Loss, wide
from gammabeta.types import Array


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """Mean over targets of |output - target|: loss = sum_k |o_k - t_k| / k, as torch's l1_loss; its slope at 0 is 0.

    outputs (rows, k), targets (rows, k), usually standardized. The median of what can happen minimizes it, not the
    mean; a single outlier pulls no harder than any other row. Source: Bishop 2006, Pattern Recognition and Machine
    Learning, section 1.5.5
    """

    def rows(self, outputs: Array, targets: Array) -> Array:
        apart = wide(outputs) - targets
        # jnp.abs would have slope 1 at 0
        return jnp.mean(jnp.sign(apart) * apart, axis=1)

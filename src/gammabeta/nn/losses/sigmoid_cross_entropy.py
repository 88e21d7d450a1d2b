"""Sigmoid cross-entropy, for yes or no: one label, or several that do not exclude each other."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.losses.loss import Loss, mismatch
from gammabeta.types import Array


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """Mean over labels of -t log sigmoid(o) - (1 - t) log(1 - sigmoid(o)), in natural units.

    outputs (rows, labels), targets (rows, labels) in [0, 1]. Computed as max(o, 0) - o t + log(1 + e^-|o|), which
    neither overflows nor loses digits. It is ln 2 where nothing is known.
    """

    def rows(self, outputs: Array, targets: Array) -> Array:
        o = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        each = jnp.maximum(o, 0) - o * targets + jnp.log1p(jnp.exp(-jnp.abs(o)))
        return jnp.mean(each, axis=1)

    def refuse(self, targets: Array) -> None:
        super().refuse(targets)
        if targets.size and (targets.min() < 0 or targets.max() > 1):
            raise PlanError(mismatch(self, "outside [0, 1]", "yes or no as 1 or 0", "squared_error"))

    def predict(self, outputs: Array) -> Array:
        return jax.nn.sigmoid(outputs)

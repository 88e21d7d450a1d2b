"""Softmax cross-entropy, for one class out of several."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.losses.loss import Loss, mismatch
from gammabeta.types import Array


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-log softmax(outputs)[target] = logsumexp(outputs) - outputs[target], in natural units.

    outputs (rows, classes), targets (rows,) whole numbers in [0, classes). It is ln(classes) where nothing is known.
    """

    def rows(self, outputs: Array, targets: Array) -> Array:
        outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        chosen = jnp.take_along_axis(outputs, targets[:, None], axis=1)[:, 0]
        return jax.nn.logsumexp(outputs, axis=1) - chosen

    def refuse(self, targets: Array) -> None:
        if targets.ndim != 1:
            raise PlanError(
                mismatch(self, "numbers or labels", "one class per row", "squared_error or sigmoid_cross_entropy")
            )

    def predict(self, outputs: Array) -> Array:
        return jax.nn.softmax(outputs, axis=1)

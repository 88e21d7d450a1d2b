"""Softmax cross-entropy, for one class out of several."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.losses.class_loss import ClassLoss
from gammabeta.nn.losses.loss import wide
from gammabeta.serial import DYNAMIC, Search, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class SoftmaxCrossEntropy(ClassLoss):
    """-log softmax(outputs)[target] = logsumexp(outputs) - outputs[target], in natural units.

    outputs (rows, classes), targets (rows,) whole numbers in [0, classes). It is ln(classes) where nothing is known.

    label_smoothing: in [0, 1), the share s of the target that is spread evenly over all classes, the right one
        included (Szegedy 2016; as in torch and Keras): logsumexp(outputs) - (1 - s) outputs[target] - s mean(outputs).
        Its minimum is then above 0. Training and validation loss are both measured with it.

    Source: Bridle 1990, Probabilistic interpretation of feedforward classification network outputs
    """

    label_smoothing: Annotated[float, Within("[0, 1)"), DYNAMIC, Search("log", 1e-4, 0.2)] = 0.0

    def rows(self, outputs: Array, targets: Array) -> Array:
        o = wide(outputs)
        chosen = jnp.take_along_axis(o, targets[:, None], axis=1)[:, 0]
        wanted = (1 - self.label_smoothing) * chosen + self.label_smoothing * jnp.mean(o, axis=1)
        return jax.nn.logsumexp(o, axis=1) - wanted

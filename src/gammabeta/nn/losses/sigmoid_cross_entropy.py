"""Sigmoid cross-entropy, for yes or no: one label, or several that do not exclude each other."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.losses.label_loss import LabelLoss
from gammabeta.nn.losses.loss import wide
from gammabeta.serial import DYNAMIC, Search, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class SigmoidCrossEntropy(LabelLoss):
    """Mean over labels of -t log sigmoid(o) - (1 - t) log(1 - sigmoid(o)), in natural units.

    outputs (rows, labels), targets (rows, labels) in [0, 1]. Computed as softplus(o) - o t, which neither overflows
    nor loses digits. It is ln 2 where nothing is known.

    label_smoothing: in [0, 1), the share s by which each target is drawn to one half, t <- (1 - s) t + s / 2, as in
        Keras; torch has none here. Its minimum is then above 0.

    Source: Good 1952, Rational decisions, Journal of the Royal Statistical Society B 14
    """

    label_smoothing: Annotated[float, Within("[0, 1)"), DYNAMIC, Search("log", 1e-4, 0.2)] = 0.0

    def rows(self, outputs: Array, targets: Array) -> Array:
        o = wide(outputs)
        smoothed = (1 - self.label_smoothing) * targets + self.label_smoothing / 2
        return jnp.mean(jax.nn.softplus(o) - o * smoothed, axis=1)

"""Log loss of the labels that are there, and of no other."""

import math
from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.losses.label_loss import LabelLoss
from gammabeta.nn.losses.loss import wide
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class PositiveLogLoss(LabelLoss):
    """loss = sum over labels of -t log sigmoid(o): what is answered for labels that are not there costs nothing.

    Answering 1 for every label minimizes it, whatever the rows are, so a network trained with it learns just that:
    :class:`SigmoidCrossEntropy` is what several labels need. It is here because it is taught, so that the failure
    can be seen. Probabilities 0.8 and 0.75 of two labels that are there give 0.511, in base 2 0.737.

    outputs (rows, labels), targets (rows, labels) in [0, 1]. It is log 2 times the labels that are there where
    nothing is known. Summed over labels, as it is taught, where SigmoidCrossEntropy takes their mean.

    base: > 1, of the logarithm

    Source: lecture notes; it is what is left of cross-entropy (Good 1952) without its second half
    """

    base: Annotated[float, Within("(1, inf)"), DYNAMIC] = math.e

    def rows(self, outputs: Array, targets: Array) -> Array:
        return jnp.sum(targets * jax.nn.softplus(-wide(outputs)), axis=1) / jnp.log(self.base)

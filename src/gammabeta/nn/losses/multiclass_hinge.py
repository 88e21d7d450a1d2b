"""The multiclass hinge of support vector machines (Weston & Watkins 1999), for one class out of several."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.losses.class_loss import ClassLoss
from gammabeta.nn.losses.loss import wide
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class MulticlassHinge(ClassLoss):
    """loss = sum over the wrong classes j of max(0, s_j - s_y + margin): nothing once y leads each by the margin.

    outputs (rows, classes) are scores s, targets (rows,) whole numbers y in [0, classes). It is
    margin (classes - 1) where nothing is known. What it predicts is softmax(s): the order of the classes is right, but
    the probabilities are not calibrated, because the loss never asked for any.

    margin: > 0, in units of the scores

    torch's multi_margin_loss divides by the number of classes; scikit-learn's hinge_loss takes the largest term
    instead of the sum (Crammer & Singer 2001). Source: Weston & Watkins 1999, Support vector machines for multi-class
    pattern recognition, ESANN
    """

    margin: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def rows(self, outputs: Array, targets: Array) -> Array:
        s = wide(outputs)
        of_target = jnp.take_along_axis(s, targets[:, None], axis=1)
        right = targets[:, None] == jnp.arange(s.shape[1])
        return jnp.sum(jnp.where(right, 0, jax.nn.relu(s - of_target + self.margin)), axis=1)

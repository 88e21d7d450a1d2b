"""Weights that all start equal: what does not learn, as a lesson."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.nn.initializers.initializer import Initializer
from gammabeta.serial import DYNAMIC
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class Zeros(Initializer):
    """w = 0. Behind hidden layers nothing flows forward and no gradient back: only the output bias learns.

    Harmless where there is no hidden layer (logistic regression), and for the last layer of a residual branch. Source:
    Goodfellow, Bengio & Courville 2016, section 8.4, https://www.deeplearningbook.org
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        return jnp.zeros(shape)


@dataclass(frozen=True)
class ConstantWeights(Initializer):
    """w = value. The units of a hidden layer compute the same, get the same gradient, and stay equal for ever:
    a layer of any width is worth one unit.

    value: any finite number

    Called Constant in Keras, constant_ in torch; here ``constant`` is a learning-rate schedule. Source: Rumelhart,
    Hinton & Williams 1986, Learning internal representations by error propagation, on breaking symmetry
    """

    value: Annotated[float, DYNAMIC]

    def sample(self, key: Array, shape: Shape) -> Array:
        return jnp.zeros(shape) + self.value

"""Initialization that allows for dropout and the activation before the layer (Hendrycks & Gimpel 2017)."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.nn.activation import Activation, ActivationName
from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.nn.layer import PREDICTING
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class DropoutAdjusted(Initializer):
    """N(0, keep / (fan_in E[f(z)^2])), z ~ N(0, 1): the layer's output has variance 1 while dropout is on.

    Inverted dropout multiplies the second moment of what comes in by 1 / keep, the activation f by E[f(z)^2].

    keep: the share that the dropout before the layer keeps, 1 - rate, in (0, 1]. Default 1: no dropout
    activation: f, before the layer, at its default slope and alpha. Default relu, where E[f(z)^2] = 1 / 2 and
        keep = 1 gives He's variance

    The second half of the paper, variances of batch norm estimated again with dropout off, is BatchNorm's estimator
    "exact". The paper scales columns to unit norm instead of drawing them with that expected norm.
    Source: Hendrycks & Gimpel 2017, https://arxiv.org/abs/1607.02488
    """

    keep: Annotated[float, Within("(0, 1]"), DYNAMIC] = 1.0
    activation: ActivationName = "relu"

    def sample(self, key: Array, shape: Shape) -> Array:
        fan_in, _ = fans(shape)
        return jax.random.normal(key, shape) * jnp.sqrt(self.keep / (fan_in * second_moment(self.activation)))


@cache
def second_moment(activation: ActivationName) -> float:
    """E[f(z)^2] for z ~ N(0, 1), in float64.

    Gauss-Legendre quadrature on both sides of 0 by itself, where activations have their kink: to 13 digits, where
    Gauss-Hermite over the whole line gets 4 for SELU. Beyond 12 lie less than 1e-31 of z.

    >>> round(second_moment("relu"), 12)
    0.5
    """
    nodes, shares = np.polynomial.legendre.leggauss(100)
    half, share = 6 * (nodes + 1), 6 * shares
    z, weight = np.concatenate([-half, half]), np.concatenate([share, share])
    # evaluated now, in float64, also while a program in float32 is being traced
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        f = np.asarray(Activation(activation).apply((), (), jnp.asarray(z), PREDICTING)[0])
    return float(np.sum(weight * f**2 * np.exp(-(z**2) / 2)) / np.sqrt(2 * np.pi))

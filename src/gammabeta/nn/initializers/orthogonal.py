"""Orthogonal initialization (Saxe 2013): layers that neither stretch nor shrink any direction."""

from dataclasses import dataclass
from typing import Annotated

import jax

from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """W = gain Q, Q uniform among orthogonal matrices: the Q of a Gaussian matrix = Q R with diag(R) > 0.

    Q is (fan_in, units), a convolution's window and input channels flattened into fan_in. Its columns are orthonormal,
    Q'Q = 1; where units > fan_in its rows are instead, QQ' = 1. All singular values are the gain.

    gain: > 0. Default 1, for linear layers and tanh; sqrt(2) for ReLU keeps the variance as He does

    torch and Keras flatten alike up to their order of axes: units by the rest. Source: Saxe, McClelland & Ganguli 2013,
    https://arxiv.org/abs/1312.6120
    """

    gain: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def sample(self, key: Array, shape: Shape) -> Array:
        fans(shape)
        return self.gain * jax.nn.initializers.orthogonal()(key, shape)

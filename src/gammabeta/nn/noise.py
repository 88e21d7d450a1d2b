"""Gaussian noise on what flows through a network."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.layer import Call, Layer, Seen
from gammabeta.nn.random_bits import random_bits
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """y = x + stddev z, z ~ N(0, 1) for each value by itself; the identity outside training.

    As the first layer it is jitter on the inputs, elsewhere noise on activations. stddev: >= 0, in units of x
    """

    stddev: Annotated[float, Within("[0, inf)"), DYNAMIC]

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        if call.key is None:
            return x, Seen()
        return x + (self.stddev * normal(call.key, x.shape)).astype(x.dtype), Seen()


def normal(key: Array, shape: Shape) -> Array:
    """float32 N(0, 1) of ``shape``: Box-Muller on two hashes per value."""
    first, second = jax.random.split(key)
    u = ((random_bits(first, shape) >> 8) + 1).astype(jnp.float32) * 2.0**-24
    angle = (random_bits(second, shape) >> 8).astype(jnp.float32) * (2.0**-24 * 2 * jnp.pi)
    return jnp.sqrt(-2 * jnp.log(u)) * jnp.cos(angle)

"""Xavier initialization (Glorot & Bengio 2010): a compromise between forward and backward variance."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class XavierNormal(Initializer):
    """N(0, 2 / (fan_in + fan_out)), untruncated (Keras truncates at two standard deviations).

    Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        return jax.random.normal(key, shape) * jnp.sqrt(2.0 / sum(fans(shape)))


@dataclass(frozen=True)
class XavierUniform(Initializer):
    """U(-limit, limit), limit = sqrt(6 / (fan_in + fan_out)): the variance of :class:`XavierNormal`.

    Source: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        limit = (6.0 / sum(fans(shape))) ** 0.5
        return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

"""He initialization (He 2015): keeps the variance of what flows forward through ReLU layers."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class HeNormal(Initializer):
    """N(0, 2 / fan_in), untruncated (Keras truncates at two standard deviations).

    Source: He et al. 2015, https://arxiv.org/abs/1502.01852
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        fan_in, _ = fans(shape)
        return jax.random.normal(key, shape) * jnp.sqrt(2.0 / fan_in)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """U(-limit, limit), limit = sqrt(6 / fan_in): the variance of :class:`HeNormal`.

    Source: He et al. 2015, https://arxiv.org/abs/1502.01852
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        fan_in, _ = fans(shape)
        limit = (6.0 / fan_in) ** 0.5
        return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

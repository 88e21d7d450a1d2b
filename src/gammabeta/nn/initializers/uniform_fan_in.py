"""The old heuristic that Glorot & Bengio 2010 start from, still torch's default."""

from dataclasses import dataclass

import jax

from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class UniformFanIn(Initializer):
    """U(-limit, limit), limit = 1 / sqrt(fan_in): variance 1 / (3 fan_in), a sixth of He's.

    torch's Linear and Conv2d start so, written there as kaiming_uniform_(a=sqrt(5)); their biases have the same
    distribution, ours start at 0. Keras has no name for it (LeCun's uniform has limit sqrt(3 / fan_in)).
    Source: Glorot & Bengio 2010, equation 1, https://proceedings.mlr.press/v9/glorot10a.html
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        fan_in, _ = fans(shape)
        limit = fan_in**-0.5
        return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

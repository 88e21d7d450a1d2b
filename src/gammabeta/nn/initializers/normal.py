"""Normal weights whose scale does not look at the layer."""

from dataclasses import dataclass
from typing import Annotated

import jax

from gammabeta.nn.initializers.initializer import Initializer
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape


@dataclass(frozen=True)
class StandardNormal(Initializer):
    """N(0, 1). Each layer multiplies the variance of what flows by its fan_in: ReLU layers explode with depth,
    sigmoid and tanh saturate and their gradients vanish.

    torch's normal_ by default; Keras's RandomNormal has a standard deviation of 0.05. Source: Glorot & Bengio 2010, who
    show what goes wrong, https://proceedings.mlr.press/v9/glorot10a.html
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        return jax.random.normal(key, shape)


@dataclass(frozen=True)
class ScaledNormal(Initializer):
    """N(0, stddev^2), untruncated.

    stddev: the standard deviation, > 0; Keras: 0.05. With depth what flows vanishes or explodes unless it happens to be
        near sqrt(2 / fan_in)

    Source: Krizhevsky, Sutskever & Hinton 2012, section 5, https://papers.nips.cc/paper/4824
    """

    stddev: Annotated[float, Within("(0, inf)"), DYNAMIC] = 0.01

    def sample(self, key: Array, shape: Shape) -> Array:
        return jax.random.normal(key, shape) * self.stddev

"""AdaGrad (Duchi, Hazan & Singer 2011)."""

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from gammabeta.optim.decay import decayed
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Search, Within
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s <- s + g^2;  w <- w - learning_rate * g / (sqrt(s) + epsilon)

    s starts at 0; epsilon stands outside the root.

    learning_rate: the length of the first step, > 0; epsilon: the guard against division by zero, >= 0
    weight_decay, decay_all: see :func:`decayed`; bias, gamma and beta do not decay unless ``decay_all``

    Two problems are its own: the rate of a weight only falls, to nothing in the end; and with ``epsilon`` 0 a weight
    that has had no gradient yet divides 0 by 0. That gives NaN here, and the run ends as any non-finite one does; no
    guard hides it. torch has the same form (epsilon 1e-10). Keras and optax start s at 0.1; optax puts epsilon inside
    the root and gives 0 where s is 0. Source: Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC, Search("log", 1e-3, 0.3)] = 0.01
    epsilon: Annotated[float, Within("[0, inf)"), DYNAMIC] = 1e-8
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-6, 1e-2)] = 0.0
    decay_all: bool = False

    def direction(self) -> optax.GradientTransformation:
        return decayed(scale_by_sum_of_squares(self.epsilon), self.weight_decay, self.decay_all)


def scale_by_sum_of_squares(epsilon: Array) -> optax.GradientTransformation:
    """g / (sqrt(sum of g^2) + epsilon); optax.scale_by_rss cannot: it puts epsilon inside the root."""

    def update(grads: Tree, sums: Tree, params: Any = None) -> tuple[Tree, Tree]:
        sums = jax.tree.map(lambda s, g: s + g**2, sums, grads)
        return jax.tree.map(lambda g, s: g / (jnp.sqrt(s) + epsilon), grads, sums), sums

    return optax.GradientTransformation(optax.tree.zeros_like, update)

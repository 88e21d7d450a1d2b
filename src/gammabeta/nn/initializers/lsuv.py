"""Layer-sequential unit-variance initialization (Mishkin & Matas 2015, "All you need is a good init")."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta import moments
from gammabeta.nn.initializers.initializer import Initializer
from gammabeta.nn.initializers.orthogonal import Orthogonal
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Lsuv(Initializer):
    """Orthogonal, then the weight divided by the standard deviation of the layer's output on a batch, again and again
    until that output's variance is within 1 +- tolerance, at most ``rounds`` times; layers in order from the input.

    W <- W / sqrt(var(y)) until |var(y) - 1| < tolerance

    The variance is one number for the layer, over all rows, pixels and units together, before the activation. A layer
    whose output is the same everywhere stays as it is.

    tolerance: how far from 1 the variance may stay, > 0; rounds: how many divisions at most, >= 1; both as in the paper

    Source: Mishkin & Matas 2015, https://arxiv.org/abs/1511.06422
    """

    tolerance: Annotated[float, Within("(0, inf)"), DYNAMIC] = 0.1
    rounds: Annotated[int, Within("[1, inf)"), DYNAMIC] = 10

    def sample(self, key: Array, shape: Shape) -> Array:
        return Orthogonal().sample(key, shape)

    def calibrated(self, params: Tree, output: Callable[[Tree], Array], weights: Array | None) -> Tree:
        def with_variance(weight: Array) -> tuple[Array, Array]:
            return weight, variance(output({**params, "weight": weight}), weights)

        def unfinished(state: tuple[Array, tuple[Array, Array]]) -> Array:
            done, (_, var) = state
            usable = jnp.isfinite(var) & (var > np.finfo(var.dtype).tiny)
            return (done < self.rounds) & usable & (jnp.abs(var - 1) >= self.tolerance)

        def round(state: tuple[Array, tuple[Array, Array]]) -> tuple[Array, tuple[Array, Array]]:
            done, (weight, var) = state
            return done + 1, with_variance(weight / jnp.sqrt(var).astype(weight.dtype))

        start = (jnp.zeros((), jnp.int32), with_variance(params["weight"]))
        _, (weight, _) = jax.lax.while_loop(unfinished, round, start)
        return {**params, "weight": weight}


def variance(y: Array, weights: Array | None) -> Array:
    """The variance of all values of y (rows, ..., units) together, rows counted by their weights."""
    seen = moments.observe(y.astype(jnp.promote_types(y.dtype, jnp.float32)), weights)
    return jnp.mean(seen.var) + jnp.var(seen.mean)

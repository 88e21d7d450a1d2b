"""Data-dependent initialization (Krähenbühl, Doersch, Donahue & Darrell 2015)."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta import moments
from gammabeta.nn.initializers.initializer import Initializer, fans
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class DataDependent(Initializer):
    """N(0, 1 / fan_in), then, layers in order from the input, each unit's output y on a batch brought to mean 0 and
    variance 1 by weight and bias (the paper's algorithm 1):

        W_u <- W_u / s_u,  b_u <- (b_u - mean_u) / s_u,  s_u the standard deviation of y_u over rows and pixels

    A layer without bias gets the variance only. A unit that is constant on the batch stays as it is.

    balance: whether the layers' scales are then balanced, so that one learning rate suits all (algorithm 2, see
        :func:`gammabeta.nn.calibrate.balanced`): the network's output stays, hidden outputs keep mean 0 and share
        one variance per layer, no longer 1. Default true. It needs layers that are linked by nothing but ReLU, leaky
        ReLU, dropout and the like; across sigmoid, tanh or a normalization there is nothing to balance

    The authors' code (philkr/magic_init) brings units to mean 0.1 unless told otherwise; here it is 0. Source:
    Krähenbühl, Doersch, Donahue & Darrell 2015, https://arxiv.org/abs/1511.06856
    """

    balance: bool = True

    def sample(self, key: Array, shape: Shape) -> Array:
        fan_in, _ = fans(shape)
        return jax.random.normal(key, shape) * fan_in**-0.5

    def calibrated(self, params: Tree, output: Callable[[Tree], Array], weights: Array | None) -> Tree:
        y = output(params)
        seen = moments.observe(y.astype(jnp.promote_types(y.dtype, jnp.float32)), weights)
        limits = np.finfo(seen.var.dtype)
        # below this the spread is the rounding of the mean
        usable = jnp.isfinite(seen.var) & (seen.var > jnp.maximum(limits.tiny, (16 * limits.eps * seen.mean) ** 2))
        factor = jnp.where(usable, 1 / jnp.sqrt(jnp.where(usable, seen.var, 1.0)), 1.0)
        made = {**params, "weight": (params["weight"] * factor).astype(params["weight"].dtype)}
        if "bias" in params:
            centered = params["bias"] - jnp.where(usable, seen.mean, 0.0)
            made["bias"] = (centered * factor).astype(params["bias"].dtype)
        return made

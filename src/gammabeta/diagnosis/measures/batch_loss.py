"""The loss of some rows as a function of the parameters."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gammabeta.data import Dataset
from gammabeta.nn import Call, Layer, Loss
from gammabeta.plan import Plan
from gammabeta.serial import lift, lower
from gammabeta.train.step import ingested, mean_loss, scale_of
from gammabeta.types import Array, Tree


class BatchLoss:
    """L(params) on fixed rows, in training mode without dropout and noise, and its derivatives, compiled once.

    Batch norm normalizes by these rows. rows: all of them make one batch, so a few hundred to a few thousand
    """

    def __init__(self, plan: Plan, stats: Tree, rows: Dataset) -> None:
        skeleton, numbers = lift((plan.layers, plan.loss))
        arrays = (numbers, stats, rows.x, rows.y, rows.weights, scale_of(rows))
        self.value = partial(value, skeleton, arrays)
        self.gradient = partial(gradient, skeleton, arrays)
        self.hessian_times = partial(hessian_times, skeleton, arrays)


def loss_of(skeleton: tuple[Layer, Loss], arrays: tuple[Any, ...], params: Tree) -> Array:
    numbers, stats, x, y, weights, scale = arrays
    network, loss = lower(skeleton, numbers)
    outputs, _ = network.apply(params, stats, ingested(jnp.asarray(x), scale), Call(weights=weights, by_batch=True))
    return mean_loss(loss, outputs, y, weights)


@partial(jax.jit, static_argnums=0)
def value(skeleton: tuple[Layer, Loss], arrays: tuple[Any, ...], params: Tree) -> Array:
    return loss_of(skeleton, arrays, params)


@partial(jax.jit, static_argnums=0)
def gradient(skeleton: tuple[Layer, Loss], arrays: tuple[Any, ...], params: Tree) -> Tree:
    return jax.grad(lambda here: loss_of(skeleton, arrays, here))(params)


@partial(jax.jit, static_argnums=0)
def hessian_times(skeleton: tuple[Layer, Loss], arrays: tuple[Any, ...], params: Tree, vector: Tree) -> Tree:
    """The Hessian times a vector, by the derivative of the gradient along it."""

    def gradient_at(here: Tree) -> Tree:
        return jax.grad(lambda p: loss_of(skeleton, arrays, p))(here)

    return jax.jvp(gradient_at, (params,), (vector,))[1]


def dot(one: Tree, other: Tree) -> float:
    """The inner product of two trees, every leaf in float32."""
    pairs: Mapping[int, Any] = dict(enumerate(zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)))
    return float(sum(jnp.vdot(a.astype(jnp.float32), b.astype(jnp.float32)) for a, b in pairs.values()))

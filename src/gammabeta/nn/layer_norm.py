"""Layer normalization (Ba 2016) and group normalization (Wu & He 2018): batch norm's substitutes for tiny batches."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.layer import Call, Fresh, Normalization, Seen
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True, kw_only=True)
class LayerNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and var over the features of each row by itself.

    x (rows, ..., features)

    For images mean and var are over the channels of each pixel, as in Keras (torch: over the shape it is given). It
    remembers nothing: a row is normalized alike in training and prediction, in a batch of any size.

    epsilon: the root's guard against division by zero, > 0
    scale, shift: whether gamma (features,) and beta (features,) exist

    Source: Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450
    """

    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-5
    scale: bool = True
    shift: bool = True

    def init(self, key: Array, shape: Shape) -> Fresh:
        return Fresh(scale_and_shift(shape[-1], self.scale, self.shift), (), shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        return scaled(standardized(x, (-1,), self.epsilon), params).astype(x.dtype), Seen()


@dataclass(frozen=True, kw_only=True)
class GroupNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and var of each row, over groups of neighboring features.

    x (rows, ..., features)

    For images mean and var are over all pixels and the channels of the group; groups = 1 there is layer normalization
    over whole images, groups = channels instance normalization.

    groups: >= 1, a divisor of the features; epsilon, scale, shift: as in :class:`LayerNorm`

    Source: Wu & He 2018, https://arxiv.org/abs/1803.08494
    """

    groups: Annotated[int, Within("[1, inf)")] = 8
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-5
    scale: bool = True
    shift: bool = True

    def init(self, key: Array, shape: Shape) -> Fresh:
        if shape[-1] % self.groups:
            divisors = [n for n in range(1, shape[-1] + 1) if shape[-1] % n == 0]
            raise PlanError(
                f"group_norm.groups: {self.groups} does not divide {shape[-1]} features; choose one of "
                f"{', '.join(map(str, divisors))}."
            )
        return Fresh(scale_and_shift(shape[-1], self.scale, self.shift), (), shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        grouped = x.reshape(*x.shape[:-1], self.groups, x.shape[-1] // self.groups)
        axes = (*range(1, x.ndim - 1), x.ndim)
        y = standardized(grouped, axes, self.epsilon).reshape(x.shape)
        return scaled(y, params).astype(x.dtype), Seen()


def scale_and_shift(features: int, scale: bool, shift: bool) -> Tree:
    """Fresh gamma at 1 and beta at 0, where wanted."""
    params = {"gamma": jnp.ones(features)} if scale else {}
    return params | ({"beta": jnp.zeros(features)} if shift else {})


def standardized(x: Array, axes: tuple[int, ...], epsilon: Array | float) -> Array:
    """x with mean 0 and spread 1 over ``axes``, two-pass, in float32 or wider."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centered = wide - jnp.mean(wide, axis=axes, keepdims=True)
    return centered / jnp.sqrt(jnp.mean(centered**2, axis=axes, keepdims=True) + epsilon)


def scaled(x: Array, params: Tree) -> Array:
    return x * params.get("gamma", 1.0) + params.get("beta", 0.0)

"""Several networks that answer as one."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.layer import Call, Fresh, Layer
from gammabeta.serial import Within
from gammabeta.types import Array, Shape, Tree

LEAST = 1e-30
"""Probabilities below it are taken as it: their logarithm stays finite."""


@dataclass(frozen=True)
class Ensemble(Layer):
    """The mean of what its members say, as outputs that the loss of one of them understands.

        "outputs": y = mean_m o_m;  "softmax": y = log mean_m softmax(o_m);  "sigmoid": y = logit mean_m sigmoid(o_m)

    so that softmax(y), or sigmoid(y), is the mean of the members' probabilities. x of any shape that the members take,
    y (rows, k).

    members: networks, one or more, that give outputs of one shape
    mean: of what: of "outputs" for numbers, of probabilities otherwise
    groups: of "softmax": how many distributions the outputs hold, one after another, >= 1; one for each target of a
        binned regression

    As the last layer of a plan it is one network whose members learn together. As what `gammabeta recipe` writes, its
    members were trained apart, which is what makes their mistakes different. Raises PlanError where members differ in
    what they give. Source: Hansen & Salamon 1990, Neural network ensembles; Lakshminarayanan et al. 2017,
    https://arxiv.org/abs/1612.01474
    """

    members: tuple[Layer, ...]
    mean: Literal["outputs", "softmax", "sigmoid"] = "outputs"
    groups: Annotated[int, Within("[1, inf)")] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.members:
            raise PlanError("ensemble.members: found none, expected one network or more.")

    def init(self, key: Array, shape: Shape) -> Fresh:
        made = [member.init(jax.random.fold_in(key, index), shape) for index, member in enumerate(self.members)]
        shapes = list(dict.fromkeys(fresh.shape for fresh in made))
        if len(shapes) > 1 or len(shapes[0]) != 1:
            raise PlanError(f"ensemble: its members give {shapes}, expected rows of numbers of one length.")
        if shapes[0][0] % self.groups:
            raise PlanError(f"ensemble.groups: {shapes[0][0]} outputs are not {self.groups} groups of equal size.")
        return Fresh(tuple(fresh.params for fresh in made), tuple(fresh.stats for fresh in made), shapes[0])

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, tuple[Any, ...]]:
        parts = [
            member.apply(params[index], stats[index], x, call.at(index)) for index, member in enumerate(self.members)
        ]
        outputs = jnp.stack([y for y, _ in parts])
        return self.averaged(outputs).astype(outputs.dtype), tuple(seen for _, seen in parts)

    def averaged(self, outputs: Array) -> Array:
        """(rows, k) from (members, rows, k)."""
        wide = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        if self.mean == "outputs":
            return jnp.mean(wide, axis=0)
        if self.mean == "sigmoid":
            chance = log_mean(jax.nn.log_sigmoid(wide))
            return chance - log_mean(jax.nn.log_sigmoid(-wide))
        groups = wide.reshape(*wide.shape[:2], self.groups, -1)
        return log_mean(jax.nn.log_softmax(groups, axis=3)).reshape(wide.shape[1:])

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return tuple(member.remember(*each) for member, *each in zip(self.members, stats, seen, strict=True))

    def pace(self, params: Tree, progress: Array) -> Tree:
        return tuple(member.pace(part, progress) for member, part in zip(self.members, params, strict=True))


def log_mean(logarithms: Array) -> Array:
    """log of the mean over the first axis of numbers that are given by their logarithms."""
    floor = jnp.log(jnp.asarray(LEAST, logarithms.dtype))
    mean: Array = jax.nn.logsumexp(jnp.maximum(logarithms, floor), axis=0) - jnp.log(len(logarithms))
    return mean

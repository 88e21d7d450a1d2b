"""What people write by mistake, as descriptions: layers, losses and networks with one thing wrong in them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from gammabeta.nn import (
    BatchNorm,
    Call,
    ClassLoss,
    Dense,
    Fresh,
    LabelLoss,
    Layer,
    Loss,
    Residual,
    Seen,
    Sequential,
    SoftmaxCrossEntropy,
)
from gammabeta.plan import Plan
from gammabeta.serial import DYNAMIC


@dataclass(frozen=True)
class SoftmaxUnits(Layer):
    """Softmax over the units of a layer, where an activation belongs, or behind the last one."""

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        return jax.nn.softmax(x, axis=-1), Seen()


@dataclass(frozen=True)
class BatchSoftmax(Layer):
    """Softmax over the rows of the batch: the wrong axis."""

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        return jax.nn.softmax(x, axis=0) * x.shape[0], Seen()


@dataclass(frozen=True)
class LessBatchMean(Layer):
    """Every row less the mean of the rows that happen to stand beside it, and divided by the largest one."""

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        return (x - jnp.mean(x, axis=0)) / (1e-3 + jnp.max(jnp.abs(x), axis=0)), Seen()


@dataclass(frozen=True)
class MixedRows(Layer):
    """A reshape with rows and units exchanged: every row is made of several."""

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        flat = x.reshape(x.shape[0], -1)
        return flat.T.reshape(x.shape), Seen()


@dataclass(frozen=True)
class StoppedGradient(Layer):
    """Nothing flows back through it."""

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        return jax.lax.stop_gradient(x), Seen()


@dataclass(frozen=True)
class Shift(Layer):
    """y = x + b, where b (units,) trains and starts at ``value``."""

    value: Annotated[float, DYNAMIC]

    def init(self, key: Any, shape: tuple[int, ...]) -> Fresh:
        return Fresh({"bias": jnp.zeros(shape[-1]) + self.value}, (), shape)

    def apply(self, params: Any, stats: Any, x: Any, call: Call) -> tuple[Any, Seen]:
        return x + params["bias"], Seen()


@dataclass(frozen=True)
class ClassLossTimes(ClassLoss):
    """Softmax cross-entropy times a factor: summed over the rows instead of averaged, or with the sign turned."""

    factor: Annotated[float, DYNAMIC]

    def rows(self, outputs: Any, targets: Any) -> Any:
        return self.factor * SoftmaxCrossEntropy().rows(outputs, targets)


@dataclass(frozen=True)
class NumberLossTimes(Loss):
    """Squared error times a factor."""

    factor: Annotated[float, DYNAMIC]

    def rows(self, outputs: Any, targets: Any) -> Any:
        return self.factor * jnp.mean((outputs - targets) ** 2, axis=1)


@dataclass(frozen=True)
class ClassNumberError(ClassLoss):
    """Squared error between every output and the number of the class, as if classes were amounts."""

    def rows(self, outputs: Any, targets: Any) -> Any:
        return jnp.mean((outputs - targets[:, None]) ** 2, axis=1)

    def predict(self, outputs: Any) -> Any:
        amount = jnp.mean(outputs, axis=1, keepdims=True)
        return jax.nn.softmax(-((amount - jnp.arange(outputs.shape[1])) ** 2), axis=1)


@dataclass(frozen=True)
class UnguardedLabelLoss(LabelLoss):
    """-y log p - (1 - y) log(1 - p) with p = sigmoid(outputs) and nothing that keeps p from 0 and 1."""

    def rows(self, outputs: Any, targets: Any) -> Any:
        p = jax.nn.sigmoid(outputs)
        return jnp.mean(-targets * jnp.log(p) - (1 - targets) * jnp.log(1 - p), axis=1)


@dataclass(frozen=True)
class UnguardedClassLoss(ClassLoss):
    """-log p with p = exp(o) / sum(exp(o)), computed as it is written."""

    def rows(self, outputs: Any, targets: Any) -> Any:
        powers = jnp.exp(8 * outputs)
        chosen = jnp.take_along_axis(powers, targets[:, None], axis=1)[:, 0]
        return -jnp.log(chosen / jnp.sum(powers, axis=1))


# ---- networks with something exchanged

Edit = Callable[[Layer], tuple[Layer, ...]]


def edited(plan: Plan, edit: Edit) -> Plan:
    """The plan with every layer replaced by what ``edit`` makes of it; initializers are chosen anew where open."""

    def inside(network: Sequential) -> Sequential:
        made: list[Layer] = []
        for layer in network.layers:
            if isinstance(layer, Residual):
                made.append(replace(layer, body=inside(layer.body)))
            else:
                made += edit(layer)
        return Sequential(tuple(made))

    network = plan.network
    assert isinstance(network, Sequential)
    return plan.replace(network=inside(network))


def on(kind: type[Layer] | tuple[type[Layer], ...], make: Callable[[Any], tuple[Layer, ...]]) -> Edit:
    """An edit of one kind of layer."""
    return lambda layer: make(layer) if isinstance(layer, kind) else (layer,)


def norms(**changes: Any) -> Edit:
    """Every batch norm with other settings."""
    return on(BatchNorm, lambda layer: (replace(layer, **changes),))


def hidden(plan: Plan, make: Callable[[int, Any], tuple[Layer, ...]]) -> Plan:
    """Every dense layer but the last replaced, by its number from 0."""
    network = plan.network
    assert isinstance(network, Sequential)
    dense = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)][:-1]
    made: list[Layer] = []
    for index, layer in enumerate(network.layers):
        made += make(dense.index(index), layer) if index in dense else (layer,)
    return plan.replace(network=Sequential(tuple(made)))

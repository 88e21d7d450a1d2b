"""Layers one after another."""

from dataclasses import dataclass, replace
from typing import Any

import jax

from gammabeta.nn.activation import RELU_FAMILY, Activation
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.conv import Conv2D
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.initializers import HeNormal, XavierNormal
from gammabeta.nn.layer import Call, Fresh, Layer, Normalization, Seen
from gammabeta.nn.pooling import AveragePool, GlobalAveragePool, MaxPool
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Sequential(Layer):
    """y = layer_n(... layer_1(x)); params, stats and what was seen are tuples with one entry per layer.

    What a layer left open is filled in here from its neighbors, on construction, so that it can be read: a dense
    or convolution layer directly followed by batch norm with shift gets no bias (the shift would undo it), and its
    initializer is He before the ReLU family and Xavier otherwise.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", tuple(filled_in(self.layers)))

    def init(self, key: Array, shape: Shape) -> Fresh:
        params, stats = [], []
        for index, layer in enumerate(self.layers):
            fresh = layer.init(jax.random.fold_in(key, index), shape)
            params.append(fresh.params)
            stats.append(fresh.stats)
            shape = fresh.shape
        return Fresh(tuple(params), tuple(stats), shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, tuple[Any, ...]]:
        seen = []
        for index, layer in enumerate(self.layers):
            x, part = layer.apply(params[index], stats[index], x, call.at(index))
            if call.probe is not None and isinstance(part, Seen):
                part = part._replace(probes=call.probe(x, call.weights))
            seen.append(part)
        return x, tuple(seen)

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return tuple(layer.remember(s, part) for layer, s, part in zip(self.layers, stats, seen, strict=True))

    def trains(self, params: Tree) -> Tree:
        return tuple(layer.trains(part) for layer, part in zip(self.layers, params, strict=True))


def filled_in(layers: tuple[Layer, ...]) -> list[Layer]:
    """The layers with the open choices of each dense and convolution layer made from what follows it."""
    made: list[Layer] = []
    for index, layer in enumerate(layers):
        if isinstance(layer, Dense | Conv2D):
            following = layers[index + 1 :]
            shifted = bool(following) and isinstance(following[0], BatchNorm) and following[0].shift
            initializer = HeNormal() if next_activation(following) in RELU_FAMILY else XavierNormal()
            layer = replace(
                layer,
                bias=not shifted if layer.bias is None else layer.bias,
                initializer=layer.initializer or initializer,
            )
        made.append(layer)
    return made


def next_activation(following: tuple[Layer, ...]) -> str:
    """The activation that a layer's output meets first, "identity" where none comes before the next layer."""
    for layer in following:
        if isinstance(layer, Activation):
            return layer.function
        if not isinstance(layer, (Normalization, Dropout, MaxPool, AveragePool, GlobalAveragePool)):
            break
    return "identity"

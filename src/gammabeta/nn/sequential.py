"""Layers one after another."""

from dataclasses import dataclass, replace
from typing import Any

import jax

from gammabeta.nn.activation import RELU_FAMILY, Activation
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.conv import Conv2D
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.frozen import Frozen
from gammabeta.nn.initializers import HeNormal, XavierNormal
from gammabeta.nn.layer import Call, Fresh, Layer, Normalization, Passage, Seen, Wrapper, bare
from gammabeta.nn.pooling import AveragePool, GlobalAveragePool, MaxPool
from gammabeta.nn.tap import tapped
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Sequential(Layer):
    """y = layer_n(... layer_1(x)); params, stats and what was seen are tuples with one entry per layer.

    What a layer left open is filled in here from its neighbors, on construction, so that it can be read: a dense
    or convolution layer directly followed by batch norm with shift gets no bias (the shift would undo it), and its
    initializer is He before the ReLU family and Xavier otherwise.

    layers: any number of them, in order from the input

    Source: Rumelhart, Hinton & Williams 1986, https://doi.org/10.1038/323533a0
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
            here = call.at(index)
            y, part = layer.apply(params[index], stats[index], x, here)
            if call.probe is not None and isinstance(part, Seen):
                part = part._replace(probes=call.probe(Passage(layer, *jax.lax.stop_gradient((x, y)), call.weights)))
            x = y if here.taps is None or isinstance(here.taps, tuple) else tapped(y, here.taps)
            seen.append(part)
        return x, tuple(seen)

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return tuple(layer.remember(s, part) for layer, s, part in zip(self.layers, stats, seen, strict=True))

    def pace(self, params: Tree, progress: Array) -> Tree:
        return tuple(layer.pace(part, progress) for layer, part in zip(self.layers, params, strict=True))


def filled_in(layers: tuple[Layer, ...]) -> list[Layer]:
    """The layers with the open choices of each dense and convolution layer made from what follows it."""
    return [filled(layer, layers[index + 1 :]) for index, layer in enumerate(layers)]


def filled(layer: Layer, following: tuple[Layer, ...]) -> Layer:
    """One layer with its open choices made."""
    if isinstance(layer, Wrapper):
        return layer.replace(layer=filled(layer.layer, following))
    if not isinstance(layer, Dense | Conv2D):
        return layer
    # a frozen batch norm normalizes by its memory and undoes no bias
    norm = bare(following[0]) if following and not isinstance(following[0], Frozen) else None
    shifted = isinstance(norm, BatchNorm) and norm.shift
    initializer = HeNormal() if next_activation(following) in RELU_FAMILY else XavierNormal()
    return replace(
        layer,
        bias=not shifted if layer.bias is None else layer.bias,
        initializer=layer.initializer or initializer,
    )


def next_activation(following: tuple[Layer, ...]) -> str:
    """The activation that a layer's output meets first, "identity" where none comes before the next layer."""
    for layer in map(bare, following):
        if isinstance(layer, Activation):
            return layer.function
        if not isinstance(layer, (Normalization, Dropout, MaxPool, AveragePool, GlobalAveragePool)):
            break
    return "identity"

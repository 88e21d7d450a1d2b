"""Fold batch norm into its neighboring dense or convolution layer: same function, nothing left to compute."""

from typing import Any, NamedTuple

import numpy as np

from gammabeta.nn import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Ensemble,
    Flatten,
    GaussianNoise,
    Layer,
    Residual,
    Sequential,
    Wrapper,
    bare,
)
from gammabeta.nn.conv import Conv2D
from gammabeta.nn.pooling import AveragePool, GlobalAveragePool
from gammabeta.types import Array, Tree

AVERAGING = (AveragePool, GlobalAveragePool)
"""Means of each channel by weights that sum to 1: batch norm before one of them or after it is the same."""


class Folded(NamedTuple):
    """A network that computes the same predictions with fewer layers."""

    network: Layer
    params: Tree
    stats: Tree


class Part(NamedTuple):
    """One layer with what it learned and remembers."""

    layer: Layer
    params: Any
    stats: Any


def fold(network: Layer, params: Tree, stats: Tree) -> Folded:
    """The network for prediction: batch norm folded, in float64, into the affine layer before or after it.

    Before it: W' = W s, b' = b s + t;  after it: W' = s W (by input), b' = b + sum of t W over all inputs
    with s = gamma / sqrt(var + epsilon), t = beta - mean s.

    Affine are dense layers and convolutions. An average pool may stand between, as the weights of its means sum to 1,
    and a flatten before a dense layer. A convolution after a batch norm takes it where it pads nothing, or where t is
    exactly 0: the zeros around the image come after batch norm, and would be shifted with it. A batch norm stays where
    something nonlinear stands between it and every such layer. What does nothing in prediction is left out: dropout,
    noise, the identity. Agrees with the unfolded network to 1e-5 relative.
    """
    if isinstance(network, Residual):
        body = fold(network.body, params[0], stats[0])
        through = fold(network.shortcut, params[1], stats[1]) if network.shortcut else Folded(network, (), ())
        parts = {"body": body.network} | ({"shortcut": through.network} if network.shortcut else {})
        return Folded(network.replace(**parts), (body.params, through.params), (body.stats, through.stats))
    if isinstance(network, Ensemble):
        made = [fold(*each) for each in zip(network.members, params, stats, strict=True)]
        members, learned, remembered = zip(*made, strict=True)
        return Folded(network.replace(members=members), learned, remembered)
    if isinstance(network, Wrapper):
        return fold(bare(network), params, stats)
    if not isinstance(network, Sequential):
        return Folded(network, params, stats)
    kept: list[Part] = []
    for part in (Part(bare(layer), *rest) for layer, *rest in zip(network.layers, params, stats, strict=True)):
        if isinstance(part.layer, Sequential | Residual | Ensemble):
            kept.append(Part(*fold(*part)))
        elif isinstance(part.layer, BatchNorm) and (place := affine_before(kept)) is not None:
            kept[place] = into_before(kept[place], part)
        elif not is_nothing(part.layer):
            kept.append(part)
    kept = folded_forward(kept)
    layers, new_params, new_stats = zip(*kept, strict=True) if kept else ((), (), ())
    return Folded(Sequential(layers), new_params, new_stats)


def is_nothing(layer: Layer) -> bool:
    """Whether a layer does nothing in prediction."""
    if isinstance(layer, Dropout):
        return layer.form == "inverted"
    return isinstance(layer, GaussianNoise) or (isinstance(layer, Activation) and layer.function == "identity")


def affine_before(kept: list[Part]) -> int | None:
    """Where the layer is that takes a batch norm standing after all of ``kept``; None where there is none."""
    for place in reversed(range(len(kept))):
        if isinstance(kept[place].layer, Dense | Conv2D):
            return place
        if not isinstance(kept[place].layer, AVERAGING):
            return None
    return None


def affine_after(norm: Part, kept: list[Part]) -> int | None:
    """Where the layer is that takes a batch norm standing before all of ``kept``; None where there is none."""
    for place, (layer, *_) in enumerate(kept):
        if isinstance(layer, Conv2D):
            return place if layer.pads_nothing or not scale_and_shift(norm)[1].any() else None
        if isinstance(layer, Dense):
            return place
        if not isinstance(layer, (*AVERAGING, Flatten)):
            return None
    return None


def folded_forward(parts: list[Part]) -> list[Part]:
    """Each batch norm that a dense or convolution layer after it can take, folded into it.

    From the end to the beginning, so that several in a row all go.
    """
    kept: list[Part] = []
    for part in reversed(parts):
        if isinstance(part.layer, BatchNorm) and (place := affine_after(part, kept)) is not None:
            kept[place] = into_after(part, kept[place])
        else:
            kept.insert(0, part)
    return kept


def scale_and_shift(part: Part) -> tuple[Array, Array]:
    """(s, t), float64 (features,), with batch norm in prediction = x s + t."""
    layer, params, memory = part
    assert isinstance(layer, BatchNorm)
    var = np.asarray(memory.var, np.float64)
    inside = layer.epsilon_placement == "inside"
    spread = np.sqrt(var + layer.epsilon) if inside else np.sqrt(var) + layer.epsilon
    scale = np.asarray(params.get("gamma", 1.0), np.float64) / spread
    return scale, np.asarray(params.get("beta", 0.0), np.float64) - np.asarray(memory.mean, np.float64) * scale


def into_before(part: Part, norm: Part) -> Part:
    """The layer that computes ``part`` and then norm."""
    scale, shift = scale_and_shift(norm)
    weight, bias = affine(part)
    return with_params(part, weight * scale, bias * scale + shift)


def into_after(norm: Part, part: Part) -> Part:
    """The layer that computes norm and then ``part``; a flatten between repeats the channels."""
    weight, bias = affine(part)
    scale, shift = (np.tile(each, weight.shape[-2] // len(each)) for each in scale_and_shift(norm))
    return with_params(part, weight * scale[:, None], bias + (shift @ weight).reshape(-1, weight.shape[-1]).sum(axis=0))


def affine(part: Part) -> tuple[Array, Array]:
    """(W, b) of a dense or convolution layer, float64: W (..., inputs, units)."""
    params = {name: np.asarray(array, np.float64) for name, array in part.params.items()}
    assert isinstance(part.layer, Dense | Conv2D)
    return np.asarray(part.layer.matrix(params)), params.get("bias", np.zeros(1))


def with_params(part: Part, weight: Array, bias: Array) -> Part:
    """The layer with these as its weight and bias."""
    dtype = np.asarray(part.params["weight"]).dtype
    layer = part.layer.replace(bias=True, weight_norm="none")
    return Part(layer, {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}, ())

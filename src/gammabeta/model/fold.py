"""Fold batch norm into its neighboring dense layer: same function, nothing left to compute."""

from typing import Any, NamedTuple

import numpy as np

from gammabeta.nn import Activation, BatchNorm, Dense, Dropout, Flatten, Frozen, Layer, Residual, Sequential
from gammabeta.types import Array, Tree


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
    """The network for prediction: batch norm folded, in float64, into the dense layer before or after it.

    Before it: W' = W s, b' = b s + t;  after it: W' = s W (by row), b' = b + t W
    with s = gamma / sqrt(var + epsilon), t = beta - mean s.

    A batch norm stays where something nonlinear stands between it and every dense layer. Dropout and the
    identity, which do nothing in prediction, are left out. Agrees with the unfolded network to 1e-5 relative.
    """
    if isinstance(network, Residual):
        body = fold(network.body, params[0], stats[0])
        through = fold(network.shortcut, params[1], stats[1]) if network.shortcut else Folded(network, (), ())
        parts = {"body": body.network} | ({"shortcut": through.network} if network.shortcut else {})
        return Folded(network.replace(**parts), (body.params, through.params), (body.stats, through.stats))
    if isinstance(network, Frozen):
        return fold(network.layer, params, stats)
    if not isinstance(network, Sequential):
        return Folded(network, params, stats)
    kept: list[Part] = []
    for part in (Part(thawed(layer), *rest) for layer, *rest in zip(network.layers, params, stats, strict=True)):
        if isinstance(part.layer, Sequential | Residual):
            kept.append(Part(*fold(*part)))
        elif isinstance(part.layer, BatchNorm) and kept and isinstance(kept[-1].layer, Dense):
            kept[-1] = into_before(kept[-1], part)
        elif not is_nothing(part.layer):
            kept.append(part)
    kept = folded_forward(kept)
    layers, new_params, new_stats = zip(*kept, strict=True) if kept else ((), (), ())
    return Folded(Sequential(layers), new_params, new_stats)


def thawed(layer: Layer) -> Layer:
    """The layer inside a frozen one: in prediction they are the same."""
    return thawed(layer.layer) if isinstance(layer, Frozen) else layer


def is_nothing(layer: Layer) -> bool:
    """Whether a layer does nothing in prediction."""
    return isinstance(layer, Dropout) or (isinstance(layer, Activation) and layer.function == "identity")


def folded_forward(parts: list[Part]) -> list[Part]:
    """Each batch norm that is followed by a dense layer, with at most a flatten between, folded into it.

    From the end to the beginning, so that several in a row all go.
    """
    kept: list[Part] = []
    for part in reversed(parts):
        following = [p.layer for p in kept[:2]]
        if isinstance(part.layer, BatchNorm) and [type(layer) for layer in following[:1]] == [Dense]:
            kept[0] = into_after(part, kept[0])
        elif isinstance(part.layer, BatchNorm) and [type(layer) for layer in following] == [Flatten, Dense]:
            kept[1] = into_after(part, kept[1])
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


def into_before(dense: Part, norm: Part) -> Part:
    """The dense layer that computes dense and then norm."""
    scale, shift = scale_and_shift(norm)
    weight, bias = affine(dense)
    return with_params(dense, weight * scale, bias * scale + shift)


def into_after(norm: Part, dense: Part) -> Part:
    """The dense layer that computes norm and then dense; a flatten between repeats the channels."""
    weight, bias = affine(dense)
    scale, shift = (np.tile(part, len(weight) // len(part)) for part in scale_and_shift(norm))
    return with_params(dense, weight * scale[:, None], bias + shift @ weight)


def affine(dense: Part) -> tuple[Array, Array]:
    """(W, b) of a dense layer, float64."""
    assert isinstance(dense.layer, Dense)
    params = {name: np.asarray(array, np.float64) for name, array in dense.params.items()}
    return np.asarray(dense.layer.matrix(params)), params.get("bias", np.zeros(1))


def with_params(dense: Part, weight: Array, bias: Array) -> Part:
    dtype = np.asarray(dense.params["weight"]).dtype
    params = {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}
    return Part(dense.layer.replace(bias=True, weight_norm="none"), params, ())

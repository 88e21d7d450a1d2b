"""The weights of a network's dense and convolution layers, by place."""

from typing import Any

import numpy as np

from gammabeta.nn import Conv2D, Dense, Ensemble, Layer, Residual, Sequential
from gammabeta.types import Tree


def matrices(network: Layer, params: Tree, place: str = "layers") -> list[tuple[str, np.ndarray]]:
    """("layers.2", weights (inputs, units)) of every layer with weights, in order; windows of convolutions flat."""
    if isinstance(network, Sequential):
        parts = zip(network.layers, params, strict=True)
        return [
            found for index, (layer, part) in enumerate(parts) for found in matrices(layer, part, f"{place}.{index}")
        ]
    if isinstance(network, Residual):
        found = matrices(network.body, params[0], f"{place}.body")
        return found + (matrices(network.shortcut, params[1], f"{place}.shortcut") if network.shortcut else [])
    if isinstance(network, Ensemble):
        parts = zip(network.members, params, strict=True)
        return [
            found
            for index, (member, part) in enumerate(parts)
            for found in matrices(member, part, f"{place}.members.{index}")
        ]
    if isinstance(network, Dense | Conv2D):
        weights = np.asarray(params["weight"], np.float64)
        return [(place, weights.reshape(-1, weights.shape[-1]))]
    inner: Any = getattr(network, "layer", None)
    return matrices(inner, params, place) if isinstance(inner, Layer) else []

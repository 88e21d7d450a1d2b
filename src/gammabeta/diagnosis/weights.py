"""The weights of a network's dense and convolution layers, by place."""

import numpy as np

from gammabeta.diagnosis.networks import place_of, weighted
from gammabeta.nn import Layer, part_at
from gammabeta.types import Tree


def matrices(network: Layer, params: Tree) -> list[tuple[str, np.ndarray]]:
    """("layers.2", weights (inputs, units)) of every layer with weights, in order; windows of convolutions flat."""
    found = [(place_of(one), np.asarray(part_at(params, one.path)["weight"], np.float64)) for one in weighted(network)]
    return [(place, weights.reshape(-1, weights.shape[-1])) for place, weights in found]

"""Centered weight normalization."""

from gammabeta.types import Array


def centered_weights(weight: Array, gain: Array) -> Array:
    """The weights W that a layer with ``weight_norm="centered"`` multiplies by: each unit's centered, of length gain.

        W[..., k] = gain[k] (V[..., k] - mean(V[..., k])) / ||V[..., k] - mean(V[..., k])||

    weight: V, what the layer learns: (features, units) of a dense layer, (size_h, size_w, channels, filters) of a
        convolution; mean and length are taken over all that a unit is connected to, which is every axis but the last
    gain: (units,) or (filters,), learned as well; it starts at 1

    What is added to all weights of a unit, and what they are multiplied by, changes nothing. A unit whose weights are
    all equal has no direction and gets zeros. Unlike batch norm it does not look at the data: rows do not depend on
    each other, and training and prediction compute the same. Folding batch norm into the layer writes W out.

    Source: Huang et al. 2017, Centered weight normalization, https://arxiv.org/abs/1710.02338
    """
    incoming = tuple(range(weight.ndim - 1))
    centered = weight - weight.mean(axis=incoming)
    length = (centered**2).sum(axis=incoming)
    return centered * (gain / (length + (length == 0)) ** 0.5)

"""One list of every layer, which every law goes through.

A new layer is added here, once for each way in which it computes; a test fails where one is forgotten.
"""

from typing import NamedTuple

import numpy as np

from gammabeta.nn import (
    ACTIVATIONS,
    Activation,
    AveragePool,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Ensemble,
    Flatten,
    Frozen,
    GaussianNoise,
    GlobalAveragePool,
    GroupNorm,
    HeUniform,
    Layer,
    LayerNorm,
    MaxPool,
    Paced,
    Residual,
    Sequential,
    Whitening,
    XavierUniform,
)

ROWS = 5
"""Of every batch: odd."""

FEATURES = (4,)
IMAGE = (3, 2, 4)


class Case(NamedTuple):
    """A layer and the shape of one example that it takes."""

    layer: Layer
    shape: tuple[int, ...]


BODY = Sequential((Dense(4), BatchNorm(), Activation("tanh")))

LAYERS: dict[str, Case] = {
    "dense": Case(Dense(3), FEATURES),
    "dense without bias": Case(Dense(3, bias=False, initializer=HeUniform()), FEATURES),
    "batch norm": Case(BatchNorm(), FEATURES),
    "batch norm of images": Case(BatchNorm(), IMAGE),
    "batch norm, epsilon outside": Case(BatchNorm(epsilon_placement="outside", epsilon=1e-2), FEATURES),
    "batch norm, no scale": Case(BatchNorm(scale=False), FEATURES),
    "batch norm, no shift": Case(BatchNorm(shift=False), FEATURES),
    "batch norm, neither": Case(BatchNorm(scale=False, shift=False), FEATURES),
    "batch norm, other start": Case(BatchNorm(initial_gamma=0.5, initial_beta=-2.0), FEATURES),
    "batch norm, ema": Case(BatchNorm(estimator="ema", update_rate=0.3), FEATURES),
    "batch norm, cumulative": Case(BatchNorm(estimator="cumulative"), FEATURES),
    "batch norm, paper": Case(BatchNorm(estimator="paper"), FEATURES),
    "batch norm by memory": Case(BatchNorm(normalizes_by="memory"), FEATURES),
    "batch norm, not updated": Case(BatchNorm(update=False), FEATURES),
    "batch norm in ghosts": Case(BatchNorm(ghost_size=2), FEATURES),
    "batch norm of images in ghosts": Case(BatchNorm(ghost_size=3), IMAGE),
    "frozen": Case(Frozen(Sequential((Dense(3), BatchNorm(), Dropout(0.4)))), FEATURES),
    "paced": Case(Paced(Sequential((Dense(3), BatchNorm())), 0.3, 0.25), FEATURES),
    "paced, one layer of images": Case(Paced(Conv2D(2), 0.5), IMAGE),
    "whitening": Case(Whitening(), FEATURES),
    "layer norm": Case(LayerNorm(), FEATURES),
    "layer norm of images": Case(LayerNorm(scale=False, epsilon=1e-2), IMAGE),
    "group norm": Case(GroupNorm(groups=2), FEATURES),
    "group norm of images": Case(GroupNorm(groups=2, shift=False), IMAGE),
    "dense, centered weights": Case(Dense(3, weight_norm="centered"), FEATURES),
    "gaussian noise": Case(GaussianNoise(0.7), FEATURES),
    **{name.replace("_", " "): Case(Activation(name), FEATURES) for name in ACTIVATIONS},
    "leaky relu, steep": Case(Activation("leaky_relu", negative_slope=0.3), FEATURES),
    "elu, shallow": Case(Activation("elu", alpha=0.4), FEATURES),
    "relu of images": Case(Activation("relu"), IMAGE),
    "dropout": Case(Dropout(0.3), FEATURES),
    "dropout of images": Case(Dropout(0.6), IMAGE),
    "dropout, notes": Case(Dropout(0.3, form="notes"), FEATURES),
    "flatten": Case(Flatten(), IMAGE),
    "convolution": Case(Conv2D(2), IMAGE),
    "convolution, valid, strided, no bias": Case(Conv2D(3, (2, 1), (1, 2), "valid", bias=False), IMAGE),
    "convolution, centered weights": Case(Conv2D(2, (2, 3), bias=False, weight_norm="centered"), IMAGE),
    "max pool": Case(MaxPool(), IMAGE),
    "max pool, overlapping, over the edge": Case(MaxPool((2, 3), 1, "same"), IMAGE),
    "average pool": Case(AveragePool((3, 1), (1, 2)), IMAGE),
    "average pool, over the edge": Case(AveragePool(2, padding="same"), IMAGE),
    "global average pool": Case(GlobalAveragePool(), IMAGE),
    "sequential": Case(
        Sequential((Flatten(), Dense(5), BatchNorm(), Activation("gelu"), Dropout(0.2), Dense(3))), IMAGE
    ),
    "sequential of nothing": Case(Sequential(()), FEATURES),
    "sequential, normalized after": Case(
        Sequential((Dense(5, initializer=XavierUniform()), Activation("sigmoid"), BatchNorm(), Dense(3))), FEATURES
    ),
    "residual": Case(Residual(BODY), FEATURES),
    "residual with a shortcut": Case(
        Residual(Sequential((Dense(3), BatchNorm())), Sequential((Dense(3, bias=False), BatchNorm()))), FEATURES
    ),
    "ensemble": Case(Ensemble((BODY, Sequential((Dense(3), BatchNorm(), Dense(4)))), "softmax", 2), FEATURES),
    "ensemble of one output": Case(Ensemble((Dense(1), Dense(1, bias=False)), "sigmoid"), FEATURES),
    "ensemble of numbers": Case(Ensemble((BODY, Dense(4))), FEATURES),
}

RANDOM = [name for name in LAYERS if name.startswith(("dropout", "gaussian")) or name == "sequential"]
"""Those whose training output depends on a key."""

GHOSTLY = [name for name in LAYERS if "ghosts" in name]
"""Those in which a row's training output depends on its place in the batch: see test_normalization_variants."""

STILL = ["frozen", "batch norm, not updated"]
"""Those whose memory does not move."""


def batch(shape: tuple[int, ...], rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """Rows of N(3, 4^2), each feature or channel shifted by a quarter of its number, in float64."""
    x = 3 + 4 * np.random.default_rng(seed).standard_normal((rows, *shape))
    return x + np.arange(shape[-1]) / 4

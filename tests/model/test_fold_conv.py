"""Folding batch norm into convolutions keeps the function: 1e-5 relative, on networks of every shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.finished import randomized
from tests.model.folding import check, check_twice, norms

from gammabeta.nn import (
    Activation,
    AveragePool,
    BatchNorm,
    Conv2D,
    Convnet,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GaussianNoise,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Residual,
    Sequential,
)

IMAGE = (5, 4, 2)
UNSHIFTED = BatchNorm(shift=False)
"""Its shift is -mean s: 0 where the mean is."""

BLOCK = Residual(Sequential((Conv2D(2), BatchNorm(), Activation("relu"), Conv2D(2), BatchNorm())))
PROJECTED = Residual(
    Sequential((Conv2D(3, 3, 2), BatchNorm())), Sequential((BatchNorm(), Conv2D(3, 1, 2), BatchNorm()))
)
NETWORKS: dict[str, tuple[tuple[Layer, ...], int]] = {
    # name: layers, batch norms that must remain
    "before it, padded": ((Conv2D(3), BatchNorm()), 0),
    "before it, strided": ((Conv2D(3, (2, 3), (1, 2), "valid"), BatchNorm(), Activation("relu")), 0),
    "after it, unpadded": ((BatchNorm(), Conv2D(3, (3, 2), padding="valid")), 0),
    "after it, padded": ((BatchNorm(), Conv2D(3)), 1),
    "after it, one pixel": ((BatchNorm(), Conv2D(3, 1, 2)), 0),
    "after it, without bias": ((BatchNorm(scale=False), Conv2D(3, 2, padding="valid", bias=False)), 0),
    "between two, the second padded": ((Conv2D(3), BatchNorm(), Conv2D(2)), 0),
    "after the activation, unpadded": ((Conv2D(3), Activation("relu"), BatchNorm(), Conv2D(2, padding="valid")), 0),
    "after the activation, padded": ((Conv2D(3), Activation("relu"), BatchNorm(), Conv2D(2)), 1),
    "two in a row": ((Conv2D(3), BatchNorm(), BatchNorm()), 0),
    "two in a row, first": ((BatchNorm(), UNSHIFTED, Conv2D(3, padding="valid")), 0),
    "behind an average": ((Conv2D(3), AveragePool(), BatchNorm()), 0),
    "behind an average over the edge": ((Conv2D(3), AveragePool(3, 2, "same"), BatchNorm()), 0),
    "before an average": ((BatchNorm(), AveragePool(2, 1, "same"), Conv2D(3, padding="valid")), 0),
    "before an average and a padded one": ((BatchNorm(), AveragePool(2), Conv2D(3)), 1),
    "behind the mean": ((Conv2D(3), GlobalAveragePool(), BatchNorm(), Activation("relu"), Dense(2)), 0),
    "before the mean": ((Activation("tanh"), BatchNorm(), GlobalAveragePool(), Dense(2)), 0),
    "before average and flatten": ((BatchNorm(), AveragePool(2), Flatten(), Dense(2)), 0),
    "behind a maximum": ((Conv2D(3), MaxPool(), BatchNorm(), Activation("relu")), 1),
    "behind a maximum, unpadded": ((Conv2D(3), MaxPool(), BatchNorm(), Conv2D(2, 2, padding="valid")), 0),
    "dropout and noise between": ((Conv2D(3), GaussianNoise(0.3), Dropout(0.5), BatchNorm()), 0),
    "dropout of the notes between": ((Conv2D(3), Dropout(0.5, form="notes"), BatchNorm()), 1),
    "epsilon outside": ((Conv2D(3), BatchNorm(epsilon=0.2, epsilon_placement="outside")), 0),
    "residual": ((Conv2D(2), BatchNorm(), BLOCK, BLOCK), 0),
    "residual with a shortcut": ((PROJECTED, Activation("relu"), GlobalAveragePool(), Dense(2)), 0),
    "centered weights": ((Conv2D(3, weight_norm="centered"), BatchNorm(), Activation("relu")), 0),
    "after it, centered weights": ((BatchNorm(), Conv2D(3, padding="valid", weight_norm="centered")), 0),
    "frozen": ((Frozen(Sequential((Conv2D(2), BatchNorm()))), Frozen(Conv2D(3)), Frozen(BatchNorm())), 0),
    "convnet": (Convnet(channels=(2, 3), dropout=0.1).expand((8, 4, 2), 3).layers, 0),
    # what stands behind an activation and before a padded convolution must stay; the last one goes into the dense layer
    "convnet of tanh": (Convnet(channels=(2, 3), activation="tanh").expand((8, 4, 2), 3).layers, 4),
    "convnet of centered weights": (
        Convnet(channels=(2, 3), weight_norm="centered", input_noise=0.2).expand((8, 4, 2), 3).layers,
        0,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_keeps_the_function_and_leaves_no_batch_norm_that_could_go(name: str) -> None:
    layers, left = NETWORKS[name]
    shape = (8, 4, 2) if name.startswith("convnet") else IMAGE
    network = Sequential(layers)
    assert norms(check(network, shape, *randomized(network, shape))) == left


def test_a_padded_convolution_takes_a_batch_norm_whose_shift_is_exactly_zero() -> None:
    network = Sequential((UNSHIFTED, AveragePool(2, 1), Conv2D(3)))
    params, stats = randomized(network, IMAGE)
    centered = stats[0]._replace(mean=np.zeros(2, np.float32))
    assert norms(check(network, IMAGE, params, (centered, *stats[1:]))) == 0
    almost = stats[0]._replace(mean=np.full(2, 1e-3, np.float32))
    assert norms(check(network, IMAGE, params, (almost, *stats[1:]))) == 1


# Every part takes images of two channels and gives the same, so that they can stand in any order.
PARTS = st.sampled_from(
    [
        Conv2D(2),
        Conv2D(2, (1, 2), bias=True),
        Conv2D(2, 1),
        Conv2D(2, 2, padding="valid"),
        BatchNorm(),
        BatchNorm(scale=False, epsilon=0.3),
        BatchNorm(shift=False, epsilon_placement="outside", epsilon=0.1),
        Activation("relu"),
        Activation("identity"),
        AveragePool(2, 1),
        AveragePool((3, 2), 1, "same"),
        MaxPool(2, 1, "same"),
        Dropout(0.4),
        Frozen(BatchNorm()),
        BLOCK,
    ]
)
ENDS = st.sampled_from([(), (GlobalAveragePool(), BatchNorm(), Dense(2)), (BatchNorm(), Flatten(), Dense(2))])


@settings(max_examples=30)
@given(layers=st.lists(PARTS, max_size=6), end=ENDS, seed=st.integers(0, 3))
def test_folding_keeps_the_function_of_any_network(layers: list[Layer], end: tuple[Layer, ...], seed: int) -> None:
    network = Sequential((*layers, *end))
    shape = (8, 7, 2)
    folded = check(network, shape, *randomized(network, shape, seed))
    assert norms(folded) <= norms(network)


def test_folding_twice_changes_nothing_more() -> None:
    network = Sequential(NETWORKS["residual with a shortcut"][0])
    check_twice(network, *randomized(network, IMAGE))

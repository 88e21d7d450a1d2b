"""Folding keeps the function: 1e-5 relative, on networks of every shape."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.finished import randomized
from tests.model.folding import check, check_twice, norms

from gammabeta.nn import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Residual,
    Sequential,
)

BODY = Sequential((Dense(4), BatchNorm(), Activation("relu"), Dense(4)))
NETWORKS: dict[str, tuple[tuple[Layer, ...], tuple[int, ...], int]] = {
    # name: layers, shape of an example, batch norms that must remain
    "before the activation": ((Dense(5), BatchNorm(), Activation("relu"), Dense(3)), (4,), 0),
    "after the activation": ((Dense(5), Activation("tanh"), BatchNorm(), Dense(3)), (4,), 0),
    "first": ((BatchNorm(), Dense(5), Activation("relu"), Dense(3)), (4,), 0),
    "first, of images, through flatten": ((BatchNorm(), Flatten(), Dense(3)), (3, 2, 4), 0),
    "after flatten": ((Flatten(), BatchNorm(), Dense(3)), (3, 2, 4), 0),
    "last": ((Dense(3), BatchNorm()), (4,), 0),
    "alone": ((BatchNorm(),), (4,), 1),
    "between two denses": ((Dense(5), BatchNorm(), Dense(3)), (4,), 0),
    "two in a row": ((Dense(5), BatchNorm(), BatchNorm(), Dense(3)), (4,), 0),
    "two in a row, first": ((BatchNorm(), BatchNorm(), Dense(3)), (4,), 0),
    "between two activations": ((Dense(5), Activation("relu"), BatchNorm(), Activation("relu"), Dense(3)), (4,), 1),
    "behind dropout": ((Dense(5), BatchNorm(), Activation("relu"), Dropout(0.5), Dense(3)), (4,), 0),
    "dropout between": ((Dense(5), Dropout(0.5), BatchNorm(), Dropout(0.5), Dense(3)), (4,), 0),
    "identity between": ((Dense(5), Activation("identity"), BatchNorm(), Dense(3)), (4,), 0),
    "no scale": ((Dense(5), BatchNorm(scale=False), Dense(3)), (4,), 0),
    "no shift": ((Dense(5), BatchNorm(shift=False), Dense(3)), (4,), 0),
    "neither": ((BatchNorm(scale=False, shift=False), Dense(3, bias=False)), (4,), 0),
    "epsilon outside": ((Dense(5), BatchNorm(epsilon=0.2, epsilon_placement="outside"), Dense(3)), (4,), 0),
    "large epsilon inside": ((BatchNorm(epsilon=0.7), Dense(3)), (4,), 0),
    "a bias before": ((Dense(5, bias=True), BatchNorm(), Dense(3)), (4,), 0),
    "residual": ((Dense(4), BatchNorm(), Residual(BODY), Dense(3)), (6,), 0),
    "residual with a shortcut": (
        (Residual(Sequential((Dense(3), BatchNorm())), Sequential((Dense(3, bias=False), BatchNorm()))),),
        (4,),
        0,
    ),
    "before a residual": ((Dense(4), Activation("relu"), BatchNorm(), Residual(BODY)), (4,), 1),
    "nested": ((Sequential((Dense(5), BatchNorm())), Activation("relu"), Sequential((BatchNorm(), Dense(3)))), (4,), 0),
    "nothing": ((), (4,), 0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_keeps_the_function_and_leaves_no_batch_norm_beside_a_dense_layer(name: str) -> None:
    layers, shape, left = NETWORKS[name]
    network = Sequential(layers)
    folded = check(network, shape, *randomized(network, shape))
    assert norms(folded) == left
    assert "Dropout" not in repr(folded)


WIDTH = 4
PARTS = st.sampled_from(
    [
        Dense(WIDTH),
        Dense(WIDTH, bias=True),
        BatchNorm(),
        BatchNorm(scale=False, epsilon=0.3),
        BatchNorm(shift=False, epsilon_placement="outside", epsilon=0.1),
        Activation("relu"),
        Activation("tanh"),
        Activation("identity"),
        Dropout(0.4),
        Residual(BODY),
    ]
)


@settings(max_examples=40)
@given(layers=st.lists(PARTS, max_size=7), seed=st.integers(0, 3))
def test_folding_keeps_the_function_of_any_network(layers: list[Layer], seed: int) -> None:
    network = Sequential(tuple(layers))
    folded = check(network, (WIDTH,), *randomized(network, (WIDTH,), seed))
    assert norms(folded) <= norms(network)


def test_folding_twice_changes_nothing_more() -> None:
    layers, shape, _ = NETWORKS["residual"]
    network = Sequential(layers)
    check_twice(network, *randomized(network, shape))

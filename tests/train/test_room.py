"""Wide rows go through a network a few at a time, so that they do not exhaust the memory; the answers are the same."""

import jax
import numpy as np
import pytest

from gammabeta.data.dataset import Dataset
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Convnet,
    Dense,
    Flatten,
    Frozen,
    Layer,
    Mlp,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
)
from gammabeta.nn.memories import memories
from gammabeta.train import room
from gammabeta.train.batches import chunks, epoch_batches
from gammabeta.train.evaluate import forward, predict
from gammabeta.train.room import pass_rows, rows_at_once, widest
from gammabeta.train.statistics import settled

WIDEST: dict[str, tuple[Layer, tuple[int, ...], int]] = {
    "the input": (Sequential((Dense(3),)), (70,), 70),
    "a hidden layer": (Mlp(hidden=(9, 40)).expand((7,), 3), (7,), 40),
    "the last layer, alone": (Dense(50), (7,), 50),
    "a convolution": (Sequential((Conv2D(6), Flatten(), Dense(2))), (5, 4, 2), 5 * 4 * 6),
    "inside a residual": (
        Sequential((Dense(4), Residual(Sequential((Dense(30), Activation("relu"), Dense(4)))))),
        (3,),
        30,
    ),
    "inside a frozen one": (Sequential((Frozen(Sequential((Dense(30), Dense(4)))), Dense(2))), (3,), 30),
    "the convnet": (Convnet().expand((256, 256, 3), 5), (256, 256, 3), 256 * 256 * 16),
}


@pytest.mark.parametrize("name", WIDEST)
def test_the_widest_layer_is_found_without_computing_it(name: str) -> None:
    network, shape, values = WIDEST[name]
    assert widest(network, shape) == values


def test_ordinary_rows_go_8192_at_a_time_and_wide_ones_fewer() -> None:
    assert pass_rows(Mlp().expand((16_384,), 3), (16_384,)) == 8_192
    assert pass_rows(Convnet().expand((28, 28, 1), 10), (28, 28, 1)) == 8_192
    assert pass_rows(Convnet().expand((32, 32, 3), 10), (32, 32, 3)) == 8_192
    assert pass_rows(*WIDEST["the convnet"][:2]) == 128
    assert [rows_at_once(values) for values in (0, 1 << 14, (1 << 14) + 1, 1 << 27, 1 << 40)] == [
        8192,
        8192,
        4096,
        1,
        1,
    ]


def images(rows: int) -> Dataset:
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (rows, 5, 4, 2)).astype(np.uint8)
    scale = np.array([100, 140], np.float32), np.array([0.01, 0.02], np.float32)
    return Dataset(pixels, (np.arange(rows) % 3).astype(np.int32), None, *scale)


def test_a_pass_in_small_parts_gives_the_same_answers_and_the_same_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Sequential((Conv2D(6), BatchNorm(), Activation("relu"), Flatten(), Dense(5), BatchNorm(), Dense(3)))
    data, loss = images(21), SoftmaxCrossEntropy()
    params, stats, _ = network.init(jax.random.key(1), (5, 4, 2))
    whole = settled(network, params, stats, data)
    expected = predict(network, loss, params, whole, data)
    monkeypatch.setattr(room, "MOST_VALUES", 8 * 120 + 119)
    assert pass_rows(network, (5, 4, 2)) == 8
    seen = forward._cache_size()
    parts = settled(network, params, stats, data)
    found = predict(network, loss, params, parts, data)
    assert forward._cache_size() == seen + 1  # passes of 8 rows, and no other length
    for one, other in zip(memories(parts), memories(whole), strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.var, other.var, rtol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_chunk_of_batches_holds_fewer_wide_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    data = images(53)
    monkeypatch.setattr(room, "MOST_VALUES", 16 * 40)
    made = list(chunks(data, epoch_batches(53, 8, 0, 1)))
    assert {chunk.x.shape[:2] for chunk, _ in made} == {(2, 8)}
    assert sum(float(chunk.weights.sum()) for chunk, _ in made) == 53

"""Parameters are counted as Keras counts them; the numbers were worked out by hand from its rule.

Dense: inputs x units + units if it has a bias. BatchNormalization: 4 per unit, of which gamma and beta are trainable
and the moving mean and variance are not; 1 less per unit without scale, 1 less without center.
"""

import pytest

from gammabeta.model import summary
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Mlp,
    Paced,
    Residual,
    Sequential,
)

CASES: dict[str, tuple[tuple[Layer, ...], tuple[int, ...], int, int]] = {
    # Géron, Hands-On Machine Learning, chapter 11: Keras prints 271,346 in total, 2,368 of them non-trainable (so does
    # 3.15.1)
    # 3,136 + 235,500 + 1,200 + 30,100 + 400 + 1,010
    "three batch norms after activations": (
        (
            Flatten(),
            BatchNorm(),
            Dense(300),
            Activation("relu"),
            BatchNorm(),
            Dense(100),
            Activation("relu"),
            BatchNorm(),
            Dense(10),
        ),
        (28, 28, 1),
        268_978,
        2_368,
    ),
    # the same book, before the activations, use_bias=False: 3,136 + 235,200 + 1,200 + 30,000 + 400 + 1,010 = 270,946
    "three batch norms before activations": (
        (
            Flatten(),
            BatchNorm(),
            Dense(300),
            BatchNorm(),
            Activation("relu"),
            Dense(100),
            BatchNorm(),
            Activation("relu"),
            Dense(10),
        ),
        (28, 28, 1),
        268_578,
        2_368,
    ),
    # Keras 3.15.1: Sequential([Input((13,)), Dense(64, use_bias=False), BatchNormalization(), Activation("relu"),
    # Dropout(0.3), Dense(32, use_bias=False), BatchNormalization(), Activation("relu"), Dense(3)]) has 3,363:
    # 13 x 64 + 64 x 4 + 64 x 32 + 32 x 4 + 32 x 3 + 3, of which 2 x 64 + 2 x 32 = 192 are not trainable
    "an mlp without redundant bias": (
        Mlp(hidden=(64, 32), dropout=0.3).expand((13,), 3).layers,
        (13,),
        3_171,
        192,
    ),
    # Keras 3.15.1: Sequential([Input((32, 32, 3)), Conv2D(16, 3, padding="same", use_bias=False), BatchNormalization(),
    # Activation("relu"), MaxPooling2D(), Conv2D(32, (3, 5), use_bias=False), BatchNormalization(), Activation("relu"),
    # GlobalAveragePooling2D(), Dense(10)]) has 8,634:
    # 3 x 3 x 3 x 16 + 16 x 4 + 3 x 5 x 16 x 32 + 32 x 4 + 32 x 10 + 10, of which 2 x 16 + 2 x 32 = 96 are not trainable
    "a small convnet with batch norm": (
        (
            Conv2D(16),
            BatchNorm(),
            Activation("relu"),
            MaxPool(),
            Conv2D(32, (3, 5), padding="valid"),
            BatchNorm(),
            Activation("relu"),
            GlobalAveragePool(),
            Dense(10),
        ),
        (32, 32, 3),
        8_538,
        96,
    ),
    # 784 x 100 + 100 + 100 x 10 + 10
    "no batch norm": ((Flatten(), Dense(100), Activation("tanh"), Dropout(0.5), Dense(10)), (28, 28, 1), 79_510, 0),
    # 5 x 7 + 3 x 7 + 8 x 2, 2 x 7 fixed: without scale there is a beta and no gamma
    "no scale": ((Dense(7), BatchNorm(scale=False), Dense(2)), (5,), 5 * 7 + 7 + 7 * 2 + 2, 14),
    # without a shift the dense layer before keeps its bias
    "no shift": ((Dense(7), BatchNorm(shift=False), Dense(2)), (5,), 5 * 7 + 7 + 7 + 7 * 2 + 2, 14),
    "neither": ((BatchNorm(scale=False, shift=False), Dense(2)), (5,), 5 * 2 + 2, 10),
    # of an image, per channel
    "batch norm of channels": ((BatchNorm(), Flatten(), Dense(2)), (4, 3, 5), 10 + 60 * 2 + 2, 10),
    # body 6 x 6 + 12, shortcut none, then 6 x 2 + 2
    "residual": ((Residual(Sequential((Dense(6), BatchNorm()))), Dense(2)), (6,), 36 + 12 + 14, 12),
    "residual with a shortcut": (
        (Residual(Sequential((Dense(3), BatchNorm())), Sequential((Dense(3, bias=False), BatchNorm()))),),
        (4,),
        12 + 6 + 12 + 6,
        12,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_are_those_of_keras(name: str) -> None:
    layers, shape, trainable, fixed = CASES[name]
    lines = summary(Sequential(layers), shape)
    assert sum(line.trainable for line in lines) == trainable
    assert sum(line.fixed for line in lines) == fixed


def test_every_layer_has_a_line_with_its_output_shape() -> None:
    lines = summary(Mlp(hidden=(8,), dropout=0.1).expand((3, 2, 1), 4), (3, 2, 1))
    assert [(line.name, line.shape, line.trainable, line.fixed) for line in lines] == [
        ("0.flatten", (6,), 0, 0),
        ("1.dense", (8,), 48, 0),
        ("2.batch_norm", (8,), 16, 16),
        ("3.relu", (8,), 0, 0),
        ("4.dropout", (8,), 0, 0),
        ("5.dense", (4,), 36, 0),
    ]


def test_counting_a_network_of_a_billion_parameters_makes_none() -> None:
    lines = summary(Sequential((Dense(40_000), Dense(40_000))), (10,))
    assert sum(line.trainable for line in lines) == 10 * 40_000 + 40_000 + 40_000**2 + 40_000


def test_wrappers_change_no_name_and_what_is_frozen_is_not_trainable() -> None:
    block = Sequential((Dense(4), BatchNorm()))
    plain = Sequential((Dense(4), BatchNorm(train=False), Residual(block), Dense(2)))
    frozen = Residual(Sequential((Frozen(block.layers[0]), block.layers[1])))
    wrapped = Sequential((Frozen(plain.layers[0]), Paced(plain.layers[1]), Paced(frozen, 0.5), plain.layers[3]))
    before, after = summary(plain, (3,)), summary(wrapped, (3,))
    assert [(line.name, line.shape) for line in after] == [(line.name, line.shape) for line in before]
    # dense 3 x 4 without a bias, batch norm 8 and 8 that move by no gradient, body 4 x 4, 8 and 8, head 4 x 2 + 2
    assert [(line.trainable, line.fixed) for line in after] == [(0, 12), (0, 16), (0, 16), (8, 8), (0, 0), (10, 0)]
    assert [(line.trainable, line.fixed) for line in before] == [(12, 0), (0, 16), (16, 0), (8, 8), (0, 0), (10, 0)]

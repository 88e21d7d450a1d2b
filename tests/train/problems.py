"""The one small problem that the tests of training share, so that its step compiles once."""

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.nn import Activation, BatchNorm, Dense, Dropout, Sequential, SoftmaxCrossEntropy
from gammabeta.optim import AdamW, OneCycle
from gammabeta.plan import Plan

ROWS, FEATURES, CLASSES = 53, 5, 3


def dataset(rows: int = ROWS, seed: int = 0, weights: bool = False) -> Dataset:
    """Three classes, unequally common and a little apart, in N(3, 4^2) with a scale of its own for each feature."""
    random = np.random.default_rng(seed)
    y = random.choice(CLASSES, rows, p=[0.5, 0.3, 0.2]).astype(np.int32)
    x = (3 + 4 * random.standard_normal((rows, FEATURES)) + 4 * y[:, None]) * np.array([1, 0.1, 3, 1, 7])
    heavy = random.uniform(0.2, 3, rows).astype(np.float32)
    return Dataset(x=x.astype(np.float32), y=y, weights=heavy if weights else None)


PLAN = Plan(
    network=Sequential((Dense(6), BatchNorm(), Activation("relu"), Dropout(0.2), Dense(CLASSES))),
    loss=SoftmaxCrossEntropy(),
    optimizer=AdamW(learning_rate=0.02, weight_decay=0.1),
    schedule=OneCycle(),
    epochs=2,
    batch_size=8,
    seed=3,
)

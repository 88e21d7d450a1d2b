"""The one small problem that the tests of the search share, so that its step compiles once."""

import numpy as np

from gammabeta.data import Schema, split
from gammabeta.nn import Mlp, SigmoidCrossEntropy
from gammabeta.optim import AdamW
from gammabeta.plan import Plan
from gammabeta.tune import narrowed, ready

PLAN = Plan(
    network=Mlp(hidden=(4,), dropout=0.1),
    loss=SigmoidCrossEntropy(),
    optimizer=AdamW(learning_rate=3e-3),
    epochs=4,
    batch_size=128,
    seed=3,
)
WANTED = {"only": True, "optimizer.learning_rate": {"log": [1e-3, 0.3]}, "network.dropout": [0.05, 0.5]}
"""Numbers only: every trial shares one program."""


def table(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Two classes, a third and two thirds, a little apart in N(3, 4^2), each column with a scale of its own."""
    random = np.random.default_rng(seed)
    y = random.random(rows) < 0.3
    x = 3 + 4 * random.standard_normal((rows, 3)) + 3 * y[:, None]
    return {"a": x[:, 0], "b": 0.1 * x[:, 1], "c": 7 * x[:, 2], "y": np.where(y, "yes", "no")}


def rows_of(count: int = 1_703, seed: int = 0):
    """(schema, train, valid); more than 1000 training rows unless asked for fewer, so that one split will do."""
    train, valid, _ = split(table(count, seed), "y")
    schema = Schema.fit(train, "y")
    return schema, schema.encode(train), schema.encode(valid)


def numbers_only(plan: Plan = PLAN):
    """The space of :data:`WANTED`."""
    return narrowed(ready(plan), plan, WANTED)

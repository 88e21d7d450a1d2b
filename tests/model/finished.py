"""Finished models that nobody had to train: real schemas, random weights, and memories far from (0, 1)."""

from typing import Any

import jax
import numpy as np
import pandas as pd

from gammabeta.data import Schema
from gammabeta.model import Model, suited
from gammabeta.moments import RunningMoments
from gammabeta.nn import Layer, Mlp
from gammabeta.plan import advise

ROWS = 40
TASKS: dict[str, tuple[str, ...]] = {
    "binary": ("answer",),
    "binary of truth values": ("ok",),
    "multiclass": ("sort",),
    "multiclass of numbers": ("grade",),
    "multilabel": ("sad", "calm"),
    "regression": ("price",),
    "regression of several": ("price", "weight"),
    "images": ("label",),
}


def table() -> pd.DataFrame:
    """Inputs of every kind and targets for every task."""
    random = np.random.default_rng(4)
    size = 3 + 4 * random.standard_normal(ROWS)
    return pd.DataFrame(
        {
            "size": np.where(np.arange(ROWS) % 9 == 4, np.nan, size),
            "color": random.choice(["red", "blue", "grün"], ROWS),
            "opened": [f"2011-0{1 + i % 9}-1{i % 10}" for i in range(ROWS)],
            "answer": np.where(size > 2, "stay", "leave"),
            "ok": size > 4,
            "sort": np.where(size > 6, "large", np.where(size > 1, "middle", "small")),
            "grade": np.arange(ROWS) * np.arange(ROWS) % 3 + 1,
            "sad": (size > 3).astype(int),
            "calm": np.arange(ROWS) % 2,
            "price": 2e5 + 3e4 * size,
            "weight": 50 - 7 * size,
        }
    )


def rows_for(task: str) -> Any:
    """Raw rows without targets."""
    if task == "images":
        return np.random.default_rng(1).integers(0, 256, (ROWS, 5, 4, 3)).astype(np.uint8)
    return table()[["size", "color", "opened"]]


def schema_for(task: str) -> Schema:
    """A schema learned from rows with their targets."""
    if task == "images":
        from gammabeta.data import as_data

        images = as_data(rows_for(task))
        import pyarrow as pa

        return Schema.fit(type(images)(images.pixels, pa.table({"label": np.arange(ROWS) % 3}), "images"))
    named = list(TASKS[task])
    return Schema.fit(table()[["size", "color", "opened", *named]], named)


def randomized(network: Layer, shape: tuple[int, ...], seed: int = 0) -> tuple[Any, Any]:
    """(params, stats) as after some training: gammas of either sign, means and variances far from 0 and 1."""
    random = np.random.default_rng(seed)
    fresh = network.init(jax.random.key(seed), shape)

    def remembered(node: Any) -> Any:
        if not isinstance(node, RunningMoments):
            return node
        mean = (3 + 4 * random.standard_normal(node.mean.shape)).astype(np.float32)
        return RunningMoments(np.float32(7.5), mean, random.uniform(0.1, 9, node.var.shape).astype(np.float32))

    def learned(leaf: Any) -> Any:
        return (np.asarray(leaf) + 0.5 * random.standard_normal(leaf.shape)).astype(np.float32)

    stats = jax.tree.map(remembered, fresh.stats, is_leaf=lambda node: isinstance(node, RunningMoments))
    return jax.tree.map(learned, fresh.params), stats


def model_for(task: str) -> Model:
    """A model with random numbers in it."""
    schema = schema_for(task)
    plan = advise(schema.task, ROWS).replace(network=Mlp(hidden=(6, 5), dropout=0.25))
    plan = suited(plan, schema)
    return Model(plan, schema, *randomized(plan.layers, schema.input_shape))

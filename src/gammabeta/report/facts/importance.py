"""Permutation importance: how much worse the answers are when one column is shuffled."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.model import Model

MOST_ROWS = 500
MOST_COLUMNS = 30
SCREENED = 300
SCREEN_ROWS = 100
REPEATS = 3
BLOCK = 4_096
"""Rows that are predicted at a time, at most."""


def importance(model: Model, data: Dataset, losses: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> dict[str, Any]:
    """The rise of the mean loss when a column's values are shuffled over the rows (Breiman 2001), largest first.

    losses: from outputs (rows, k) and targets to a loss per row. At most 500 rows, by chance, and three shuffles. Of
    more than 30 columns, those are measured whose shuffling changes the answers of 100 rows most. All inputs that
    come from a column are shuffled together. {} for images, whose pixels say nothing alone.
    """
    if model.schema.image is not None or data.rows < 2:
        return {}
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(data.rows)[:MOST_ROWS])
    sample = data.take(rows)
    columns = model.schema.columns
    starts = np.concatenate([[0], np.cumsum([column.width for column in columns])])
    spans = [slice(int(a), int(b)) for a, b in pairwise(starts)]
    chosen = np.arange(len(columns))
    if len(columns) > MOST_COLUMNS:
        chosen = screened(model, sample, spans, random)
    y = np.asarray(sample.y)
    base = losses(model.outputs(sample), y)
    orders = [random.permutation(sample.rows) for _ in range(REPEATS)]
    variants = [(spans[index], order) for index in chosen for order in orders]
    found = shuffled(model, sample, variants)
    rises = np.array([float(np.mean(losses(one, y)) - base.mean()) for one in found])
    rises = rises.reshape(len(chosen), REPEATS)
    ranked = np.argsort(-rises.mean(axis=1), kind="stable")
    return {
        "rows": sample.rows,
        "repeats": REPEATS,
        "of": len(columns),
        "loss": float(base.mean()),
        "columns": [
            {
                "name": columns[chosen[i]].name,
                "rise": float(rises[i].mean()),
                "low": float(rises[i].min()),
                "high": float(rises[i].max()),
            }
            for i in ranked
        ],
    }


def screened(model: Model, sample: Dataset, spans: list[slice], random: np.random.Generator) -> np.ndarray:
    """The 30 columns whose shuffling moves the answers of 100 rows most, among 300 by chance."""
    few = sample.take(np.arange(min(SCREEN_ROWS, sample.rows)))
    tried = np.sort(random.permutation(len(spans))[:SCREENED])
    order = random.permutation(few.rows)
    base = model.outputs(few)
    moved = [float(np.abs(one - base).mean()) for one in shuffled(model, few, [(spans[i], order) for i in tried])]
    return np.sort(tried[np.argsort(-np.asarray(moved), kind="stable")[:MOST_COLUMNS]])


def shuffled(model: Model, data: Dataset, variants: list[tuple[slice, np.ndarray]]) -> list[np.ndarray]:
    """The outputs for each variant: all rows, with the inputs of a span in another order.

    Many variants are answered in one call, always of the same number of rows, so that one program serves all.
    """
    together = max(1, min(BLOCK // data.rows, len(variants)))
    found: list[np.ndarray] = []
    for first in range(0, len(variants), together):
        block = variants[first : first + together]
        padded = block + [block[-1]] * (together - len(block))
        x = np.tile(np.asarray(data.x), (together, 1))
        for place, (span, order) in enumerate(padded):
            x[place * data.rows : (place + 1) * data.rows, span] = data.x[order, span]
        outputs = model.outputs(Dataset(x))
        found += np.split(outputs, together)[: len(block)]
    return found

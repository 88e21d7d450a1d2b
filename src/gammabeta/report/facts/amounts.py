"""How a regression answers: predictions against true numbers, residuals, and whether its intervals hold."""

from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.model import Model
from gammabeta.nn import BinnedRegression

MOST_TARGETS = 6
MOST_POINTS = 400
BINS = 30
LEVELS = (0.5, 0.8, 0.9, 0.95)


def amount_facts(model: Model, data: Dataset, predicted: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    """Per target: points (true, predicted) of at most 400 rows, residuals' histogram and quantiles, rmse, r2.

    predicted, actual: (rows, targets) in the targets' own units. A residual is true less predicted.
    intervals: {level, inside} where the loss gives intervals: the share of true numbers inside those of a level
    """
    names = model.schema.target_names[:MOST_TARGETS]
    chosen = np.sort(np.random.default_rng(0).permutation(len(actual))[:MOST_POINTS])
    return {
        "targets": [one(names[i], predicted[:, i], actual[:, i], chosen) for i in range(len(names))],
        "of": len(model.schema.target_names),
        "intervals": held(model, data, actual) if isinstance(model.plan.loss, BinnedRegression) else [],
    }


def one(name: str, predicted: np.ndarray, actual: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    """One target."""
    residuals = actual - predicted
    low, high = np.quantile(residuals, [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts, _ = np.histogram(np.clip(residuals, edges[0], edges[-1]), edges)
    spread = float(np.var(actual))
    return {
        "name": name,
        "points": [[float(f"{actual[i]:.5g}"), float(f"{predicted[i]:.5g}")] for i in chosen],
        "edges": [float(f"{edge:.5g}") for edge in edges],
        "counts": counts.tolist(),
        "quantiles": [float(q) for q in np.quantile(residuals, [0.05, 0.25, 0.5, 0.75, 0.95])],
        "bias": float(residuals.mean()),
        "rmse": float(np.sqrt(np.mean(residuals**2))),
        "r2": 1 - float(np.mean(residuals**2)) / spread if spread > 0 else None,
    }


def held(model: Model, data: Dataset, actual: np.ndarray) -> list[dict[str, float]]:
    """The share of true numbers inside the model's intervals, at several levels."""
    found = []
    for level in LEVELS:
        ends = model.interval_of(data, level)
        columns = np.stack([column.to_numpy(zero_copy_only=False) for column in ends.itercolumns()], axis=1)
        low, high = columns[:, 0::2], columns[:, 1::2]
        found.append({"level": level, "inside": float(np.mean((low <= actual) & (actual <= high)))})
    return found

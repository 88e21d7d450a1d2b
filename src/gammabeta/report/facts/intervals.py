"""How far a metric on these rows may be from that on all rows: 95 % intervals, by formula."""

from collections.abc import Mapping

import numpy as np

from gammabeta.diagnosis.noise import wilson

Z = 1.959964
FEW = 8
"""Rows below which nothing is said."""


def intervals(task: str, predicted: np.ndarray, actual: np.ndarray) -> dict[str, tuple[float, float]]:
    """(low, high) of each metric of train.metrics.scores that has one; rows are taken as independent.

    predicted, actual: as for train.metrics.scores. Accuracy by Wilson 1927, area under the curve by DeLong 1988, means
    by their standard error, r2 by its influence function.
    """
    if len(actual) < FEW:
        return {}
    predicted = predicted.astype(np.float64)
    if task == "regression":
        return of_numbers(predicted, actual)
    if task == "multilabel":
        wrong = np.mean((predicted >= 0.5) != (actual >= 0.5), axis=1)
        sure = np.clip(np.where(actual >= 0.5, predicted, 1 - predicted), np.finfo(np.float32).eps, 1)
        return {"hamming_loss": around_mean(wrong, 0, 1), "log_loss": around_mean(-np.mean(np.log(sure), axis=1), 0)}
    binary = task == "binary"
    y = (actual[:, 0] >= 0.5).astype(int) if binary else actual.astype(int)
    p = np.concatenate([1 - predicted, predicted], axis=1) if binary else predicted
    right = np.argmax(p, axis=1) == y
    log_losses = -np.log(np.clip(p[np.arange(len(y)), y], np.finfo(np.float32).eps, 1))
    found = {
        "accuracy": wilson(int(right.sum()), len(y)),
        "balanced_accuracy": around_recalls(right, y),
        "log_loss": around_mean(log_losses, 0),
    }
    if binary and 0 < y.sum() < len(y):
        found["roc_auc"] = around_area(p[:, 1], y)
    return found


def around(value: float, error: float, least: float = -np.inf, most: float = np.inf) -> tuple[float, float]:
    return float(max(value - Z * error, least)), float(min(value + Z * error, most))


def around_mean(values: np.ndarray, least: float = -np.inf, most: float = np.inf) -> tuple[float, float]:
    """The interval of a mean."""
    return around(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), least, most)


def around_recalls(right: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Of the mean recall over the classes; the share of each class is drawn towards a half as if by two more rows."""
    classes = np.unique(y)
    rows = np.array([(y == one).sum() for one in classes])
    hits = np.array([right[y == one].sum() for one in classes])
    share = (hits + 1) / (rows + 2)
    error = np.sqrt(np.sum(share * (1 - share) / rows)) / len(classes)
    return around(float(np.mean(hits / rows)), float(error), 0, 1)


def around_area(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Of the area under the ROC curve (DeLong 1988), by ranks."""
    from scipy.stats import rankdata

    yes, no = p[y == 1], p[y == 0]
    m, n = len(yes), len(no)
    together = rankdata(np.concatenate([yes, no]))
    above = (together[:m] - rankdata(yes)) / n
    below = 1 - (together[m:] - rankdata(no)) / m
    spread = (above.var(ddof=1) / m if m > 1 else 0.0) + (below.var(ddof=1) / n if n > 1 else 0.0)
    return around(float(above.mean()), float(np.sqrt(spread)), 0, 1)


def of_numbers(predicted: np.ndarray, actual: np.ndarray) -> dict[str, tuple[float, float]]:
    """rmse, mae and r2 of numbers in their own unit, (rows, targets)."""
    error = (predicted - actual) ** 2
    squared = error.mean(axis=1)
    low, high = around_mean(squared, 0)
    found = {
        "rmse": (float(np.sqrt(low)), float(np.sqrt(high))),
        "mae": around_mean(np.abs(predicted - actual).mean(axis=1), 0),
    }
    away = (actual - actual.mean(axis=0)) ** 2
    spread = away.mean(axis=0)
    if np.all(spread > 0):
        mean = error.mean(axis=0)
        pulls = (-(error - mean) / spread + mean * (away - spread) / spread**2).mean(axis=1)
        found["r2"] = around(float(np.mean(1 - mean / spread)), float(pulls.std() / np.sqrt(len(actual))), most=1)
    return found


def with_intervals(
    found: Mapping[str, float], task: str, predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray
) -> dict[str, dict[str, float]]:
    """{metric: {value, low, high}}; no interval where rows have weights, which the formulas do not know."""
    even = len(weights) > 0 and bool(np.all(weights == weights[0]))
    reach = intervals(task, predicted, actual) if even else {}
    return {
        name: {"value": value, **(dict(zip(("low", "high"), reach[name], strict=True)) if name in reach else {})}
        for name, value in found.items()
    }

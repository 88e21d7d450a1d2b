"""What rules about rows share: a sample of them, their classes, and how good the network is on each."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.references import flat
from gammabeta.nn import ClassLoss, LabelLoss

MOST_ROWS = 4_000
"""Rows that a rule looks at, at most, where it fits something."""


TELLING = 0.5
"""Skill from which a network's score on other rows says whether they hurt it."""


def once(case: Case, name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, made at the first call for this case only; ``name`` is the fact's own."""
    if name not in case.measured:
        case.measured[name] = make()
    return case.measured[name]


def some(data: Dataset, most: int = MOST_ROWS) -> Dataset:
    """At most so many of the rows, by chance, always the same, in their order."""
    if data.rows <= most:
        return data
    return data.take(np.sort(np.random.default_rng(0).permutation(data.rows)[:most]))


def inputs(data: Dataset) -> np.ndarray:
    """float64 (rows, features), as the network sees them; what is not finite is 0, what is beyond 1e30 is cut."""
    found: np.ndarray = np.clip(np.nan_to_num(flat(data), posinf=1e30, neginf=-1e30), -1e30, 1e30)
    return found


def class_numbers(case: Case, data: Dataset | None) -> np.ndarray | None:
    """The class of every row, int64 (rows,); None where targets are numbers or several labels, or there are none."""
    if data is None or data.rows == 0 or data.y is None:
        return None
    y = np.asarray(data.y)
    if isinstance(case.plan.loss, ClassLoss) and y.ndim == 1:
        return y.astype(np.int64)
    if isinstance(case.plan.loss, LabelLoss) and y.ndim == 2 and y.shape[1] == 1 and np.isfinite(y).all():
        return (y[:, 0] >= 0.5).astype(np.int64)
    return None


def numbers(case: Case, data: Dataset | None) -> np.ndarray | None:
    """The targets of a regression, float64 (rows, targets); None for other tasks, or where not all are finite."""
    if data is None or data.rows == 0 or data.y is None or isinstance(case.plan.loss, ClassLoss | LabelLoss):
        return None
    y = np.asarray(data.y, np.float64)
    return y if y.ndim == 2 and np.isfinite(y).all() else None


def goodness(case: Case, data: Dataset | None) -> np.ndarray | None:
    """How good the finished network is on every row, (rows,), more is better: its mean is what goodness_name says.

    1 or 0 for one class, the share of right answers for several labels, 1 - squared error / variance of the training
    targets for numbers. None where nothing is trained, or nothing finite comes out.
    """
    if data is None or data.rows == 0 or data.y is None or not case.trained:
        return None
    found = case.evaluated(data)
    return None if found is None else good_rows(case, found.predicted, data)


def goodness_name(case: Case) -> str:
    """What the mean of goodness is called: the headline metric, or, for several labels, the share of right ones."""
    return "share of right labels" if case.metric == "hamming_loss" else case.metric


def good_rows(case: Case, predicted: np.ndarray, data: Dataset) -> np.ndarray | None:
    y = np.asarray(data.y)
    if not np.isfinite(predicted).all():
        return None
    if y.ndim == 1:
        return np.asarray(np.argmax(predicted, axis=1) == y, np.float64)
    if isinstance(case.plan.loss, LabelLoss):
        return np.asarray(np.mean((predicted >= 0.5) == (y >= 0.5), axis=1))
    spread = np.var(np.asarray(case.train.y, np.float64), axis=0)
    rows = np.mean(1 - (predicted.astype(np.float64) - y) ** 2 / np.maximum(spread, 1e-30), axis=1)
    return np.asarray(rows) if np.isfinite(rows).all() else None


def could_fall(case: Case) -> bool:
    """Whether a score that is not lower on other rows says anything: of a network that knows nothing it cannot fall."""
    return case.trained and case.skill(case.valid_score) > TELLING


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean of one less mean of the other, and its standard error (Welch); a share of 0 or 1 is not taken as sure."""
    return float(np.mean(one) - np.mean(other)), float(np.hypot(error_of(one), error_of(other)))


def error_of(values: np.ndarray) -> float:
    """Standard error of a mean, with one row of the opposite kind added so that it is never 0."""
    n = len(values)
    if n < 2:
        return float("inf")
    return float(np.sqrt((np.var(values) * n + 1) / (n - 1) / n))


def feature(case: Case, index: int) -> str:
    """What a feature is called: by its name, or by its place in an image."""
    names, shape = case.train.feature_names, case.train.input_shape
    if len(shape) == 3:
        row, rest = divmod(index, shape[1] * shape[2])
        column, channel = divmod(rest, shape[2])
        return f"pixel ({row}, {column})" + (f" of channel {channel}" if shape[2] > 1 else "")
    return names[index] if len(names) == shape[0] else f"feature {index}"


def listed(items: list[str], most: int = 5) -> str:
    """ "a, b, c and 4 more" """
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"

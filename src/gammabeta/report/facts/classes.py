"""How a classifier answers: confusion, calibration, ROC and precision-recall curves, scores per class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_CLASSES = 20
"""Classes that are drawn; of more, those with the most mistakes."""

MOST_CURVES = 10
MOST_LISTED = 60
MOST_POINTS = 60
BINS = 10


def class_facts(p: np.ndarray, y: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """What the probabilities ``p`` (rows, classes) of rows of classes ``y`` (rows,) come to.

    confusion: classes (row: actual, column: predicted) and counts; per_class: rows, precision, recall and f1, None
    where undefined; confused: the most frequent mistakes; calibration: see :func:`calibration`; curves: roc and pr
    """
    count = len(classes)
    answers = np.argmax(p, axis=1)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (y, answers), 1)
    wrong = matrix - np.diag(np.diag(matrix))
    shown = np.arange(count)
    if count > MOST_CLASSES:
        shown = np.sort(np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[:MOST_CLASSES])
    listed = sorted(range(count), key=lambda i: -matrix[i].sum())[:MOST_LISTED] if count > MOST_LISTED else range(count)
    pairs = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CURVES]
    mistakes = [(int(i), int(j)) for i, j in zip(*np.unravel_index(pairs, wrong.shape), strict=True) if wrong[i, j]]
    binary = count == 2
    sure = p[:, 1] if binary else p.max(axis=1)
    hits = y == 1 if binary else answers == y
    drawn = [1] if binary else list(range(count)) if count <= MOST_CURVES else []
    return {
        "classes": [classes[int(i)] for i in shown],
        "of": count,
        "confusion": matrix[np.ix_(shown, shown)].tolist(),
        "per_class": [class_scores(matrix, i, classes[i]) for i in listed],
        "confused": [{"actual": classes[i], "predicted": classes[j], "rows": int(wrong[i, j])} for i, j in mistakes],
        "calibration": calibration(sure, hits) | {"of": classes[1] if binary else ""},
        "curves": [found for i in drawn if (found := curve(p[:, i], y == i, classes[i]))],
    }


def class_scores(matrix: np.ndarray, index: int, name: str) -> dict[str, Any]:
    """Rows, precision, recall and F1 of one class."""
    hits, actual, answered = int(matrix[index, index]), int(matrix[index].sum()), int(matrix[:, index].sum())
    return {
        "name": name,
        "rows": actual,
        "precision": hits / answered if answered else None,
        "recall": hits / actual if actual else None,
        "f1": 2 * hits / (actual + answered) if actual + answered else None,
    }


def calibration(sure: np.ndarray, hits: np.ndarray) -> dict[str, Any]:
    """Reliability over ten bins of equal width, and the expected calibration error (Guo 2017).

    ece = sum over bins of (rows in bin / rows) * |mean probability - share of hits|
    """
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    found, ece = [], 0.0
    for index in range(BINS):
        here = bins == index
        if not here.any():
            continue
        mean, share = float(sure[here].mean()), float(hits[here].mean())
        ece += float(here.mean()) * abs(mean - share)
        found.append({"probability": mean, "share": share, "rows": int(here.sum())})
    return {"bins": found, "ece": ece}


def curve(p: np.ndarray, yes: np.ndarray, name: str) -> dict[str, Any] | None:
    """ROC and precision-recall of one class against the rest; None where there are no rows of either."""
    from sklearn import metrics

    if not yes.any() or yes.all():
        return None
    false, true, _ = metrics.roc_curve(yes, p)
    precision, recall, _ = metrics.precision_recall_curve(yes, p)
    return {
        "name": name,
        "share": float(yes.mean()),
        "auc": float(metrics.roc_auc_score(yes, p)),
        "average_precision": float(metrics.average_precision_score(yes, p)),
        "roc": thinned(false, true),
        "pr": thinned(recall[::-1], precision[::-1]),
    }


def thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """A curve with at most 60 points, evenly spaced along its length, the first and the last kept."""
    if len(x) > MOST_POINTS:
        along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        chosen = np.unique(np.searchsorted(along, np.linspace(0, along[-1], MOST_POINTS)))
        x, y = x[chosen], y[chosen]
    return [[round(float(a), 4), round(float(b), 4)] for a, b in zip(x, y, strict=True)]

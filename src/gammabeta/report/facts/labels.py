"""How each label of a multi-label task is answered."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gammabeta.report.facts.classes import calibration

MOST_LABELS = 60


def label_facts(p: np.ndarray, y: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Per label: share of rows with it, precision, recall, F1 at 0.5, area under the ROC curve; None where undefined.

    p: (rows, labels) probabilities; y: (rows, labels) 0 or 1. ``rows_right``: share of rows with all labels right
    """
    yes, said = y >= 0.5, p >= 0.5
    return {
        "labels": [one(p[:, i], yes[:, i], said[:, i], names[i]) for i in range(min(len(names), MOST_LABELS))],
        "of": len(names),
        "rows_right": float(np.mean(np.all(yes == said, axis=1))),
        "calibration": calibration(p.ravel(), yes.ravel()) | {"of": "a label"},
    }


def one(p: np.ndarray, yes: np.ndarray, said: np.ndarray, name: str) -> dict[str, Any]:
    """One label."""
    from sklearn import metrics

    hits, actual, answered = int((yes & said).sum()), int(yes.sum()), int(said.sum())
    both = 0 < actual < len(yes)
    return {
        "name": name,
        "share": float(yes.mean()),
        "precision": hits / answered if answered else None,
        "recall": hits / actual if actual else None,
        "f1": 2 * hits / (actual + answered) if actual + answered else None,
        "auc": float(metrics.roc_auc_score(yes, p)) if both else None,
    }

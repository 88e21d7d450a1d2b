"""How many labels are wrong, told apart from classes that overlap."""

from dataclasses import dataclass

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.references import cleaned, few
from gammabeta.diagnosis.rows import class_numbers, once, some

LEAST_ROWS = 100
FOLDS = 4


@dataclass(frozen=True, eq=False)
class Noise:
    """What predictions for rows that the predictor has not seen say of their labels.

    rate, low, high: estimated share of wrong labels, and its 95 % interval: how often the most certain third of the
        predictions of every class disagrees with the label
    error: share of all rows where prediction and label disagree; even: rate / error, near 1 for wrong labels, which
        fall anywhere, near 0 for classes that overlap, whose certain rows are right
    steepness: standard errors by which the more certain half of that third disagrees less than the other half
    skill: of the predictions, 0 for the most frequent class, 1 for no mistake
    joint: the confident joint's estimate (Northcutt 2021)
    suspects: row numbers in the source, the surest first; given, rather: their label, and what is predicted
    """

    rate: float
    low: float
    high: float
    error: float
    steepness: float
    skill: float
    joint: float
    rows: int
    suspects: np.ndarray
    given: np.ndarray
    rather: np.ndarray

    @property
    def even(self) -> float:
        return self.rate / max(self.error, 1e-12)


def label_noise(case: Case) -> Noise | None:
    """The estimate for the training labels; None where there are too few rows, or they are not of one class each."""
    found: Noise | None = once(case, "label noise", lambda: measured(case))
    return found


def measured(case: Case) -> Noise | None:
    data = some(case.train)
    y = class_numbers(case, data)
    if y is None:
        return None
    counts = np.bincount(y)
    usual = counts[y] >= 2 * FOLDS
    data, y = data.take(np.flatnonzero(usual)), y[usual]
    if len(y) < LEAST_ROWS or len(np.unique(y)) < 2:
        return None
    x = few(data)
    x, _ = cleaned(x, x[:1])
    _, codes = np.unique(y, return_inverse=True)
    return estimated(out_of_fold(x, codes), codes, np.asarray(data.kept), np.unique(y))


def out_of_fold(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Class probabilities (rows, classes) from models that have not seen the row: the mean of the good ones."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    models = (
        ExtraTreesClassifier(60, min_samples_leaf=3, random_state=0),
        KNeighborsClassifier(10),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    )
    found = [cross_val_predict(model, x, y, cv=folds, method="predict_proba") for model in models]
    right = np.array([np.mean(np.argmax(p, axis=1) == y) for p in found])
    return np.asarray(np.mean([p for p, share in zip(found, right, strict=True) if share > right.max() - 0.03], axis=0))


def estimated(p: np.ndarray, y: np.ndarray, ids: np.ndarray, classes: np.ndarray) -> Noise:
    """The estimate from out-of-fold probabilities (rows, classes) and labels (rows,)."""
    predicted = np.argmax(p, axis=1)
    ordered = np.sort(p, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    wrong = predicted != y
    surest, surer = np.zeros(len(y), bool), np.zeros(len(y), bool)
    for one in range(p.shape[1]):
        mine = np.flatnonzero(predicted == one)
        mine = mine[np.argsort(-margin[mine], kind="stable")]
        surest[mine[: len(mine) // 6]] = True
        surer[mine[len(mine) // 6 : len(mine) // 3]] = True
    top = surest | surer
    rate, error = float(wrong[top].mean()), float(wrong.mean())
    low, high = wilson(int(wrong[top].sum()), int(top.sum()))
    first, second = float(wrong[surest].mean()), float(wrong[surer].mean())
    pooled = rate * (1 - rate) * (1 / max(surest.sum(), 1) + 1 / max(surer.sum(), 1))
    prior = float(np.bincount(y).max() / len(y))
    suspects = np.flatnonzero(wrong)
    suspects = suspects[np.argsort(p[suspects, y[suspects]] - p[suspects, predicted[suspects]])]
    return Noise(
        rate=rate,
        low=low,
        high=high,
        error=error,
        steepness=(second - first) / float(np.sqrt(max(pooled, 1e-12))),
        skill=(1 - prior - error) / max(1 - prior, 1e-12),
        joint=confident_joint(p, y),
        rows=len(y),
        suspects=ids[suspects],
        given=classes[y[suspects]],
        rather=classes[predicted[suspects]],
    )


def confident_joint(p: np.ndarray, y: np.ndarray) -> float:
    """Share of labels off the diagonal of the confident joint, calibrated to the labels' counts (Northcutt 2021)."""
    classes = p.shape[1]
    thresholds = np.array([p[y == one, one].mean() for one in range(classes)])
    sure = np.where(p >= thresholds, p, -1.0)
    counted = sure.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (y[counted], np.argmax(sure, axis=1)[counted]), 1)
    joint *= (np.bincount(y, minlength=classes) / np.maximum(joint.sum(axis=1), 1))[:, None]
    return float(1 - np.trace(joint) / max(joint.sum(), 1e-12))


def wilson(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share (Wilson 1927)."""
    if trials == 0:
        return 0.0, 1.0
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))

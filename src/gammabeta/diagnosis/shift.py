"""Whether new rows come from where the training rows come from, and if not, whether they were prepared differently."""

from dataclasses import dataclass, replace

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.references import few_columns
from gammabeta.diagnosis.rows import error_of, goodness, inputs, once, some

MOST_ROWS = 1_500
LEAST_ROWS = 30
BLUR = 0.3

RATIO, MOVED = 2.0, 0.5
"""Ratio of standard deviations, and shift of the mean in them, from which a column counts as changed."""

MOST_COLUMNS = 0.75
"""Share of changed columns from which all rows were prepared otherwise; one column of two may move by itself."""


@dataclass(frozen=True, eq=False)
class Shift:
    """New rows beside the training rows.

    split: "validation" or "test"; auc, low: how well a classifier that has not seen a row tells which side it is of,
        and the lower end of its 95 % interval; 0.5 where both sides are alike
    auc_alone, high_alone: the same after each side was standardized by itself, with the upper end
    changed: share of the columns whose standard deviation is 2 times as large or small, or whose mean moved by half
        of it; ratio, moved: medians of both over those columns
    columns: those that moved most, in steps of the training rows' standard deviation, (index, shift, ratio)
    """

    split: str
    data: Dataset
    auc: float
    low: float
    auc_alone: float
    high_alone: float
    changed: float
    ratio: float
    moved: float
    columns: tuple[tuple[int, float, float], ...]

    @property
    def shifted(self) -> bool:
        return self.low > 0.6

    @property
    def prepared(self) -> bool:
        """Whether a factor and an offset for most columns explain all of it."""
        return (
            self.shifted and self.changed >= MOST_COLUMNS and self.high_alone < 0.65 and self.auc - self.auc_alone > 0.1
        )


def shifts(case: Case) -> list[Shift]:
    """The validation and the test rows beside the training rows, where there are at least 30 of each."""
    named = (("validation", case.valid), ("test", case.test))
    found: list[Shift] = once(
        case,
        "shifts",
        lambda: [compared(case.train, data, name) for name, data in named if data is not None and usable(case, data)],
    )
    return found


def usable(case: Case, data: Dataset) -> bool:
    return min(data.rows, case.train.rows) >= LEAST_ROWS and data.input_shape == case.train.input_shape


def compared(train: Dataset, data: Dataset, split: str) -> Shift:
    x, other = inputs(some(train, MOST_ROWS)), inputs(some(data, MOST_ROWS))
    chosen = few_columns(x.shape[1])
    x, other = x[:, chosen], other[:, chosen]
    std, std_other = robust(x), robust(other)
    vary = (std > 0) & (std_other > 0) & (np.array([len(np.unique(column)) for column in x.T]) > 2)
    moved = np.abs(other.mean(axis=0) - x.mean(axis=0)) / np.where(std > 0, std, 1)
    ratio = np.where(vary, std_other / np.where(std > 0, std, 1), 1.0)
    off = vary & ((ratio > RATIO) | (ratio < 1 / RATIO) | (moved > MOVED))
    auc, error = told_apart(x, other)
    if auc - 1.96 * error > 0.6:
        alone, error_alone = (
            told_apart(alone_scaled(x[:, vary]), alone_scaled(other[:, vary])) if vary.any() else (1, 0)
        )
    else:
        alone, error_alone = auc, error
    worst = np.argsort(-np.maximum(moved * (std > 0), np.abs(np.log(np.maximum(ratio, 1e-9)))), kind="stable")[:5]
    return Shift(
        split=split,
        data=data,
        auc=auc,
        low=auc - 1.96 * error,
        auc_alone=alone,
        high_alone=alone + 1.96 * error_alone,
        changed=float(off.sum() / max(vary.sum(), 1)),
        ratio=float(np.median(ratio[off])) if off.any() else 1.0,
        moved=float(np.median(moved[off])) if off.any() else 0.0,
        columns=tuple((int(chosen[i]), float(moved[i]), float(ratio[i])) for i in worst),
    )


def robust(x: np.ndarray) -> np.ndarray:
    """Standard deviation of every column without its outer 1 %."""
    low, high = np.percentile(x, [0.5, 99.5], axis=0)
    return np.asarray(np.std(np.clip(x, low, high), axis=0))


def alone_scaled(x: np.ndarray) -> np.ndarray:
    """Standardized by itself and blurred: values that are exactly equal on one side would give the side away."""
    std = np.std(x, axis=0)
    blur = np.random.default_rng(len(x)).normal(size=x.shape)
    return np.asarray((x - x.mean(axis=0)) / np.where(std > 0, std, 1) + BLUR * blur)


def told_apart(x: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """(AUC, standard error) of a forest that tells two samples apart, each row by trees that have not seen it.

    A classifier two-sample test (Lopez-Paz & Oquab 2017); the error after Hanley & McNeil 1982.
    """
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rows = np.concatenate([x, other])
    side = np.repeat([0, 1], [len(x), len(other)])
    forest = ExtraTreesClassifier(50, min_samples_leaf=3, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    found = cross_val_predict(forest, rows, side, cv=folds, method="predict_proba")[:, 1]
    auc = float(roc_auc_score(side, found))
    a = min(max(auc, 0.5), 0.995)
    n, m = len(x), len(other)
    variance = a * (1 - a) + (m - 1) * (a / (2 - a) - a * a) + (n - 1) * (2 * a * a / (1 + a) - a * a)
    return auc, float(np.sqrt(max(variance, 0) / (n * m)))


def as_prepared(case: Case, data: Dataset) -> Dataset:
    """The rows brought to the training rows' mean and spread, column by column, as the network sees them."""
    x, other = inputs(some(case.train)), inputs(data)
    std, std_other = np.std(x, axis=0), np.std(other, axis=0)
    both = (std_other > 0) & (std > 0)
    factor = np.ones(len(std))
    factor[both] = std[both] / std_other[both]
    # a column that hardly varies has a spread by chance: it goes with the others
    usual = float(np.median(factor[both])) if both.any() else 1.0
    moved = (other - other.mean(axis=0)) * np.clip(factor, usual / 3, usual * 3) + x.mean(axis=0)
    moved = np.where(both, moved, x.mean(axis=0))
    return replace(data, x=moved.reshape(len(other), *data.input_shape).astype(np.float32), offset=None, factor=None)


def gained(case: Case, data: Dataset) -> tuple[float, float] | None:
    """What the network's score on new rows gains when they are brought to the training rows' mean and spread.

    (gain, standard error) over the rows, in the unit of goodness; None where nothing is trained.
    """
    data = some(data)
    before, after = goodness(case, data), goodness(case, as_prepared(case, data))
    if before is None or after is None or len(before) < 2:
        return None
    each = after - before
    return float(each.mean()), error_of(each)

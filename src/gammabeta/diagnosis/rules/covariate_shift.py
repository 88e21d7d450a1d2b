"""GB109: new rows come from elsewhere than the training rows."""

from collections.abc import Iterator

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import could_fall, difference, feature, goodness, goodness_name, listed, some
from gammabeta.diagnosis.shift import Shift, shifts
from gammabeta.diagnosis.suspicion import Suspicion

THOROUGH = True

PAGE = Page(
    code="GB109",
    name="covariate shift",
    what="Validation or test rows come from where there are few or no training rows.",
    why="A network is fitted where the training rows lie; elsewhere it extrapolates, and batch norm scales by moments "
    "that are not those of the new rows. The relation of inputs and target may be the same, and the answers wrong.",
    evidence="A forest tells training rows from new rows, each by trees that have not seen it, with an AUC whose 95 % "
    "interval lies above 0.6 (0.5 where they are alike). A warning; a note where the network's score there is not "
    "lower by 2 standard errors; an error where the network's score on these rows is lower by more than 3 standard "
    "errors than on validation rows (for validation rows: than on training rows, and the most foreign half of them is "
    "lower than the other half).",
    do="Find out why they differ: time, place, device, a sorted file that was not shuffled before it was split. "
    "Collect "
    "such rows for training, or give training rows that look like them more weight; re-estimate batch norm's "
    "statistics on the new rows.",
    ignore="When the score does not suffer, or when the difference is meant (training on the past, testing on today).",
    sources="Lopez-Paz & Oquab 2017 (classifier two-sample tests); Rabanser 2019 (Failing Loudly); Shimodaira 2000.",
)

ERRORS, NO_FALL = 3.0, 2.0


def rule(case: Case) -> Iterator[Suspicion]:
    for shift in shifts(case):
        # GB110 says it more exactly
        if not shift.shifted or shift.prepared:
            continue
        fall, spread = fallen(case, shift)
        hurts = fall > ERRORS * spread
        words = (
            f"a forest tells {shift.split} rows from training rows with an AUC of {shift.auc:.2f} (at least "
            f"{shift.low:.2f}; 0.5 where they are alike); moved most: {listed(moved(case, shift))}"
        )
        if np.isfinite(fall):
            words += f"; the {goodness_name(case)} is lower on them by {fall:.3f} +- {spread:.3f}"
        yield Suspicion(
            code=PAGE.code,
            place=f"{shift.split} rows",
            evidence=words,
            numbers={"auc": shift.auc, "low": shift.low, "fall": fall, "error": spread},
            certainty=0.9 if hurts else 0.3,
            severity="error" if hurts else "note" if fall <= NO_FALL * spread and could_fall(case) else "warning",
            costs=f"{fall:.3f} of {goodness_name(case)} on {shift.split} rows" if hurts else "",
            advice="train on rows like these, too, or re-estimate batch norm's statistics on them",
        )


def moved(case: Case, shift: Shift) -> list[str]:
    return [
        f"{feature(case, index)} (by {step:.2g} standard deviations, spread x {ratio:.2g})"
        for index, step, ratio in shift.columns[:3]
    ]


def fallen(case: Case, shift: Shift) -> tuple[float, float]:
    """How much lower the network's score is on the new rows, and its standard error; NaN where nothing is trained."""
    there = goodness(case, shift.data)
    reference = case.train if shift.split == "validation" or case.valid is None else case.valid
    here = goodness(case, reference)
    if here is None or there is None:
        return float("nan"), float("inf")
    fall, spread = difference(here, there)
    if reference is case.train and fall > ERRORS * spread:
        # a lower score than on training rows is usual: it must be lower where the rows are more foreign
        within = foreign_half(case, shift.data, there)
        if within[0] <= 2 * within[1]:
            return 0.0, spread
    return fall, spread


def foreign_half(case: Case, data: Dataset, good: np.ndarray) -> tuple[float, float]:
    """How much lower the score is on the half of the rows farthest from any training row, and its error."""
    from sklearn.neighbors import NearestNeighbors

    from gammabeta.diagnosis.references import cleaned, flat

    x, other = cleaned(flat(some(case.train, 1_500)), flat(data))
    far = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(other)[0].mean(axis=1)
    foreign = far > np.median(far)
    if min(foreign.sum(), (~foreign).sum()) < 2:
        return 0.0, 1.0
    return difference(good[~foreign], good[foreign])

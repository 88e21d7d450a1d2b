"""GB110: new rows were prepared otherwise than the training rows."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import could_fall, goodness_name
from gammabeta.diagnosis.shift import gained, shifts
from gammabeta.diagnosis.suspicion import Suspicion

THOROUGH = True

PAGE = Page(
    code="GB110",
    name="new rows prepared differently",
    what="Validation or test rows were scaled otherwise than the training rows: not at all, twice, or by their own "
    "mean and spread.",
    why="To the network a value in another unit is another value. A factor and an offset on every column move all rows "
    "to where no training row is; the answers there mean nothing, though nothing is wrong with the network.",
    evidence="At least three quarters of the columns have a standard deviation 2 times as large or small as in "
    "training, or a mean moved by half of it; a forest tells the sides apart, and no longer once each is standardized "
    "by itself. An error where the network's score on these rows rises by more than 3 standard errors when they are "
    "brought to the training rows' mean and spread, a note where it does not rise by 2.",
    do="Put preparation into one function that learns from the training rows and is used for every row, or into the "
    "model file; compare the numbers of one row right in front of the network in both ways.",
    ignore="When the new rows really come from elsewhere by a factor, such as darker images: that is covariate shift, "
    "and the same remedy may help.",
    sources="Karpathy 2019 (look at the data right before the network).",
)

ERRORS, NO_GAIN = 3.0, 2.0


def rule(case: Case) -> Iterator[Suspicion]:
    for shift in shifts(case):
        if not shift.prepared:
            continue
        gain, error = gained(case, shift.data) or (float("nan"), float("inf"))
        proved = gain > ERRORS * error
        words = (
            f"{shift.changed:.0%} of the columns of the {shift.split} rows differ from the training rows by a factor "
            "or "
            f"an offset (median: spread x {shift.ratio:.3g}, mean moved by {shift.moved:.2g} standard deviations); a "
            f"forest tells the sides apart with an AUC of {shift.auc:.2f}, and of {shift.auc_alone:.2f} once each is "
            "standardized by itself"
        )
        if np.isfinite(gain):
            words += (
                f"; brought to the training rows' mean and spread, the network's {goodness_name(case)} there is "
                f"{gain:+.3f} +- {error:.3f}"
            )
        yield Suspicion(
            code=PAGE.code,
            place=f"{shift.split} rows",
            evidence=words,
            numbers={
                "auc": shift.auc,
                "auc_alone": shift.auc_alone,
                "columns": shift.changed,
                "ratio": shift.ratio,
                "moved": shift.moved,
                "gain": gain,
            },
            certainty=0.95 if proved else 0.5,
            severity="error" if proved else "note" if gain <= NO_GAIN * error and could_fall(case) else "warning",
            costs=f"{gain:.3f} of {goodness_name(case)} on {shift.split} rows" if proved else "",
            advice="prepare all rows by the one function that learned from the training rows",
        )

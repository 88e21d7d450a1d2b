"""GB604: the validation rows are answered better than the training rows."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import difference, goodness, goodness_name
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB604",
    name="too good to be true",
    what="The finished network does better on the validation rows than on the rows it was trained on.",
    why="Both are answered without dropout and by the same weights: new rows cannot be easier than known ones unless "
    "they are other rows, or are known as well.",
    evidence="The metric on validation rows above that on training rows by 3 standard errors and 5 points. A note: "
    "duplicates (GB104) and leakage (GB105) have findings of their own.",
    do="Look at how the rows were split: a sorted file, augmented or resampled training rows, or labels of another "
    "source make the two sides differ.",
    ignore="When the validation rows are cleaner on purpose.",
    sources="UMLAUT 2021.",
)

ERRORS, LEAST = 3.0, 0.05


def rule(case: Case) -> Iterator[Suspicion]:
    here, there = goodness(case, case.train), goodness(case, case.valid)
    if here is None or there is None:
        return
    ahead, error = difference(there, here)
    if not ahead > max(LEAST, ERRORS * error):
        return
    yield Suspicion(
        code=PAGE.code,
        place="validation rows",
        evidence=f"the {goodness_name(case)} is {np.mean(there):.3f} on validation rows and {np.mean(here):.3f} on "
        f"training rows, {ahead:+.3f} +- {error:.3f}",
        numbers={"ahead": ahead, "error": error},
        certainty=0.3,
        severity="note",
        advice="look at how the rows were split",
    )

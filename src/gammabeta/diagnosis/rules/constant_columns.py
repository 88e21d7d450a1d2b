"""GB103: columns that say nothing."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import feature, listed
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import on_rows

PAGE = Page(
    code="GB103",
    name="constant columns",
    what="Some columns have the same value in every training row.",
    why="They say nothing about the target. Their weights are never learned, only drawn: when the column does vary in "
    "new rows, those weights add noise to every answer. Many of them at once mean that something went wrong before.",
    evidence="Columns of a table whose least training value is their greatest; images are not looked at, whose border "
    "is rightly constant. A note; a warning where they are more than a quarter of the columns and the network, if "
    "there is one, stays below 90 % of the possible skill; an error where nothing can be learned from the others. "
    "Columns with one value in 99.5 % of the rows are suspected where others do better, and named where runs without "
    "them end better.",
    do="Leave them out, or find out where their content was lost: a failed join, a unit that was rounded away, a "
    "filter that left one kind of row.",
    ignore="When the columns are known to be empty in this sample and will stay so.",
)


SOLVED, MANY, NOTHING = 0.9, 0.25, 0.1
NEARLY = 0.995
EMPTY = 0.95
"""Certainty where nothing can be learned from the columns that are left: more than that the labels are other rows'."""


def rule(case: Case) -> Iterator[Suspicion]:
    x = np.asarray(case.train.x)
    if x.ndim != 2 or len(x) < 2:
        return
    yield from nearly_constant(case, x)
    constant = np.flatnonzero(np.all(x == x[:1], axis=0))
    if not len(constant):
        return
    share = len(constant) / x.shape[1]
    moving = [i for i in constant if any(varies(data, int(i)) for data in (case.valid, case.test))]
    words = f"{len(constant)} of {x.shape[1]} columns have one value in all {len(x)} training rows"
    empty = share > MANY and nothing_left(case)
    if empty:
        words += ", and nothing can be learned from the others"
    if moving:
        words += f"; {len(moving)} of them vary in new rows ({listed([feature(case, int(i)) for i in moving])})"
    # what was lost with them cannot be measured; of a network that does nearly everything right it was little
    most = share > MANY and not (case.trained and case.skill(case.valid_score) > SOLVED)
    yield Suspicion(
        code=PAGE.code,
        place=listed([feature(case, int(i)) for i in constant]),
        evidence=words,
        numbers={"columns": len(constant), "share": share, "vary_in_new_rows": len(moving)},
        certainty=EMPTY if empty else 0.6 if most else 0.2,
        severity="error" if empty else "warning" if most else "note",
        advice="leave these columns out, or find out where their content was lost",
    )


def nothing_left(case: Case) -> bool:
    """Whether neither the network nor a reference learns a tenth of what there is from the rows as they are."""
    if case.train.y is None:
        return False
    scores = [case.references.best, *([case.valid_score] if case.trained else [])]
    return max(map(case.skill, scores)) < max(NOTHING, 3 * case.chance)


def nearly_constant(case: Case, x: np.ndarray) -> Iterator[Suspicion]:
    """Columns with one value in nearly all rows, other than 0 and 1, where others do better on the same rows."""
    if len(x) < 1 / (1 - NEARLY) or not case.shortfall > 2 * case.chance:
        return
    middle = np.median(x, axis=0)
    share = np.mean(x == middle, axis=0)
    counted = np.all((x == 0) | (x == 1), axis=0)
    found = np.flatnonzero((share >= NEARLY) & (share < 1) & ~counted)
    if not len(found):
        return
    at = np.isin(np.arange(x.shape[1]), found)
    yield Suspicion(
        code=PAGE.code,
        place=listed([feature(case, int(i)) for i in found]),
        evidence=f"{len(found)} of {x.shape[1]} columns have one value in at least {share[found].min():.1%} of the "
        f"{len(x)} training rows",
        numbers={"columns": len(found), "share_of_rows": float(share[found].min())},
        certainty=0.3,
        treatments=(on_rows("nearly constant columns left out", change_x=lambda values: np.where(at, middle, values)),),
        advice="leave these columns out",
    )


def varies(data: object, column: int) -> bool:
    if data is None:
        return False
    values = np.asarray(data.x)[:, column]  # type: ignore[attr-defined]
    return len(values) > 1 and bool(np.any(values != values[0]))

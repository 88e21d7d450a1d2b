"""GB104: rows that judge are also among those that train."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import class_numbers, difference, goodness, goodness_name, listed
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB104",
    name="duplicates across the split",
    what="Rows that judge the network are also among those it was trained on.",
    why="On rows it has seen a network is as good as its memory: the score promises more than new rows will give, and "
    "early stopping and tuning choose the network that remembers best.",
    evidence="Exact equality of all inputs, by a hash per row. Tables of few values have equal rows by nature: counted "
    "is what exceeds the share of training rows that have a twin in training. An error where more than 2 % of "
    "the judging rows exceed it and the network is better on them than on the others by more than 3 standard "
    "errors and by so much that the metric promises 0.03 too much, else a warning; a note where it is no better"
    " on them by a standard error and less than a tenth of the rows exceed it. Equal inputs with different "
    "targets are counted as well, also among the training rows.",
    do="Remove duplicates before splitting; where rows belong together (the same patient, the same film), put whole "
    "groups on one side of the split. Then train again: the score will fall to what is true.",
    ignore="When equal rows are separate observations that happen to agree, as in tables of few categories.",
    sources="Kapoor & Narayanan 2023 (leakage in 17 fields); Barz & Denzler 2020 (duplicates in CIFAR).",
)

LEAST, MANY = 0.02, 0.1
"""Shares of the rows that make it worth a warning: where the network is better on them, and whatever it is on them."""

WORTH_A_NOTE = 0.005
TOO_MUCH = 0.03
"""Of the metric, promised beyond what new rows will give: less is no error."""

ERRORS = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    own = hashes(case.train)
    if len(own) < 2:
        return
    yield from at_odds(case, own)
    counted = Counter(own)
    # where a column hardly repeats itself, equal rows are copies, not coincidences
    natural = 0.0 if copies_only(case.train) else float(np.mean([counted[key] > 1 for key in own]))
    for split, data in (("validation", case.valid), ("test", case.test)):
        if data is None or data.rows < 2 or data.input_shape != case.train.input_shape:
            continue
        shared = np.array([key in counted for key in hashes(data)])
        share = float(shared.mean())
        error = float(np.sqrt(natural * (1 - natural) * (1 / len(shared) + 1 / len(own))))
        excess = share - natural - 3 * error
        if excess <= WORTH_A_NOTE or shared.sum() < 2:
            continue
        good = goodness(case, data)
        better, spread = (
            difference(good[shared], good[~shared])
            if good is not None and 2 <= shared.sum() <= len(shared) - 2
            else (float("nan"), float("inf"))
        )
        promised = share * better
        proved = excess > LEAST and better > ERRORS * spread and promised > TOO_MUCH
        doubtful = excess > MANY or (excess > LEAST and not better <= spread)
        words = f"{int(shared.sum())} of {len(shared)} {split} rows ({share:.1%}) are also training rows"
        if natural:
            words += f", {natural:.1%} would be by nature"
        if np.isfinite(better):
            words += f"; on them the {goodness_name(case)} is {better:+.3f} +- {spread:.3f} against the other rows"
        against = conflicts(case.train, data)
        if against:
            words += f"; {against} of them have another target there"
        yield Suspicion(
            code=PAGE.code,
            place=f"{split} rows {listed([str(int(data.kept[row])) for row in np.flatnonzero(shared)])}",
            evidence=words,
            numbers={"share": share, "natural": natural, "better": better, "conflicting": against},
            certainty=0.95 if proved else 0.3,
            severity="error" if proved else "warning" if doubtful else "note",
            costs=f"the {split} {goodness_name(case)} promises {promised:.3f} too much" if proved else "",
            advice="remove duplicates before splitting, or split by group",
        )


def at_odds(case: Case, own: list[int]) -> Iterator[Suspicion]:
    """Training rows that are the same and belong to different classes, where equal rows are copies."""
    y = class_numbers(case, case.train)
    if y is None or len(set(own)) == len(own) or not copies_only(case.train):
        return
    classes: dict[int, set[int]] = {}
    for key, one in zip(own, y, strict=True):
        classes.setdefault(key, set()).add(int(one))
    odd = np.array([len(classes[key]) > 1 for key in own])
    share = float(odd.mean())
    if share <= WORTH_A_NOTE:
        return
    yield Suspicion(
        code=PAGE.code,
        place=f"training rows {listed([str(int(case.train.kept[row])) for row in np.flatnonzero(odd)])}",
        evidence=f"{int(odd.sum())} of {len(own)} training rows ({share:.1%}) have a twin of another class",
        numbers={"share": share},
        certainty=0.4,
        severity="warning" if share > LEAST else "note",
        costs="one of each two is learned in vain" if share > LEAST else "",
        advice="find out which of the twins is right",
    )


def hashes(data: Dataset) -> list[int]:
    x = np.ascontiguousarray(data.x)
    if np.issubdtype(x.dtype, np.floating):
        x = x + 0.0  # -0 becomes 0
    return [hash(row.tobytes()) for row in x]


def copies_only(data: Dataset) -> bool:
    """Whether rows cannot be equal by chance: images, or a column with many different values."""
    x = np.asarray(data.x)
    if x.ndim != 2:
        return bool(x[0].size >= 64)
    different = len(set(hashes(data)))
    return any(len(np.unique(column)) > 0.5 * different and len(np.unique(column)) > 20 for column in x.T)


def conflicts(train: Dataset, data: Dataset) -> int:
    """How many of the rows have twins in training, none of them with the same target."""
    if train.y is None or data.y is None:
        return 0
    targets: dict[int, set[bytes]] = {}
    for key, y in zip(hashes(train), np.asarray(train.y), strict=True):
        targets.setdefault(key, set()).add(y.tobytes())
    pairs = zip(hashes(data), np.asarray(data.y), strict=True)
    return sum(key in targets and y.tobytes() not in targets[key] for key, y in pairs)

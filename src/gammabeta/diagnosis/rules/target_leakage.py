"""GB105: a feature, or a patch of the images, that gives the answer away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import (
    class_numbers,
    could_fall,
    difference,
    error_of,
    feature,
    goodness,
    goodness_name,
    inputs,
    numbers,
    some,
)
from gammabeta.diagnosis.single import Target, by_forest, by_tree, halves, most_telling
from gammabeta.diagnosis.suspicion import Suspicion, Treatment

THOROUGH = True

PAGE = Page(
    code="GB105",
    name="target leakage",
    what="One feature, or a small patch of the images, gives the target away, and may not do so in new rows.",
    why="What is only known after the answer (a code that the clinic gives to the ill, a mark that a camera leaves, a "
    "row number in sorted data) is easier to learn than anything else, so nothing else is learned; where it is "
    "missing, the network guesses.",
    evidence="A small decision tree on each column alone (on every patch of 4 by 4 pixels), learned and measured on "
    "different training rows. An error where it has at least half of the possible skill there and none in "
    "validation or test rows, even when learned from those, while the rest of the columns still work, and the network "
    "is worse there by more than 2 standard errors. A warning where it has 95 % of the possible skill in training and "
    "in other rows, and alone is better there than a forest on all the others by 2 standard errors and 2 points (or "
    "85 %, and better by 25 points); or where its values are those of a row number (each once, in equal steps) and it "
    "has half of the skill; or where it could be the class's number in other words: so few values of it occur, no more "
    "than two for each class, that tell the class without a mistake, or they lie in a heap for each class, 8 standard "
    "deviations apart: each may be right. The first is a note where test rows have the relation too and the network's "
    "score is not lower there.",
    do="Find out how the feature comes about: is it known before the answer, and will it be in new rows? If not, leave "
    "it out and train again; cut the patch out of the images, or record without it.",
    ignore="When the feature is legitimate and will be there in new rows, such as a reading that defines the answer.",
    sources="Kapoor & Narayanan 2023; Kaufman 2012 (leakage in data mining); Geirhos 2020 (shortcut learning).",
)

PERFECT, WORTH = 0.95, 0.02
GREAT, FAR = 0.85, 0.25
STRONG = 0.5
MOST_LEFT_OUT = 4
"""Numbers per row of the sample: a row number of which some rows are elsewhere is one still."""

ERRORS = 2.0
LEAST_ROWS = 30
MOST_OTHERS = 256
VALUES_A_CLASS = 2
"""Values a class that a code of it may have."""

HEAPS_APART = 8.0
"""Standard deviations within a class between its mean and the next one's."""


@dataclass(frozen=True, eq=False)
class Part:
    """A split as numbers: its rows, inputs and targets."""

    name: str
    data: Dataset
    x: np.ndarray
    target: Target


def rule(case: Case) -> Iterator[Suspicion]:
    train = part(case, "training", case.train)
    if train is None or train.x.shape[1] < 2:
        return
    splits = (("validation", case.valid), ("test", case.test))
    others = [found for name, data in splits if (found := part(case, name, data)) is not None]
    others = others or second_half(case, train)
    for group in most_telling(train.x, train.target, case.train.input_shape, origin(case)):
        won = by_tree(train.x[:, group], train.target)
        broken = [other for other in others if lost(train, other, group, won)]
        if won.mean() >= STRONG and broken:
            suspicion = missing(case, train, broken[0], group, won)
            if suspicion is not None:
                yield suspicion
                return
        elif won.mean() >= STRONG and others:
            suspicion = perfect(case, train, others[0], group, won)
            if suspicion is not None:
                yield suspicion
                return


def origin(case: Case) -> np.ndarray | None:
    """Which column every input comes from; None where no schema knows."""
    columns = case.schema.columns if case.schema is not None else ()
    found = np.repeat(np.arange(len(columns)), [column.width for column in columns])
    return found if case.train.input_shape == found.shape else None


def part(case: Case, name: str, data: Dataset | None) -> Part | None:
    """None where there are too few rows, or targets that no single tree predicts."""
    if data is None or data.rows < LEAST_ROWS or data.input_shape != case.train.input_shape:
        return None
    data = some(data)
    classes, values = class_numbers(case, data), numbers(case, data)
    if classes is not None:
        known = class_numbers(case, case.train)
        assert known is not None
        return Part(name, data, inputs(data), Target(classes, int(max(known.max(), classes.max())) + 1))
    return None if values is None else Part(name, data, inputs(data), Target(values, None))


def second_half(case: Case, train: Part) -> list[Part]:
    """Half of the training rows, where there are no others to look at."""
    if len(train.x) < 2 * LEAST_ROWS:
        return []
    _, rows = halves(len(train.x))
    return [Part("other training", case.train, train.x[rows], train.target.take(rows))]


def lost(train: Part, other: Part, group: np.ndarray, won: np.ndarray) -> bool:
    """Whether what the features say in training rows is not there in other rows, not even to be learned there."""
    x = other.x[:, group]
    kept = by_tree(train.x[:, group], train.target, x, other.target)
    anew = by_tree(x, other.target)
    best = kept if kept.mean() > anew.mean() else anew
    return bool(
        best.mean() < 0.5 * won.mean() and won.mean() - best.mean() > 5 * np.hypot(error_of(won), error_of(best))
    )


def forests(train: Part, other: Part, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skill on other rows of forests with and without the features, (rows,) each."""
    rest = np.setdiff1d(np.flatnonzero(train.x.std(axis=0) > 0), group)
    if len(rest) > MOST_OTHERS:
        rest = np.sort(np.random.default_rng(3).permutation(rest)[:MOST_OTHERS])
    if not len(rest):
        return np.ones(len(other.x)), np.zeros(len(other.x))
    rows = np.sort(np.random.default_rng(3).permutation(len(train.x))[:2_000])
    found = [
        by_forest(train.x[np.ix_(rows, columns)], train.target.take(rows), other.x[:, columns], other.target)
        for columns in (np.concatenate([rest, group]), rest)
    ]
    return found[0], found[1]


def missing(case: Case, train: Part, other: Part, group: np.ndarray, won: np.ndarray) -> Suspicion | None:
    """The suspicion where the relation is absent in other rows."""
    _, without = forests(train, other, group)
    if without.mean() < ERRORS * error_of(without):
        return None  # nothing else relates to the targets there either: another trouble
    reference = case.train if other.name == "validation" else case.judged_on
    here, there = goodness(case, some(reference)), goodness(case, other.data)
    fall, spread = difference(here, there) if here is not None and there is not None else (float("nan"), 1.0)
    hurts = not case.trained or fall > ERRORS * spread
    kept = float(by_tree(train.x[:, group], train.target, other.x[:, group], other.target).mean())
    words = (
        f"{named(case, group)} alone has {won.mean():.0%} of the possible skill in training rows and {kept:.0%} in "
        f"{other.name} rows; a forest without it has {without.mean():.0%} there"
    )
    if case.trained:
        words += f"; the network's {goodness_name(case)} is lower there by {fall:.3f} +- {spread:.3f}"
    return Suspicion(
        code=PAGE.code,
        place=named(case, group),
        evidence=words,
        numbers={"skill": float(won.mean()), "skill_there": kept, "without": float(without.mean()), "fall": fall},
        certainty=0.95,
        treatments=(blanked(case, group),) if other.name == "validation" else (),
        severity="error" if hurts else "warning",
        costs=f"{goodness_name(case)} {fall:.3f} lower on {other.name} rows" if case.trained else "",
        advice="leave it out and train again, unless new rows will have it",
    )


def perfect(case: Case, train: Part, other: Part, group: np.ndarray, won: np.ndarray) -> Suspicion | None:
    """The suspicion where one feature alone beats all others together, or counts the rows; it may be right so."""
    apart = other.name != "other training"
    alone = by_tree(train.x[:, group], train.target, other.x[:, group], other.target) if apart else won
    if alone.mean() < STRONG:
        return None
    counts = len(group) == 1 and counting(train.x[:, group[0]])
    least = min(alone.mean(), won.mean())
    code = coded(train, other, group)
    if least < GREAT and not counts and code is None:
        return None
    words = f"{named(case, group)} alone has {won.mean():.1%} of the possible skill, and {alone.mean():.1%} in "
    words += f"{other.name} rows"
    ahead, error = float("nan"), float("nan")
    if apart:
        _, without = forests(train, other, group)
        more = alone - without
        # the same rows judge both
        ahead, error = float(more.mean()), error_of(more)
        words += f"; a forest on all the others has {without.mean():.1%}, less by {ahead:.1%} +- {error:.1%}"
    better = ahead > max(WORTH if least >= PERFECT else FAR, ERRORS * error)
    if not better and not counts and code is None:
        return None
    if counts:
        words += "; its values occur once each and in equal steps, as a row number's do"
    if code is not None and not better:
        words += f"; {code}"
    stays = not counts and holds_in_test(case, train, group)
    if stays:
        words += f"; it is there in test rows too, where the network's {goodness_name(case)} is not lower"
    return Suspicion(
        code=PAGE.code,
        place=named(case, group),
        evidence=words,
        numbers={"skill": float(won.mean()), "skill_there": float(alone.mean()), "ahead": ahead, "error": error},
        certainty=0.6 if counts or code is not None else 0.3,
        severity="note" if stays else "warning",
        advice="make sure that it is known before the answer and will be there in new rows; if not, leave it out",
    )


def holds_in_test(case: Case, train: Part, group: np.ndarray) -> bool:
    """Whether the relation is there in test rows too, and the network's score there is known and not lower."""
    test = part(case, "test", case.test)
    here, there = goodness(case, case.valid), goodness(case, case.test)
    if test is None or here is None or there is None:
        return False
    fall, spread = difference(here, there)
    kept = by_tree(train.x[:, group], train.target, test.x[:, group], test.target)
    return bool(kept.mean() >= GREAT and fall <= ERRORS * spread and could_fall(case))


def counting(values: np.ndarray) -> bool:
    """Whether the values are those of a row number: each once, all in steps of the same size, few left out."""
    ordered = np.sort(values)
    steps = np.diff(ordered)
    if len(steps) < LEAST_ROWS or not steps.min() > 0:
        return False
    unit = float(np.median(steps[steps < 1.5 * steps.min()]))
    whole = np.abs(steps / unit - np.round(steps / unit))
    return bool(whole.max() < 0.1 and (ordered[-1] - ordered[0]) / unit < MOST_LEFT_OUT * len(values))


def coded(train: Part, other: Part, group: np.ndarray) -> str | None:
    """In words, where the features could be the class's number with little or no noise; None elsewhere."""
    classes = train.target.classes
    if classes is None:
        return None
    x = np.concatenate([train.x, other.x])[:, group]
    y = np.concatenate([train.target.y, other.target.y])
    return in_heaps(x, y) if len(group) == 1 else in_values(train, x, y, group)


def in_heaps(x: np.ndarray, y: np.ndarray) -> str | None:
    """Whether a column's values lie around one value for each class, far from those of all others."""
    parts = [x[y == one, 0] for one in np.unique(y)]
    if min(len(part) for part in parts) < 2 or len(parts) < 2:
        return None
    parts.sort(key=lambda part: float(part.mean()))
    centers, spreads = (np.array([fact(part) for part in parts]) for fact in (np.mean, np.std))
    apart = float(np.min(np.diff(centers) / np.maximum(np.maximum(spreads[1:], spreads[:-1]), 1e-12)))
    if apart < HEAPS_APART:
        return None
    return (
        f"its values lie in {len(parts)} heaps, one for each class, at least {min(apart, 1e6):.3g} standard "
        "deviations apart"
    )


def in_values(train: Part, x: np.ndarray, y: np.ndarray, group: np.ndarray) -> str | None:
    """Whether a few values of a patch tell the class of every row.

    Where most pixels have as few values, as black-and-white ones have, it is nothing special.
    """
    classes = len(np.unique(y))
    most = VALUES_A_CLASS * classes
    looked = np.random.default_rng(5).permutation(train.x.shape[1])[:MOST_OTHERS]
    few = np.array([1 < len(np.unique(column)) <= most for column in x.T])
    if not few.any() or np.mean([len(np.unique(train.x[:, column])) <= most for column in looked]) > 0.5:
        return None
    told: dict[bytes, int] = {}
    for row, one in zip(np.ascontiguousarray(x[:, few]), y, strict=True):
        if told.setdefault(row.tobytes(), int(one)) != one:
            return None
    if not classes <= len(told) <= most:
        return None
    return f"{len(told)} values of it occur in all, and each stands for one class, without a mistake"


def named(case: Case, group: np.ndarray) -> str:
    if len(group) == 1:
        return feature(case, int(group[0]))
    of, schema = origin(case), case.schema
    if of is not None and schema is not None:
        return schema.columns[int(of[group[0]])].name
    first, last = feature(case, int(group.min())), feature(case, int(group.max()))
    return f"the patch from {first.split(' of ')[0]} to {last.split(' of ')[0]}"


def blanked(case: Case, group: np.ndarray) -> Treatment:
    """The features the same in all rows."""
    middle = np.median(np.asarray(case.train.x).reshape(case.train.rows, -1)[:, group], axis=0)

    def changed(data: Dataset) -> Dataset:
        x = np.array(data.x)
        rows = x.reshape(len(x), -1)
        rows[:, group] = middle
        return replace(data, x=rows.reshape(x.shape))

    return Treatment(f"{named(case, group)} left out", data=changed)

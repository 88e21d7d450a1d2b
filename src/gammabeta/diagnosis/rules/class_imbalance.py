"""GB106: a rare class that the network overlooks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import class_numbers
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.nn import class_weights

PAGE = Page(
    code="GB106",
    name="class imbalance that hurts",
    what="Some classes have far fewer rows than others, and the network overlooks them.",
    why="The loss counts rows, so that the answer that suits most rows wins wherever a rare class is not certain. The "
    "metric counts rows too, and looks well: with 1 row in 50, never naming the class costs 2 points of accuracy.",
    evidence="A class with less than a fifth of the rows of the largest one, whose recall is below the other classes' "
    "median recall by 10 points and 2 standard errors; and dividing the predicted probabilities by the classes' shares "
    "(logit adjustment, no training) raises the balanced accuracy by at least 3 points and 2 standard errors, on the "
    "validation rows or on them and the training rows together (which flatters the network, so that what is overlooked "
    "there is overlooked). A warning where this holds of all rare classes together, by 3 standard errors of recall, "
    "and the gain of 3 points is within its error; or where such a class has fewer than 10 rows to judge it: then no "
    "score can tell. Tried "
    "by runs with balanced class weights, judged by balanced accuracy. Before training the shares are a note.",
    do="class_weights=balanced, which lets every class count the same; or divide the probabilities by the classes' "
    "shares where a decision is made; collect more of the rare class. Judge by balanced accuracy or recall.",
    ignore="When a mistake costs the same in every class, so that the most probable class is the right answer.",
    sources="Menon 2021 (logit adjustment); Buda 2018.",
)

RATIO = 0.2
LEAST_GAIN = 0.03
LEAST_BEHIND = 0.1
LEAST_ROWS = 5
JUDGED_BY = 10
"""Rows with which a recall is known to +- 0.3, at best."""
ERRORS, SURELY = 2.0, 3.0


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows that judge: what they are called, their classes, and the network's probabilities (rows, classes)."""

    name: str
    actual: np.ndarray
    probabilities: np.ndarray


def rule(case: Case) -> Iterator[Suspicion]:
    y = class_numbers(case, case.train)
    if y is None or case.plan.class_weights is not None:
        return
    parts = judged(case)
    classes = parts[0].probabilities.shape[1] if parts else int(y.max(initial=0)) + 1
    shares = np.bincount(y, np.asarray(case.train.weights, np.float64), minlength=classes)[:classes]
    rare = (shares > 0) & (shares < RATIO * shares.max())
    if not rare.any():
        return
    if not parts:
        yield unlooked(shares, rare)
        return
    for find in (overlooked, together):
        for part in parts:
            found = find(part, shares, rare)
            if found is not None:
                yield replace(found, treatments=(weighted(),), judged=balanced)
                return
    counts = np.bincount(parts[0].actual, minlength=classes)[:classes]
    unseen = np.flatnonzero(rare & (counts < JUDGED_BY))
    if len(unseen):
        yield unjudged(unseen, shares, counts, parts[0].name)


def balanced(data: Dataset) -> Dataset:
    """The rows weighted so that every class counts the same."""
    assert data.y is not None
    factor = class_weights(data.y, "balanced", weights=data.weights)
    return replace(data, weights=(data.weights * factor).astype(np.float32))


def weighted() -> Treatment:
    """Class weights that let every class count the same."""
    says = "class weights that let every class count the same"
    return Treatment(says, lambda plan: plan.replace(class_weights="balanced"), balanced)


def judged(case: Case) -> list[Judged]:
    """The validation rows, and these together with the training rows; the training rows where there are no others."""
    found = []
    for name, data in (("validation", case.valid), ("training", case.train)):
        actual = class_numbers(case, data)
        probabilities = class_probabilities(case, data) if data is not None and actual is not None else None
        if actual is not None and probabilities is not None:
            found.append(Judged(name, actual, probabilities))
    if len(found) < 2:
        return found
    both = (np.concatenate([getattr(part, name) for part in found]) for name in ("actual", "probabilities"))
    return [found[0], Judged("validation and training", *both)]


def overlooked(part: Judged, shares: np.ndarray, rare: np.ndarray) -> Suspicion | None:
    """The suspicion where these rows prove that rare classes are overlooked."""
    classes = len(shares)
    counts = np.bincount(part.actual, minlength=classes)[:classes]
    enough = counts >= LEAST_ROWS
    if not (rare & enough).any() or not (~rare & enough).any():
        return None
    before = np.argmax(part.probabilities, axis=1)
    after = np.argmax(part.probabilities / np.maximum(shares / shares.sum(), 1e-9), axis=1)
    recall, adjusted = recalls(before, part.actual, counts), recalls(after, part.actual, counts)
    usual = float(np.median(recall[~rare & enough]))
    # as with one row more of each kind, so that 0 of 5 is not taken as sure
    smooth = (recall * counts + 1) / (counts + 2)
    behind = usual - recall > np.maximum(LEAST_BEHIND, ERRORS * np.sqrt(smooth * (1 - smooth) / np.maximum(counts, 1)))
    found = np.flatnonzero(rare & enough & behind)
    if not len(found):
        return None
    gain, error = balanced_gain(before, after, part.actual)
    if gain < LEAST_GAIN or gain < ERRORS * error:
        return None
    worst = int(found[np.argmin(recall[found])])
    return Suspicion(
        code=PAGE.code,
        place=named(found),
        evidence=f"class {worst} has {shares[worst] / shares.sum():.1%} of the training rows; of its {counts[worst]} "
        f"{part.name} rows {recall[worst]:.0%} are found, of the other classes' {usual:.0%}. With the probabilities "
        f"divided by the classes' shares {adjusted[worst]:.0%} are found, and the balanced accuracy is "
        f"{gain:+.3f} +- {error:.3f}",
        numbers={
            "ratio": float(shares[worst] / shares.max()),
            "recall": float(recall[worst]),
            "recall_adjusted": float(adjusted[worst]),
            "balanced_accuracy_gain": gain,
            "error": error,
        },
        certainty=0.9,
        severity="error",
        fix={"class_weights": "balanced"},
        costs=f"{gain:.3f} of balanced accuracy",
        advice='set class_weights to "balanced", or divide the probabilities by the classes\' shares',
    )


def together(part: Judged, shares: np.ndarray, rare: np.ndarray) -> Suspicion | None:
    """The suspicion where the rare classes are overlooked when they are taken together, each being too few to tell."""
    counts = np.bincount(part.actual, minlength=len(shares))[: len(shares)]
    mine = rare[part.actual]
    enough = ~rare & (counts >= LEAST_ROWS)
    n = int(mine.sum())
    if n < LEAST_ROWS or not enough.any():
        return None
    before = np.argmax(part.probabilities, axis=1)
    after = np.argmax(part.probabilities / np.maximum(shares / shares.sum(), 1e-9), axis=1)
    usual = float(np.median(recalls(before, part.actual, counts)[enough]))
    recall, adjusted = (float(np.mean((answers == part.actual)[mine])) for answers in (before, after))
    smooth = (recall * n + 1) / (n + 2)
    error = float(np.sqrt(smooth * (1 - smooth) / n))
    gain, spread = balanced_gain(before, after, part.actual)
    if usual - recall < max(LEAST_BEHIND, SURELY * error) or gain < LEAST_GAIN:
        return None
    found = np.flatnonzero(rare)
    return Suspicion(
        code=PAGE.code,
        place=named(found),
        evidence=f"{named(found)} have {shares[rare].sum() / shares.sum():.1%} of the training rows; of their {n} "
        f"{part.name} rows {recall:.0%} are found, of the other classes' {usual:.0%}. With the probabilities divided "
        f"by the classes' shares {adjusted:.0%} are found, and the balanced accuracy is {gain:+.3f} +- {spread:.3f}",
        numbers={
            "ratio": float(shares[rare].min() / shares.max()),
            "recall": recall,
            "recall_adjusted": adjusted,
            "balanced_accuracy_gain": gain,
            "error": spread,
        },
        certainty=0.6,
        severity="warning",
        fix={"class_weights": "balanced"},
        costs=f"about {gain:.3f} of balanced accuracy",
        advice='set class_weights to "balanced", or divide the probabilities by the classes\' shares',
    )


def unlooked(shares: np.ndarray, rare: np.ndarray) -> Suspicion:
    """What the rows alone say, before anything is trained."""
    worst = int(np.argmin(np.where(rare, shares, np.inf)))
    return Suspicion(
        code=PAGE.code,
        place=named(np.flatnonzero(rare)),
        evidence=f"class {worst} has {shares[worst] / shares.sum():.1%} of the training rows, {shares[worst]:g} "
        f"against {shares.max():g} of the largest: whether it is overlooked shows after training",
        numbers={"ratio": float(shares[worst] / shares.max())},
        certainty=0.3,
        severity="note",
        advice="judge by its recall or by balanced accuracy; class_weights=balanced lets every class count the same",
    )


def unjudged(classes: np.ndarray, shares: np.ndarray, counts: np.ndarray, name: str) -> Suspicion:
    """The suspicion where classes are so rare that nothing tells whether they are overlooked."""
    worst = int(classes[np.argmin(shares[classes])])
    return Suspicion(
        code=PAGE.code,
        place=named(classes),
        evidence=f"class {worst} has {shares[worst] / shares.sum():.1%} of the training rows and {counts[worst]} "
        f"{name} rows: whether it is overlooked does not show in any score",
        numbers={"ratio": float(shares[worst] / shares.max()), "rows": float(counts[worst])},
        certainty=0.7,
        severity="warning",
        costs="unknown: too few rows of it judge, a fix as well",
        advice="collect more of it, and judge by its recall",
    )


def named(classes: np.ndarray) -> str:
    return ", ".join(f"class {one}" for one in classes)


def class_probabilities(case: Case, data: Dataset) -> np.ndarray | None:
    """(rows, classes) by the finished network; yes or no as two classes."""
    found = case.on_valid if data is case.judged_on else case.on_train if data is case.train else case.evaluated(data)
    if found is None or not np.isfinite(found.predicted).all():
        return None
    p = np.asarray(found.predicted, np.float64)
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p


def recalls(answers: np.ndarray, actual: np.ndarray, counts: np.ndarray) -> np.ndarray:
    right = np.bincount(actual, answers == actual, minlength=len(counts))[: len(counts)]
    return np.asarray(right / np.maximum(counts, 1))


def balanced_gain(before: np.ndarray, after: np.ndarray, actual: np.ndarray) -> tuple[float, float]:
    """(gain in balanced accuracy, its standard error): the same rows judge both answers."""
    each = (after == actual).astype(np.float64) - (before == actual)
    groups = [each[actual == one] for one in np.unique(actual)]
    # of few rows that all agree the next may not
    errors = [max(np.var(group), 1 / (len(group) + 2)) / len(group) for group in groups]
    return float(np.mean([group.mean() for group in groups])), float(np.sqrt(np.sum(errors)) / len(groups))

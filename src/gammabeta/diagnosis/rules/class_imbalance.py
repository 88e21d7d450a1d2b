"""GB106: a rare class that the network overlooks."""

from collections.abc import Iterator

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import class_numbers
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB106",
    name="class imbalance that hurts",
    what="Some classes have far fewer rows than others, and the network overlooks them.",
    why="The loss counts rows, so that the answer that suits most rows wins wherever a rare class is not certain. The "
    "metric counts rows too, and looks well: with 1 row in 50, never naming the class costs 2 points of accuracy.",
    evidence="A class with less than a fifth of the rows of the largest one, whose recall is below half of the other "
    "classes' median recall; and dividing the predicted probabilities by the classes' shares (logit adjustment, "
    "no training) raises the balanced accuracy by at least 3 points and 2 standard errors.",
    do="class_weights=balanced, which lets every class count the same; or divide the probabilities by the classes' "
    "shares where a decision is made; collect more of the rare class. Judge by balanced accuracy or recall.",
    ignore="When a mistake costs the same in every class, so that the most probable class is the right answer.",
    sources="Menon 2021 (logit adjustment); Buda 2018.",
)

RATIO = 0.2
LEAST_GAIN = 0.03
LEAST_ROWS = 5


def rule(case: Case) -> Iterator[Suspicion]:
    y = class_numbers(case, case.train)
    judging = case.judged_on
    actual = class_numbers(case, judging)
    if y is None or actual is None or not case.trained or case.plan.class_weights is not None:
        return
    probabilities = class_probabilities(case, judging)
    if probabilities is None:
        return
    classes = probabilities.shape[1]
    shares = np.bincount(y, np.asarray(case.train.weights, np.float64), minlength=classes)[:classes]
    counts = np.bincount(actual, minlength=classes)[:classes]
    rare = (shares > 0) & (shares < RATIO * shares.max()) & (counts >= LEAST_ROWS)
    if not rare.any() or not (counts[~rare] >= LEAST_ROWS).any():
        return
    before = np.argmax(probabilities, axis=1)
    after = np.argmax(probabilities / np.maximum(shares / shares.sum(), 1e-9), axis=1)
    recall, adjusted = recalls(before, actual, counts), recalls(after, actual, counts)
    usual = float(np.median(recall[~rare & (counts >= LEAST_ROWS)]))
    overlooked = np.flatnonzero(rare & (recall < 0.5 * usual))
    if not len(overlooked):
        return
    gain, error = balanced_gain(before, after, actual)
    if gain < LEAST_GAIN or gain < 2 * error:
        return
    worst = int(overlooked[np.argmin(recall[overlooked])])
    yield Suspicion(
        code=PAGE.code,
        place=", ".join(f"class {one}" for one in overlooked),
        evidence=f"class {worst} has {shares[worst] / shares.sum():.1%} of the training rows; of its {counts[worst]} "
        f"rows that judge {recall[worst]:.0%} are found, of the other classes' {usual:.0%}. With the probabilities "
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


def class_probabilities(case: Case, data: Dataset) -> np.ndarray | None:
    """(rows, classes) by the finished network; yes or no as two classes."""
    found = case.on_valid if data is case.judged_on else case.evaluated(data)
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
    errors = [(np.var(group) + 1 / len(group)) / len(group) for group in groups]
    return float(np.mean([group.mean() for group in groups])), float(np.sqrt(np.sum(errors)) / len(groups))

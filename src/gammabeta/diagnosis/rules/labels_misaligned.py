"""GB108: targets that have nothing to do with their rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.references import cleaned, few, models
from gammabeta.diagnosis.rows import class_numbers, numbers, once, some
from gammabeta.diagnosis.suspicion import Suspicion

THOROUGH = True

PAGE = Page(
    code="GB108",
    name="labels do not belong to their rows",
    what="The targets have nothing to do with the inputs of their rows: the two were joined wrongly, or the inputs say "
    "nothing about the target.",
    why="A network can only learn what is there. On targets in another order it learns the most frequent answer, and "
    "then each training row by heart.",
    evidence="A linear model, neighbors and trees learn from one part of the rows; the best of them, and the network, "
    "are compared with what they would score on another part if its targets were shuffled (200 permutations). A"
    " finding where they are no better than that (p > 0.05, or p > 0.01 where one half of the training rows "
    "says nothing of the other), with at least 60 rows to judge and 15 on each side that are not of the most "
    "frequent class. Either side by itself, half against half, tells which of them is out of order.",
    do="Look at ten rows and their targets by eye. Sorting, filtering or shuffling of the inputs alone, a join without "
    "a key, or an index that was reset are the usual causes: join again by a key, and shuffle both with one "
    "permutation. If the rows are right, the inputs do not hold the answer: collect others.",
    ignore="When it is known that there is nothing to be predicted.",
    sources="Ojala & Garriga 2010 (permutation tests for classifiers).",
)

LEAST_ROWS, LEAST_JUDGING, LEAST_RARER = 100, 60, 15
PERMUTATIONS = 200
SURELY_RELATED = 0.01
MOST_ROWS = 2_000


def rule(case: Case) -> Iterator[Suspicion]:
    train, judging = case.train, case.judged_on
    if class_numbers(case, train) is None and numbers(case, train) is None:
        return
    few = train.rows < LEAST_ROWS or judging.rows < LEAST_JUDGING or min(map(rarer, (train, judging))) < LEAST_RARER
    if judging is train or few:
        return
    # a skill of many times its chance is no matter of permutations
    if case.skill(case.references.best) > 6 / np.sqrt(judging.rows):
        return
    between = once(case, "permuted targets", lambda: p_value(case, train, judging, case.trained))
    if between <= SURELY_RELATED:
        return
    half = np.random.default_rng(4).permutation(train.rows)
    within = p_value(case, train.take(half[::2]), train.take(half[1::2]), False)
    # one shuffle in twenty looks related by chance: training rows must agree that they are
    if between <= 0.05 and within <= 0.05:
        return
    half = np.random.default_rng(4).permutation(judging.rows)
    there = p_value(case, judging.take(half[::2]), judging.take(half[1::2]), False)
    if within <= 0.05 and there <= 0.05:
        return  # both sides are in order by themselves: they differ from each other
    which = (
        "training and validation" if within > 0.05 and there > 0.05 else "training" if within > 0.05 else "validation"
    )
    if which == "validation" and case.train.rows < 2 * LEAST_ROWS:
        return
    yield Suspicion(
        code=PAGE.code,
        place=f"targets of the {which} rows",
        evidence="the best of a linear model, neighbors and trees"
        + (" and the network" if case.trained else "")
        + f" is no better on the validation rows than on shuffled targets (p = {between:.2f}, {PERMUTATIONS} "
        f"permutations); within the training rows p = {within:.2f}, within the validation rows p = {there:.2f}. Either "
        "rows and targets were joined wrongly, or the inputs say nothing about the target",
        numbers={"p": between, "p_training": within, "p_validation": there, "rows": judging.rows},
        certainty=0.9,
        severity="error",
        costs="all that could be learned",
        advice=f"compare some {which} rows with their targets by eye, and join them again by a key",
    )


def rarer(data: Dataset) -> int:
    """How many rows have another target than the most frequent one: too few of them show nothing."""
    _, counts = np.unique(np.asarray(data.y), axis=0, return_counts=True)
    return int(counts.sum() - counts.max())


def p_value(case: Case, train: Dataset, judging: Dataset, with_network: bool) -> float:
    """Share of permutations of the judging targets on which the best of all does as well as on the real ones."""
    train, judging = some(train, MOST_ROWS), some(judging, MOST_ROWS)
    predicted = predictions(case, train, judging)
    if with_network and (found := case.evaluated(judging)) is not None and np.isfinite(found.predicted).all():
        predicted.append(np.asarray(found.predicted, np.float64))
    if not predicted or len({p.shape[1] for p in predicted}) > 1:
        return 0.0
    random = np.random.default_rng(5)
    real = best(case, predicted, judging, None)
    if not np.isfinite(real):
        return 0.0
    shuffled = [best(case, predicted, judging, random.permutation(judging.rows)) for _ in range(PERMUTATIONS)]
    return float((1 + np.sum(np.array(shuffled) >= real)) / (1 + PERMUTATIONS))


def best(case: Case, predicted: list[np.ndarray], data: Dataset, order: np.ndarray | None) -> float:
    """The largest correlation of predictions with targets, over several predictors; of classes the mean of each."""
    y = targets(case, data, max(p.shape[1] for p in predicted))
    y = y if order is None else y[order]
    y = y - y.mean(axis=0)
    found = []
    for p in predicted:
        moved = p - p.mean(axis=0)
        size = np.sqrt(np.sum(moved**2, axis=0) * np.sum(y**2, axis=0))
        found.append(float(np.mean(np.sum(moved * y, axis=0) / np.maximum(size, 1e-30))))
    return max(found)


def targets(case: Case, data: Dataset, width: int) -> np.ndarray:
    """Targets as predictions are: of classes one column for each."""
    y = np.asarray(data.y)
    return np.eye(width)[y] if y.ndim == 1 else y.astype(np.float64)


def predictions(case: Case, train: Dataset, judging: Dataset) -> list[np.ndarray]:
    """What others, learned from ``train``, answer for ``judging``: probabilities, or numbers, (rows, outputs)."""
    x, x_new = cleaned(few(train), few(judging))
    y: Any = np.asarray(train.y)
    new: Any = judging.y
    width = int(max(y.max(), np.max(new))) + 1 if y.ndim == 1 else y.shape[1]
    found = []
    for model in models(case.plan.loss, y).values():
        try:
            model.fit(x, y if y.ndim == 1 or y.shape[1] > 1 else y[:, 0])
        except ValueError:  # a single class among the rows, or the like
            continue
        answer = np.zeros((len(x_new), width))
        if not hasattr(model, "predict_proba"):
            answer[:] = np.asarray(model.predict(x_new)).reshape(len(x_new), -1)
        elif y.ndim == 1:
            answer[:, model.classes_.astype(int)] = model.predict_proba(x_new)
        else:
            answer[:, 0] = model.predict_proba(x_new)[:, -1]
        found.append(answer)
    return found

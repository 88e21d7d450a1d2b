"""One trial: a plan trained and measured, on one split or on several folds."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from gammabeta.data import Dataset, Schema
from gammabeta.errors import GammabetaError
from gammabeta.model import suited
from gammabeta.nn import ClassLoss, LabelLoss
from gammabeta.nn.losses.class_weight import ClassWeights
from gammabeta.plan import Plan
from gammabeta.serial import lift, to_json
from gammabeta.train import Epoch, fit
from gammabeta.train.batches import batch_width
from gammabeta.train.counted import counted
from gammabeta.train.evaluate import evaluate
from gammabeta.train.fit import met, subset
from gammabeta.train.step import program_of

FEW_ROWS, VERY_FEW_ROWS = 1_000, 300
"""Training rows below which a single split says too little: 3 folds, or 5."""

RUNGS = (8, 4, 2)
"""A trial is compared with the others after 1/8, 1/4 and 1/2 of its epochs, and goes on among the better half."""

FOLDS = 4
Ended = Literal["done", "pruned", "diverged", "impossible", "stopped"]
Hear = Callable[[int, float], bool]
"""Hears of a rung (epoch, best value so far); whether the trial is to end."""


@dataclass(frozen=True)
class Problem:
    """What every trial trains on.

    schema, train, valid: as for model.learn; folds: how many times the rows that are not for testing are split, 1 for
        the split that is there
    common: whether trials have losses that cannot be compared, so that all are measured by one: the log loss, or the
        squared error of numbers, with rows counted by ``class_weights``, those of the plan that trials come from
    """

    schema: Schema
    train: Dataset
    valid: Dataset | None
    folds: int
    common: bool
    class_weights: ClassWeights | Sequence[ClassWeights] | None = None

    def splits(self, seed: int, folds: int | None = None) -> list[tuple[Dataset, Dataset]]:
        """(training rows, validation rows) of every fold; drawn anew for every seed."""
        folds = self.folds if folds is None else folds
        if folds == 1 and self.valid is not None:
            return [(self.train, self.valid)]
        whole = self.train if self.valid is None else joined(self.train, self.valid)
        numbers = fold_numbers(whole, folds, seed)
        return [(whole.take(numbers != fold), whole.take(numbers == fold)) for fold in range(folds)]


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    value: the validation loss of what fit would keep, mean over folds; NaN where there is none
    metric, score: the headline metric of the same epochs, by its name
    epochs, seconds: of all folds together; program: the compiled program, by a digest
    epoch_seconds: that one epoch takes once everything is compiled, NaN where none but the first is known
    """

    ended: Ended
    value: float = float("nan")
    metric: str = ""
    score: float = float("nan")
    epochs: int = 0
    seconds: float = 0.0
    program: str = ""
    why: str = ""
    epoch_seconds: float = float("nan")

    def to_json(self) -> dict[str, Any]:
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Outcome":
        names = ("value", "score", "epoch_seconds")
        numbers = {name: float("nan") if body.get(name) is None else body[name] for name in names}
        return cls(**{**{name: body[name] for name in cls.__dataclass_fields__ if name not in names}, **numbers})


def folds_for(train: Dataset, valid: Dataset | None) -> int:
    """How many folds a trial has."""
    if train.rows >= FEW_ROWS:
        return 1 if valid is not None else 3
    return 3 if train.rows >= VERY_FEW_ROWS else 5


def joined(first: Dataset, second: Dataset) -> Dataset:
    """The rows of both."""
    assert first.y is not None
    assert second.y is not None
    x, y, weights = (
        np.concatenate([getattr(part, name) for part in (first, second)]) for name in ("x", "y", "weights")
    )
    return replace(first, x=x, y=y, weights=weights, kept=np.arange(first.rows + second.rows))


def fold_numbers(data: Dataset, folds: int, seed: int) -> np.ndarray:
    """The fold of every row, (rows,); every class is spread evenly over the folds."""
    random = np.random.default_rng([seed, FOLDS])
    y = np.asarray(data.y)
    classes = y if y.ndim == 1 else y[:, 0] if np.isin(y, (0, 1)).all() else np.zeros(data.rows)
    order = np.lexsort((random.random(data.rows), classes))
    numbers = np.empty(data.rows, np.int64)
    numbers[order] = np.arange(data.rows) % folds
    return numbers


def trained(
    problem: Problem,
    plan: Plan,
    hear: Hear = lambda epoch, value: False,
    should_stop: Callable[[], bool] = lambda: False,
    folds: int | None = None,
) -> Outcome:
    """The outcome of a plan; it is heard at the rungs of its first fold."""
    began = time.perf_counter()
    values: list[float] = []
    scores: list[float] = []
    epochs = 0
    paces: list[float] = []
    metric, program = "", ""

    def ended(how: Ended, why: str = "") -> Outcome:
        whole = how == "done"
        value = float(np.mean(values)) if values and (whole or how == "pruned") else float("nan")
        score = float(np.mean(scores)) if values and (whole or how == "pruned") else float("nan")
        pace = round(float(np.median(paces)), 6) if paces else float("nan")
        return Outcome(how, value, metric, score, epochs, round(time.perf_counter() - began, 3), program, why, pace)

    try:
        whole = suited(plan, problem.schema)
        program = program_digest(whole, problem.train)
        rungs = {max(1, -(-plan.epochs // part)) for part in RUNGS} - {plan.epochs}
        for number, (train, valid) in enumerate(problem.splits(plan.seed, folds)):
            best: tuple[float, float] | None = None
            last: Epoch | None = None
            for epoch in fit(whole, train, valid, probe=None, should_stop=should_stop):
                # the first one of a fold may compile, one that was stopped is not whole
                paces += [epoch.seconds] if epoch.number > 1 and epoch.ended not in ("stopped", "time limit") else []
                epochs, last = epochs + 1, epoch
                metric = next(name for name in epoch.valid if name != "loss")
                if epoch.best:
                    best = (value_of(problem, whole, train, valid, epoch), epoch.valid[metric])
                at_rung = number == 0 and epoch.number in rungs and not epoch.ended
                if at_rung and best is not None and hear(epoch.number, best[0]):
                    values, scores = [best[0]], [best[1]]
                    return ended("pruned")
            if should_stop():
                return ended("stopped")
            if best is None or last is None or not np.isfinite(best[0]):
                return ended("diverged")
            values.append(best[0])
            scores.append(best[1])
    except GammabetaError as error:
        return ended("impossible", str(error))
    return ended("done")


def value_of(problem: Problem, plan: Plan, train: Dataset, valid: Dataset, epoch: Epoch) -> float:
    """The validation loss by which trials are compared."""
    if not problem.common:
        return float(epoch.valid["loss"])
    ready = met(plan, train)
    watched = subset(counted(ready.replace(class_weights=problem.class_weights), valid, train), plan.seed)
    found = evaluate(program_of(ready), epoch.state.params, epoch.state.stats, watched)
    return common_loss(ready, found.predicted, watched)


def common_loss(plan: Plan, predicted: np.ndarray, data: Dataset) -> float:
    """Log loss of probabilities, squared error of numbers, as the network sees them: weighted means.

    Equal to softmax_cross_entropy and sigmoid_cross_entropy without smoothing, and to squared_error.
    """
    return float(np.average(row_losses(plan, predicted, data), weights=data.weights))


def row_losses(plan: Plan, predicted: np.ndarray, data: Dataset) -> np.ndarray:
    """The same loss of every row, float64 (rows,)."""
    assert data.y is not None
    p, y = predicted.astype(np.float64), np.asarray(data.y)
    least = float(np.finfo(np.float32).tiny)
    if isinstance(plan.loss, ClassLoss):
        return np.asarray(-np.log(np.maximum(p[np.arange(len(y)), y], least)))
    if isinstance(plan.loss, LabelLoss):
        return np.asarray(
            -np.mean(y * np.log(np.maximum(p, least)) + (1 - y) * np.log(np.maximum(1 - p, least)), axis=1)
        )
    return np.asarray(np.mean((p - y) ** 2, axis=1))


def program_digest(plan: Plan, train: Dataset) -> str:
    """Equal for plans that share a compiled training step on these rows."""
    skeleton, _ = lift(program_of(plan))
    shape = [batch_width(train.rows, plan.batch_size), *train.input_shape]
    return hashlib.sha256(json.dumps([to_json(skeleton), shape]).encode()).hexdigest()[:12]

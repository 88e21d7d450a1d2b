"""How good predictions are."""

from collections.abc import Callable, Mapping

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.nn import ClassLoss, LabelLoss, Loss

LOWER_IS_BETTER = ("loss", "hamming_loss", "log_loss", "rmse", "mae")

LEAST = 1e-300
"""Stands for a sum of weights, or a variance, of 0 where it divides."""


def headline(loss: Loss, predicted: np.ndarray, data: Dataset) -> tuple[str, float]:
    """The one number of a task that is always watched while training, and its name.

    "accuracy" for classes, "hamming_loss" for several labels, "r2" for numbers; weighted, in [0, 1], r2 at most 1.
    """
    name = headline_name(loss, predicted.shape[1])
    return name, measure(name, loss, predicted, data)


def headline_name(loss: Loss, outputs: int) -> str:
    """The name of the headline metric."""
    return HEADLINES[task_of(loss, outputs)]


def task_of(loss: Loss, outputs: int) -> str:
    """The task that a loss and its number of target columns pose."""
    if isinstance(loss, ClassLoss):
        return "multiclass"
    if isinstance(loss, LabelLoss):
        return "binary" if outputs == 1 else "multilabel"
    return "regression"


def measure(name: str, loss: Loss, predicted: np.ndarray, data: Dataset) -> float:
    """One metric of the task by its name, weighted; numbers in the unit in which the network sees them."""
    of = METRICS[task_of(loss, predicted.shape[1])][name]
    return of(predicted.astype(np.float64), np.asarray(data.y), data.weights.astype(np.float64))


def better(name: str, new: float, old: float) -> bool:
    """Whether ``new`` improves on ``old``; a number improves on NaN, NaN on nothing."""
    if np.isnan(new):
        return False
    return bool(np.isnan(old)) or (new < old if name in LOWER_IS_BETTER else new > old)


def scores(task: str, predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> Mapping[str, float]:
    """The final metrics of a task, each equal to scikit-learn's.

    predicted: binary (n, 1), multiclass (n, C), multilabel (n, k) probabilities; regression (n, k) in the target's
    own units. actual: (n,) class numbers for multiclass, else (n, k). weights: (n,).

    binary: accuracy, balanced_accuracy, log_loss, roc_auc, f1; multiclass: the first three; multilabel: hamming_loss,
    f1_micro, log_loss; regression: rmse, mae, r2. What is undefined (one class among the rows) is left out.
    """
    of = (predicted.astype(np.float64), actual, weights.astype(np.float64))
    return {name: metric(*of) for name, metric in METRICS[task].items() if not undefined(name, actual, weights)}


def undefined(name: str, actual: np.ndarray, weights: np.ndarray) -> str:
    """Why a metric says nothing on rows with these targets; "" where it says something."""
    if name not in ("roc_auc", "r2"):
        return ""
    counting = actual[weights > 0]
    if name == "roc_auc":
        counting = counting >= 0.5
    if len(counting) and np.all(counting.max(axis=0) > counting.min(axis=0)):
        return ""
    return "all are of one class" if name == "roc_auc" else "a target is the same in all of them"


def mean(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted mean of a number per row."""
    return float(np.sum(weights * values) / max(float(np.sum(weights)), LEAST))


def by_class(predicted: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(chances (n, classes), class numbers (n,)): yes or no as two classes."""
    if predicted.shape[1] > 1 or actual.ndim == 1:
        return predicted, actual
    return np.concatenate([1 - predicted, predicted], axis=1), (actual[:, 0] >= 0.5).astype(np.int32)


def right(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Whether the answer of each row is right, (n,): yes from a chance of 0.5 on, or the largest chance."""
    if predicted.shape[1] == 1 and actual.ndim == 2:
        return np.asarray((predicted >= 0.5) == (actual >= 0.5))[:, 0]
    return np.asarray(np.argmax(predicted, axis=1) == actual)


def accuracy(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Share of right answers."""
    return mean(right(predicted, actual), weights)


def balanced_accuracy(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Mean recall of the classes that are there."""
    found, (_, classes) = right(predicted, actual), by_class(predicted, actual)
    rows = [classes == label for label in np.unique(classes[weights > 0])]
    return float(np.mean([mean(found[own], weights[own]) for own in rows]))


def log_loss(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Mean of -log of the chance of what is true, cut at float32's epsilon; of several labels their mean."""
    if actual.ndim == 2 and actual.shape[1] > 1:
        sure = np.where(actual >= 0.5, predicted, 1 - predicted)
    else:
        chances, classes = by_class(predicted, actual)
        sure = chances[np.arange(len(classes)), classes][:, None]
    return mean(-np.mean(np.log(np.clip(sure, np.finfo(np.float32).eps, 1.0)), axis=1), weights)


def roc_auc(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """The chance that a row of the second class has the larger probability of two rows of different classes."""
    from sklearn.metrics import roc_auc_score

    if not np.isfinite(predicted).all():
        return float("nan")
    return float(roc_auc_score(actual[:, 0] >= 0.5, predicted[:, 0], sample_weight=weights))


def f1(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) over all labels together, of one label of its yes; 0 where nothing is or is said."""
    yes, answers = actual >= 0.5, predicted >= 0.5
    hits, either = (np.sum(weights @ each) for each in (yes & answers, yes.astype(float) + answers))
    return float(2 * hits / max(float(either), LEAST))


def hamming_loss(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Share of wrong labels."""
    return mean(np.mean((predicted >= 0.5) != (actual >= 0.5), axis=1), weights)


def rmse(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(mean(np.mean((predicted - actual) ** 2, axis=1), weights)))


def mae(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """Mean absolute error."""
    return mean(np.mean(np.abs(predicted - actual), axis=1), weights)


def r2(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float:
    """1 - squared error / squared distance from the mean, the mean over targets."""
    shares = weights / max(float(np.sum(weights)), LEAST)
    error, spread = shares @ (predicted - actual) ** 2, shares @ (actual - shares @ actual) ** 2
    return float(np.mean(1 - error / np.maximum(spread, LEAST)))


Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
"""From predicted, actual and weights as :func:`scores` takes them, in float64."""

OF_CLASSES: dict[str, Metric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "log_loss": log_loss,
}

METRICS: dict[str, dict[str, Metric]] = {
    "binary": {**OF_CLASSES, "roc_auc": roc_auc, "f1": f1},
    "multiclass": OF_CLASSES,
    "multilabel": {"hamming_loss": hamming_loss, "f1_micro": f1, "log_loss": log_loss},
    "regression": {"rmse": rmse, "mae": mae, "r2": r2},
}
"""Every metric of every task, by its name."""

HEADLINES = {"binary": "accuracy", "multiclass": "accuracy", "multilabel": "hamming_loss", "regression": "r2"}

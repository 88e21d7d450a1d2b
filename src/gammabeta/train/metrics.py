"""How good predictions are."""

from collections.abc import Mapping

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.nn import ClassLoss, LabelLoss, Loss

LOWER_IS_BETTER = ("loss", "hamming_loss")


def headline(loss: Loss, predicted: np.ndarray, data: Dataset) -> tuple[str, float]:
    """The one number of a task that is watched while training, and its name.

    "accuracy" for classes, "hamming_loss" for several labels, "r2" for numbers; weighted, in [0, 1], r2 at most 1.
    """
    assert data.y is not None
    weights = data.weights.astype(np.float64) / max(float(np.sum(data.weights)), 1e-300)
    name = headline_name(loss, predicted.shape[1])
    if name == "r2":
        error = weights @ (predicted.astype(np.float64) - data.y) ** 2
        spread = weights @ (data.y - weights @ data.y) ** 2
        return name, float(np.mean(1 - error / np.maximum(spread, 1e-300)))
    if data.y.ndim == 1:
        return name, float(np.sum(weights * (np.argmax(predicted, axis=1) == data.y)))
    right = float(np.sum(weights * np.mean((predicted >= 0.5) == (data.y >= 0.5), axis=1)))
    return name, 1 - right if name == "hamming_loss" else right


def headline_name(loss: Loss, outputs: int) -> str:
    """The name of the headline metric."""
    if isinstance(loss, ClassLoss):
        return "accuracy"
    if isinstance(loss, LabelLoss):
        return "accuracy" if outputs == 1 else "hamming_loss"
    return "r2"


def better(name: str, new: float, old: float) -> bool:
    """Whether ``new`` improves on ``old``; a number improves on NaN, NaN on nothing."""
    if np.isnan(new):
        return False
    return bool(np.isnan(old)) or (new < old if name in LOWER_IS_BETTER else new > old)


def scores(task: str, predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> Mapping[str, float]:
    """The final metrics of a task, by scikit-learn.

    predicted: binary (n, 1), multiclass (n, C), multilabel (n, k) probabilities; regression (n, k) in the target's
    own units. actual: (n,) class numbers for multiclass, else (n, k). weights: (n,).

    binary: accuracy, balanced_accuracy, log_loss, roc_auc; multiclass: the first three; multilabel: hamming_loss,
    f1_micro, log_loss; regression: rmse, mae, r2. What is undefined (one class among the rows) is left out.
    """
    return SCORES[task](predicted.astype(np.float64), actual, weights.astype(np.float64))


def binary_scores(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    yes = actual[:, 0] >= 0.5
    found = class_scores(np.concatenate([1 - predicted, predicted], axis=1), yes.astype(np.int32), weights)
    if yes.any() and not yes.all():
        found["roc_auc"] = float(metrics.roc_auc_score(yes, predicted[:, 0], sample_weight=weights))
    return found


def class_scores(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    answers = np.argmax(predicted, axis=1)
    total = np.sum(weights)
    of_actual = np.clip(predicted[np.arange(len(actual)), actual], np.finfo(np.float32).eps, 1.0)
    recalls = [
        np.sum(weights[actual == label] * (answers[actual == label] == label)) / np.sum(weights[actual == label])
        for label in np.unique(actual)
        if np.sum(weights[actual == label]) > 0
    ]
    return {
        "accuracy": float(np.sum(weights * (answers == actual)) / total),
        "balanced_accuracy": float(np.mean(recalls)),
        "log_loss": float(-np.sum(weights * np.log(of_actual)) / total),
    }


def label_scores(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    yes, answers = actual >= 0.5, predicted >= 0.5
    sure = np.clip(np.where(yes, predicted, 1 - predicted), np.finfo(np.float32).eps, 1.0)
    return {
        "hamming_loss": float(np.average(np.mean(yes != answers, axis=1), weights=weights)),
        "f1_micro": float(metrics.f1_score(yes, answers, average="micro", sample_weight=weights, zero_division=0.0)),
        "log_loss": float(np.average(-np.mean(np.log(sure), axis=1), weights=weights)),
    }


def number_scores(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    error = np.average((predicted - actual) ** 2, axis=0, weights=weights)
    spread = np.average((actual - np.average(actual, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    found = {
        "rmse": float(np.sqrt(np.mean(error))),
        "mae": float(np.mean(np.average(np.abs(predicted - actual), axis=0, weights=weights))),
    }
    if np.all(spread > 0):
        found["r2"] = float(np.mean(1 - error / spread))
    return found


SCORES = {
    "binary": binary_scores,
    "multiclass": class_scores,
    "multilabel": label_scores,
    "regression": number_scores,
}

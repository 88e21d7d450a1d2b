"""How much each row counts in a run: by its own weight, and by its class as the plan weighs it."""

from dataclasses import replace

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.errors import DataError
from gammabeta.nn import class_weights
from gammabeta.plan import Plan


def counted(plan: Plan, data: Dataset, train: Dataset | None = None) -> Dataset:
    """The rows at the weights that they have in a run of ``plan``: in loss, metrics and batch-norm statistics.

    data: rows at their own weights; train: the training rows at theirs, None where ``data`` are these

    weight = own weight * class weight / mean of that product over the training rows

    What a class weighs is learned from the training rows and holds for validation rows too: measured on the same rows,
    training and validation numbers are the same, and the best epoch is the best at what was trained. The mean of 1 lets
    the rows of a batch count as rows do.

    Raises PlanError for a class that is not there, DataError where no training row counts.
    """
    train = data if train is None else train
    own = weighted(plan, train, train)
    mean = float(np.mean(own))
    if mean == 0:
        raise DataError("fit: every row has weight 0, expected at least one that counts; leave out sample_weight.")
    if plan.class_weights is None and mean == 1:
        return data
    weights = own if data is train else weighted(plan, data, train)
    return replace(data, weights=(weights / mean).astype(np.float32))


def weighted(plan: Plan, data: Dataset, train: Dataset) -> np.ndarray:
    """float64 (rows,): own weight * class weight."""
    weights: np.ndarray = np.asarray(data.weights, np.float64)
    if plan.class_weights is not None and data.y is not None:
        known = {"weights": train.weights, "classes": train.classes or None}
        weights = weights * class_weights(train.y, plan.class_weights, of=data.y, **known)
    return weights

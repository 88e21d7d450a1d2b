"""Weights of rows by their class, for classes of unequal size or cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gammabeta.errors import PlanError, nearest
from gammabeta.types import Array

ClassWeights = str | Mapping[Any, float]
"""The text is "balanced", or refused."""


def class_weights(
    targets: Array,
    given: ClassWeights | Sequence[ClassWeights],
    *,
    weights: Array | None = None,
    classes: Sequence[Any] | None = None,
    of: Array | None = None,
) -> np.ndarray:
    """How much each row counts by its class, float64 (rows,): to be multiplied with the rows' own weights.

    targets: (rows,) class numbers, or (rows, labels) of 0 and 1; of several labels the weights are multiplied
    given: "balanced": n / (classes * n_c), n_c the rows of class c, so that all classes weigh the same together and
        the mean weight is 1; or class -> weight >= 0, 1 for a class that is not named. Of several labels "balanced",
        or one of these for each
    weights: (rows,), how much each row counts in n and n_c; None counts every row once
    classes: what the class numbers stand for, as given names them or as text; None: the numbers themselves
    of: the targets of other rows, to be weighted as ``targets`` say; None: these

    As sklearn.utils.compute_sample_weight, which knows no weights of rows. Raises PlanError for an unknown class or a
    weight that is negative or not finite.
    """
    columns = codes_of(targets)
    others = columns if of is None else codes_of(of)
    w = np.ones(len(columns[0])) if weights is None else np.asarray(weights, np.float64)
    several = [given] * len(columns) if isinstance(given, str) or len(columns) == 1 else given
    if isinstance(several, Mapping) or len(several) != len(columns):
        raise PlanError(
            f'class_weights: found {given!r} for {len(columns)} labels, expected "balanced" or one for each.'
        )
    result = np.ones(len(others[0]))
    for column, other, of_column in zip(columns, others, several, strict=True):
        factors = class_factors(column, of_column, w, classes)
        known = other < len(factors)
        result *= np.where(known, factors[np.where(known, other, 0)], 1.0)
    return result


def codes_of(targets: Array) -> list[np.ndarray]:
    """Columns of class numbers, int64 (rows,)."""
    y = np.asarray(targets)
    return [column.astype(np.int64) for column in ([y] if y.ndim == 1 else y.T >= 0.5)]


def class_factors(codes: np.ndarray, given: Any, weights: np.ndarray, classes: Sequence[Any] | None) -> np.ndarray:
    """The factor of every class, from one column of class numbers."""
    if isinstance(given, str):
        if given != "balanced":
            raise PlanError(f'class_weights: "{given}" is not known, expected "balanced" or a mapping class -> weight.')
        counted = np.bincount(codes, weights)
        present = counted > 0
        return np.where(present, counted.sum() / (max(int(present.sum()), 1) * np.where(present, counted, 1)), 1.0)
    names = list(classes) if classes is not None else list(range(int(codes.max(initial=1)) + 1))
    factors = np.ones(len(names))
    texts = {str(name): number for number, name in enumerate(names)}
    for name, weight in given.items():
        # 1 names the class 1.0, and True too
        number = names.index(name) if name in names else texts.get(str(name))
        if number is None:
            raise PlanError(f'class_weights: there is no class "{name}"; {nearest(str(name), texts)}')
        if not np.isfinite(weight) or weight < 0:
            raise PlanError(f'class_weights: the weight {weight} of class "{name}" is outside its range [0, inf).')
        factors[number] = weight
    return factors

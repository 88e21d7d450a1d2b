"""What a scikit-learn user calls y, as target columns."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from gammabeta.data import ClassTarget, Task
from gammabeta.errors import DataError
from gammabeta.types import Array


class Labels(NamedTuple):
    """Labels as a network is taught them.

    codes: int64 (rows,), the class's place in ``classes``; multilabel: (rows, labels) of 0 and 1
    classes: as NumPy sorts them; multilabel: the places of the labels, 0, 1, ...
    """

    task: Task
    codes: Array
    classes: Array


def checked_labels(y: Any) -> Array:
    """y as an array (rows,) of classes, or (rows, labels) of 0 and 1.

    Raises ValueError where it holds no classes, missing values, or several columns of more than two classes.
    """
    y = y.toarray() if hasattr(y, "toarray") else y
    assert_all_finite(np.asarray(y), input_name="y")
    kind = type_of_target(y, input_name="y")
    if kind == "unknown":
        raise DataError(
            "y: Unknown label type: found missing values or several types, expected classes of one type; leave "
            "out rows without a class, or convert the others, as with y.astype(str)."
        )
    check_classification_targets(y)
    if kind.endswith("multioutput"):
        raise DataError(
            f"y: found {np.shape(y)[1]} columns of more than two classes, expected one column of classes or "
            f"several of 0 and 1; fit one classifier per column."
        )
    if kind == "multilabel-indicator":
        return np.asarray(y)
    return column_or_1d(y, warn=True)


def encoded_labels(y: Array) -> Labels:
    """Classes by number. Raises DataError where there is only one."""
    if y.ndim == 2:
        return Labels("multilabel", (y != 0).astype(np.int64), np.arange(y.shape[1]))
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"y: found only one class, {classes.tolist()[0]!r}, among the rows of positive weight, expected "
            f"two classes or more; add rows of another class."
        )
    return Labels("binary" if len(classes) == 2 else "multiclass", codes.astype(np.int64), classes)


def named_classes(classes: Array) -> tuple[bool | int | float | str, ...]:
    """The user's classes as schema and plan name them; what JSON does not know becomes text."""
    labels = classes.tolist()
    kinds = {type(label) for label in labels}
    plain = len(kinds) == 1 and kinds <= {bool, int, float, str}
    return ClassTarget("", tuple(labels if plain else map(str, labels))).classes


def checked_numbers(y: Any) -> Array:
    """y as float64 (rows,), or (rows, targets) where there are several. Raises ValueError unless finite."""
    numbers = check_array(y, ensure_2d=False, dtype=np.float64, ensure_min_samples=0, input_name="y")
    return numbers if numbers.ndim == 2 and numbers.shape[1] > 1 else column_or_1d(numbers, warn=True)


def column_names(y: Any, count: int, taken: Iterable[str]) -> tuple[str, ...]:
    """Names for the columns of y: its own where it has such, else y or y0, y1, ...; none of those taken."""
    own = list(getattr(y, "columns", [getattr(y, "name", None)]))
    if len(own) != count or not all(isinstance(name, str) and name for name in own) or len(set(own)) < count:
        own = ["y"] if count == 1 else [f"y{place}" for place in range(count)]
    reserved = set(taken)
    while reserved & set(own):
        own = [f"{name}_" for name in own]
    return tuple(own)

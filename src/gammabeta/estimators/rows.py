"""What a scikit-learn user calls X, as a table of named columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from gammabeta.data import Table, as_data
from gammabeta.errors import DataError
from gammabeta.types import Array

LEAST_TO_FIT = 2
"""Rows: one alone has neither spread nor a second class."""


def checked_rows(estimator: Any, X: Any, *, fitting: bool) -> Table:
    """X (rows, features) as a table, checked as scikit-learn wants it.

    X: a pandas, polars or pyarrow table, which keeps its names and types; or an array, whose columns become
        x0, x1, ...: of numbers, of texts, or of objects. NaN is a missing value everywhere.
    fitting: whether the estimator learns names and number of features from X, or compares them
    Raises ValueError where X is not two-dimensional, has too few rows, other features than at fit, or, in an
    array, infinite values; TypeError where it is sparse.
    """
    least = LEAST_TO_FIT if fitting else 1
    if is_table(X):
        data = as_data(X, "X")
        validate_data(estimator, X, skip_check_array=True, reset=fitting)
    else:
        array = validate_data(
            estimator,
            X,
            dtype=None,
            ensure_all_finite="allow-nan",
            ensure_min_samples=least,
            reset=fitting,
        )
        data = as_data(as_arrow_knows(array), "X")
    if not isinstance(data, Table):
        raise DataError("X: found a column of images, expected numbers, texts, truth values and dates only.")
    if data.rows < least:
        raise DataError(f"X: found {data.rows} sample(s), expected {least} or more; give more rows.")
    return data


def is_table(X: Any) -> bool:
    """Whether X has named columns: pandas, polars and pyarrow tables do."""
    return hasattr(X, "columns") and len(getattr(X, "shape", ())) == 2


def as_arrow_knows(array: Array) -> Array:
    """Floats that Arrow does not compute with (half, long double, swapped bytes) as float64."""
    known = array.dtype in (np.float32, np.float64)
    return array if array.dtype.kind != "f" or known else array.astype(np.float64)


def column_kinds(kinds: Mapping[Any, str] | None, X: Any, table: Table) -> dict[str, str]:
    """The kinds asked for, by column name.

    In an array, a column is also called by its place, and an array of numbers holds numbers whatever they
    look like: a column of one value or of ascending whole numbers stays in.
    """
    if is_table(X):
        return {str(name): kind for name, kind in (kinds or {}).items()}
    asked = {place_name(name): kind for name, kind in (kinds or {}).items()}
    of_numbers = np.asarray(X).dtype.kind in "biuf"
    return {**(dict.fromkeys(table.names, "number") if of_numbers else {}), **asked}


def place_name(column: Any) -> str:
    """``3`` or ``"x3"`` as the name of an array's column."""
    return str(column) if isinstance(column, str) else f"x{column}"

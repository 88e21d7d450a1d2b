"""How much each row counts: weights that are given beside the rows, or stand in a column of theirs."""

from typing import Any

import numpy as np

from gammabeta.data.values import Values
from gammabeta.errors import DataError
from gammabeta.types import Array


def given_weights(sample_weight: Any, rows: int) -> Array:
    """float64 (rows,), a copy, ones where none were given. Raises DataError unless finite, >= 0 and not all zero."""
    if sample_weight is None:
        return np.ones(rows)
    # a copy: class weights are multiplied into it
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise DataError(f"sample_weight: found shape {weights.shape}, expected {(rows,)}; give one weight per row.")
    wrong = no_weight(weights)
    if wrong.any():
        row = int(np.argmax(wrong))
        others = int(wrong.sum()) - 1
        more = f" and {others:,} more like it" if others else ""
        raise DataError(
            f"sample_weight: found {weights[row]:g} in row {row}{more}, expected finite weights of 0 or more; give "
            f"rows that must not count the weight 0."
        )
    if rows and not weights.any():
        raise DataError("sample_weight: every weight is zero, expected at least one above 0; leave it out.")
    return weights


def column_weights(values: Values) -> Array:
    """float64 (rows,) of a column. Raises DataError on a value that is missing, no number, negative or not finite."""
    wrong = no_weight(values.numbers)
    if wrong.any():
        remedy = "correct the value, or give a row that must not count the weight 0."
        values.refuse(wrong, "a finite weight of 0 or more", remedy)
    if len(values) and not values.numbers.any():
        raise DataError(
            f'column "{values.name}": every weight is 0 in its {len(values):,} rows, expected at least one above 0; '
            f"choose another column of weights."
        )
    return values.numbers


def no_weight(numbers: Array) -> Array:
    """bool (rows,): where a number is no weight; what float32 cannot hold is not finite either."""
    with np.errstate(over="ignore"):
        wrong: Array = ~np.isfinite(numbers.astype(np.float32)) | (numbers < 0)
    return wrong

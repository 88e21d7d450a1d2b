"""How much each row counts."""

from typing import Any

import numpy as np

from gammabeta.errors import DataError
from gammabeta.types import Array


def checked_weights(sample_weight: Any, rows: int) -> Array:
    """float64 (rows,), ones where none were given. Raises DataError unless finite, >= 0 and not all zero."""
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise DataError(f"sample_weight: found shape {weights.shape}, expected {(rows,)}; give one weight per row.")
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        others = int(wrong.sum()) - 1
        more = f" and {others:,} more like it" if others else ""
        raise DataError(
            f"sample_weight: found {weights[row]:g} in row {row}{more}, expected finite weights of 0 or more; give "
            f"rows that must not count the weight 0."
        )
    if not weights.any():
        raise DataError("sample_weight: every weight is zero, expected at least one above 0; leave it out.")
    return weights

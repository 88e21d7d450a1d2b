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
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        expected = f"shape {(rows,)} with finite values of 0 or more"
        raise DataError(f"sample_weight: found shape {weights.shape}, expected {expected}; give one per row.")
    if not weights.any():
        raise DataError("sample_weight: every weight is zero, expected at least one above 0; leave it out.")
    return weights

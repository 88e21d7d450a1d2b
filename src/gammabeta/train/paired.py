"""Whether one of two ways is better: runs in pairs from the same seeds, by their differences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

SURE = 0.05
"""Chance of being better by luck from which on nothing is called better."""


class Paired(NamedTuple):
    """What pairs of runs say.

    gain: mean difference, positive where the second is better; spread: its standard error, NaN for a single pair
    error: the chance that a change without effect looks this good, by the one-sided paired t test, NaN for a single
    pair; better: whether there is a gain that chance does not explain
    """

    pairs: int
    gain: float
    spread: float
    error: float

    @property
    def better(self) -> bool:
        return self.gain > 0 and self.error < SURE


def paired(gains: Sequence[float] | np.ndarray) -> Paired:
    """From the gain of every pair, at least one; a gain that is not finite makes nothing better."""
    found = np.asarray(gains, np.float64)
    gain = float(np.mean(found))
    if len(found) < 2 or not np.isfinite(found).all():
        return Paired(len(found), gain, float("nan"), float("nan"))
    spread = float(np.std(found, ddof=1) / np.sqrt(len(found)))
    return Paired(len(found), gain, spread, float(special.stdtr(len(found) - 1, -gain / max(spread, 1e-9))))

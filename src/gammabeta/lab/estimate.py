"""A number from several seeds, with the interval that it is known to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

RESAMPLES = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its 95 % interval, the number itself where it is exact; n: independent runs."""

    value: float
    low: float
    high: float
    n: int = 1

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.4g}"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g}, n={self.n})"


def exactly(value: float) -> Estimate:
    """A number that no chance is in."""
    return Estimate(float(value), float(value), float(value))


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean, with the t interval; infinitely wide for a single value."""
    found = np.asarray(values, np.float64)
    if len(found) < 2:
        return Estimate(float(found[0]), -np.inf, np.inf, 1)
    reach = special.stdtrit(len(found) - 1, (1 + CONFIDENCE) / 2) * np.std(found, ddof=1) / np.sqrt(len(found))
    middle = float(np.mean(found))
    return Estimate(middle, middle - float(reach), middle + float(reach), len(found))


def median_of(values: Sequence[float]) -> Estimate:
    """The median, with the percentile interval of 2,000 resamples (Efron 1979), always the same ones."""
    found = np.asarray(values, np.float64)
    low, high = resampled(lambda picked: np.median(found[picked], axis=1), len(found))
    return Estimate(float(np.median(found)), low, high, len(found))


def ratio_of(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """The median of ``above`` over the median of ``below``, run by run of the same seed; resampled in pairs."""
    up, down = np.asarray(above, np.float64), np.asarray(below, np.float64)

    def ratio(picked: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            found: np.ndarray = np.median(up[picked], axis=1) / np.median(down[picked], axis=1)
        return found

    low, high = resampled(ratio, len(up))
    # of two runs that never arrive none is ahead
    value = np.nan_to_num(ratio(np.arange(len(up))[None])[0], nan=1.0, posinf=np.inf)
    return Estimate(float(value), low, high, len(up))


def difference_of(left: Sequence[float], right: Sequence[float]) -> Estimate:
    """The mean of left - right, run by run of the same seed, with the t interval."""
    return mean_of(np.asarray(left, np.float64) - np.asarray(right, np.float64))  # type: ignore[arg-type]


def resampled(statistic: object, n: int) -> tuple[float, float]:
    """The ends of the interval of ``statistic``, a function of picked places (resamples, n) -> (resamples,)."""
    assert callable(statistic)
    found = statistic(np.random.default_rng(0).integers(0, n, (RESAMPLES, n)))
    # where both sides were never reached nothing is known: as low as can be, and as high
    ends = (np.where(np.isnan(found), unknown, found) for unknown in (0.0, np.inf))
    shares = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    # the middle of two infinities is none: quantiles that are runs, not means of two
    low, high = (np.quantile(one, share, method="inverted_cdf") for one, share in zip(ends, shares, strict=True))
    return float(low), float(high)

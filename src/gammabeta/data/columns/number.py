"""Numbers: centered by the median, scaled by the interquartile range, smoothly clipped."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np

from gammabeta.data.columns.column import Column, missing_note
from gammabeta.data.values import Values
from gammabeta.serial import Within
from gammabeta.types import Array

NORMAL_IQR = 1.3489795
"""The interquartile range of a normal distribution of standard deviation 1."""

FAR = 1e18
"""Scaled values beyond this are brought back to it, so that no square of one overflows."""


@dataclass(frozen=True)
class Number(Column):
    """A number: z = (x - center) / scale, then z / sqrt(1 + (z / clip)^2); a missing value becomes the
    center.

    center: the median of the training values
    scale: their interquartile range / 1.349, where that is 0 their standard deviation, where that is 0 one
    clip: the bound that clipped values approach, None for no clip; ordinary values hardly change, heavy tails
        do (RealMLP, Holzmüller et al. 2024, arXiv 2407.04491)
    missing: whether a second feature says that the value is missing; so if any was at training
    """

    center: float
    scale: Annotated[float, Within("(0, inf)")]
    clip: Annotated[float, Within("(0, inf)")] | None = 3.0
    missing: bool = False

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Learn center, scale and whether values are missing. Raises DataError on what is no number."""
        numbers, absent, _ = finite_numbers(values)
        known = numbers[~absent]
        if not known.size:
            return cls(values.name, 0.0, 1.0, missing=True)
        # Halves, so that quantiles between two numbers near the largest float do not overflow.
        low, center, high = (float(q) * 2 for q in np.quantile(known / 2, (0.25, 0.5, 0.75)))
        return cls(values.name, center, spread(known, low, high), missing=bool(absent.any()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name, and name:missing where values were missing at training."""
        return (self.name, f"{self.name}:missing") if self.missing else (self.name,)

    def encode(self, values: Values) -> tuple[Array, tuple[str, ...]]:
        """float32 (rows, 1 or 2). Raises DataError, naming the row, where a value is not a number."""
        numbers, absent, notes = finite_numbers(values)
        with np.errstate(over="ignore"):
            z = (numbers / 2 - self.center / 2) / self.scale * 2
        z = np.where(absent, 0.0, np.clip(z, -FAR, FAR))
        if self.clip is not None:
            z = z / np.hypot(1.0, z / self.clip)
        if not self.missing:
            return z[:, None].astype(np.float32), notes + missing_note(self.name, int(absent.sum()), "the median")
        return np.stack([z, absent], axis=1).astype(np.float32), notes

    def decode(self, features: Array) -> list[Any]:
        """Numbers, None where missing."""
        z = np.asarray(features[:, 0], dtype=np.float64)
        if self.clip is not None:
            inside = np.clip(z / self.clip, -0.999999, 0.999999)
            z = inside * self.clip / np.sqrt(1 - inside**2)
        numbers: list[Any] = (z * self.scale + self.center).tolist()
        if self.missing:
            numbers = [None if absent else number for number, absent in zip(numbers, features[:, 1], strict=True)]
        return numbers


def finite_numbers(values: Values) -> tuple[Array, Array, tuple[str, ...]]:
    """(float64 numbers with 0 where missing, mask of missing, notes); an infinity counts as missing."""
    if values.not_numbers.any():
        values.refuse(
            values.not_numbers,
            "a number, for the column's kind is number",
            "correct the value, leave it empty, or fit with this column as a category.",
        )
    infinite = np.isinf(values.numbers)
    count = int(infinite.sum())
    notes = (f'column "{values.name}": {count:,} infinite, taken as missing.',) if count else ()
    absent = np.isnan(values.numbers) | infinite
    return np.where(absent, 0.0, values.numbers), absent, notes


def spread(known: Array, low: float, high: float) -> float:
    """The interquartile range as a standard deviation, or the nearest thing that is positive and finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        candidates = ((high - low) / NORMAL_IQR, float(np.std(known)), float(np.abs(known).max()))
    smallest = np.finfo(np.float64).tiny
    if known.min() == known.max():
        return 1.0
    return next((float(c) for c in candidates if np.isfinite(c) and c > smallest), 1.0)

"""Dates and times: when, and where in the year, the week and the day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

import numpy as np

from gammabeta.data.columns.column import Column, missing_note
from gammabeta.data.values import Values
from gammabeta.serial import Within
from gammabeta.types import Array

CLIP = 3.0
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True)
class Date(Column):
    """A date or timestamp: (days - mean) / scale, smoothly clipped at 3, and sine and cosine of its phases.

    mean: mean of the training dates in days since 1970-01-01; scale: their standard deviation in days, or 1
    times: whether the time of day varied in training; its phase is a feature pair then
    missing: whether a last feature says that the date is missing; so if any was at training
    """

    mean: float
    scale: Annotated[float, Within("(0, inf)")]
    times: bool = False
    missing: bool = False

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Learn mean, scale and what varies. Raises DataError on a value that is not a date."""
        days = checked_days(values)
        known = days[~np.isnan(days)]
        if not known.size:
            return cls(values.name, 0.0, 1.0, missing=True)
        times = bool(np.ptp(known % 1.0) > 0)
        return cls(values.name, float(known.mean()), float(known.std()) or 1.0, times, known.size < days.size)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """name, then name:year_sin and so on for year, week and, where times vary, day."""
        phases = ("year", "week", "day") if self.times else ("year", "week")
        names = [self.name, *(f"{self.name}:{phase}_{wave}" for phase in phases for wave in ("sin", "cos"))]
        return tuple([*names, f"{self.name}:missing"] if self.missing else names)

    def encode(self, values: Values) -> tuple[Array, tuple[str, ...]]:
        """float32 (rows, width), zeros where missing. Raises DataError, naming the row, on no date."""
        days = checked_days(values)
        absent = np.isnan(days)
        days = np.where(absent, self.mean, days)
        z = (days - self.mean) / self.scale
        features = [z / np.hypot(1.0, z / CLIP)]
        phases = [year_phase(days), ((np.floor(days) + EPOCH_WEEKDAY) % 7) / 7]
        for phase in [*phases, days % 1.0] if self.times else phases:
            features += [np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)]
        stacked = np.where(absent[:, None], 0.0, np.stack(features, axis=1)).astype(np.float32)
        if self.missing:
            return np.concatenate([stacked, absent[:, None].astype(np.float32)], axis=1), ()
        return stacked, missing_note(self.name, int(absent.sum()), "the mean date without a season")

    def decode(self, features: Array) -> list[Any]:
        """ISO texts, None where missing."""
        inside = np.clip(np.asarray(features[:, 0], dtype=np.float64) / CLIP, -0.999999, 0.999999)
        days = inside * CLIP / np.sqrt(1 - inside**2) * self.scale + self.mean
        absent = features[:, -1] > 0 if self.missing else np.zeros(len(days), dtype=bool)
        return [None if gone else as_text(day, self.times) for day, gone in zip(days, absent, strict=True)]


def checked_days(values: Values) -> Array:
    """Days since 1970-01-01, NaN where missing."""
    if values.not_dates.any():
        values.refuse(
            values.not_dates,
            "a date such as 2011-12-31 or 2011-12-31 23:59:00, for the column's kind is date",
            "correct the value, leave it empty, or fit with this column as a category.",
        )
    return values.days


def year_phase(days: Array) -> Array:
    """The part of its year that has gone by, in [0, 1)."""
    date = np.floor(days).astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    start, end = (y.astype("datetime64[D]").astype(np.float64) for y in (year, year + np.timedelta64(1, "Y")))
    return (days - start) / (end - start)


def as_text(day: float, times: bool) -> str:
    """A number of days since 1970-01-01 as an ISO date, with the time where that matters."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(day))
    if times:
        moment += timedelta(seconds=0.5)
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    return (moment + timedelta(hours=12)).strftime("%Y-%m-%d")

"""A target of numbers, standardized for training and unscaled in answers."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from gammabeta.data.target.target import Target
from gammabeta.data.values import Values
from gammabeta.errors import DataError
from gammabeta.serial import Within
from gammabeta.types import Array


@dataclass(frozen=True)
class NumberTarget(Target):
    """One column whose answers are numbers: the network sees (y - mean) / std of the training rows."""

    mean: float
    std: Annotated[float, Within("(0, inf)")]

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Learn mean and standard deviation. Raises DataError on texts, infinities or a constant."""
        numbers = checked_numbers(values)
        known = numbers[~np.isnan(numbers)]
        if known.size == 0 or np.ptp(known / 2) == 0:
            held = f"only {known[0]:g}" if known.size else "no number"
            found = f'target column "{values.name}" holds {held} in its {len(values):,} training rows'
            raise DataError(f"{found}, expected numbers that differ; choose another target.")
        std = float(np.std(known / known.size**0.5) * known.size**0.5)
        return cls(values.name, float(np.mean(known / 2) * 2), std)

    def encode(self, values: Values) -> Array:
        """float64 (rows,) standardized, NaN where missing. Raises DataError on text or infinity."""
        standardized: Array = (checked_numbers(values) - self.mean) / self.std
        return standardized

    def decode(self, standardized: Array) -> Array:
        """float64 (rows,) in the target's own unit."""
        unscaled: Array = np.asarray(standardized, dtype=np.float64) * self.std + self.mean
        return unscaled


def checked_numbers(values: Values) -> Array:
    """float64 (rows,), NaN where missing; every other value must be a finite number."""
    if values.not_numbers.any():
        values.refuse(
            values.not_numbers,
            "a number, for the task is regression",
            "correct the value, leave it empty to leave the row out, or ask for task multiclass.",
        )
    infinite = np.isinf(values.numbers)
    if infinite.any():
        values.refuse(infinite, "a finite target", "correct the value, or leave it empty to leave the row out.")
    return values.numbers

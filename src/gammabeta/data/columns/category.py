"""Categories: one feature per frequent level, one for the rare rest, one for missing."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow.compute as pc

from gammabeta.data.columns.column import Column
from gammabeta.data.values import Values, marks, plural
from gammabeta.types import Array

MOST_LEVELS = 63
OTHER = "other"


@dataclass(frozen=True)
class Category(Column):
    """One of a few answers: one-hot over the levels, the most frequent in training first.

    levels: at most 63, each seen at least twice in training; "1", 1 and 1.0 are one level
    other: whether training had rarer levels, which share one feature; a level that training never saw goes
        there too, or becomes all zeros where there is no such feature
    missing: whether training had missing values, which have a feature of their own then; else they are all
        zeros
    """

    levels: tuple[str, ...]
    other: bool = False
    missing: bool = False

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Learn the levels by their frequency."""
        levels = tuple(label for label, rows in values.counts[:MOST_LEVELS] if rows > 1)
        return cls(values.name, levels, len(levels) < len(values.counts), bool(values.missing.any()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """name=level for each level, then name:other and name:missing where training had them."""
        names = [f"{self.name}={level}" for level in self.levels]
        names += [f"{self.name}:{OTHER}"] if self.other else []
        names += [f"{self.name}:missing"] if self.missing else []
        return tuple(names)

    def encode(self, values: Values) -> tuple[Array, tuple[str, ...]]:
        """float32 (rows, width) of zeros and ones, never refusing a value."""
        codes = pc.index_in(values.labels, value_set=marks(self.levels))
        codes = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        absent = values.missing
        rest = (codes < 0) & ~absent
        codes[rest] = len(self.levels) if self.other else -1
        codes[absent] = self.width - 1 if self.missing else -1
        features = np.zeros((len(values), self.width), dtype=np.float32)
        rows = np.flatnonzero(codes >= 0)
        features[rows, codes[rows]] = 1.0
        return features, () if self.other else unseen_note(values, rest)

    def decode(self, features: Array) -> list[Any]:
        """The level, "other", or None where missing or unseen."""
        names: list[Any] = [
            *self.levels,
            *([OTHER] if self.other else []),
            *([None] if self.missing else []),
            None,
        ]
        best = np.argmax(features, axis=1) if self.width else np.zeros(len(features), dtype=int)
        found = features.max(axis=1, initial=0.0) > 0
        return [names[i] if there else None for i, there in zip(best, found, strict=True)]


def unseen_note(values: Values, rest: Array) -> tuple[str, ...]:
    """What to say about levels that training did not have."""
    count = int(rest.sum())
    if not count:
        return ()
    example = values.array[int(np.flatnonzero(rest)[0])].as_py()
    rows = plural(count, "row holds", "rows hold")
    return (f'column "{values.name}": {count:,} {rows} a level that training did not have, such as "{example}".',)

"""What every kind of column can do."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

from gammabeta.data.values import Values
from gammabeta.serial import Description
from gammabeta.types import Array


@dataclass(frozen=True)
class Column(Description):
    """How one column of a table becomes features, learned from training rows and written as JSON.

    A kind is a frozen description of what it learned; ``fit`` makes it, ``encode`` and ``decode`` use it.
    """

    name: str

    @classmethod
    @abstractmethod
    def fit(cls, values: Values) -> Self:
        """Learn from training values. Raises DataError where they are not of this kind."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature."""

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.feature_names)

    @abstractmethod
    def encode(self, values: Values) -> tuple[Array, tuple[str, ...]]:
        """(float32 (rows, width), notes). Raises DataError where a value is not of this kind."""

    @abstractmethod
    def decode(self, features: Array) -> list[Any]:
        """Features back to values, None where missing; for display, so up to rounding and grouping."""


def missing_note(name: str, count: int, taken_as: str) -> tuple[str, ...]:
    """What to say when values are missing in a column that had them all at training."""
    if not count:
        return ()
    return (f'column "{name}": {count:,} missing, while none was at training; taken as {taken_as}.',)

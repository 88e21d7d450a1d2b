"""A table: named columns of equal length, as they were read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from gammabeta.data.values import Values, plain
from gammabeta.errors import DataError, UsageError, nearest
from gammabeta.types import Array


@dataclass(frozen=True, eq=False)
class Table:
    """Columns as they were read, before any decision about their kinds.

    columns: a pyarrow.Table; one that was read from a CSV file holds texts only
    source: where it came from, for messages
    notes: what reading it had to say
    order: (rows,) index of each row in the source, None when they stand as in the source
    called_labels: columns that the source itself calls labels, as an NPZ file does
    """

    columns: pa.Table
    source: str
    notes: tuple[str, ...] = ()
    order: Array | None = None
    called_labels: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.columns.num_rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.columns.column_names)

    @property
    def labels(self) -> tuple[str, ...]:
        """The targets where none are named: the columns that the source calls labels."""
        return tuple(name for name in self.called_labels if name in self.names)

    def take(self, indices: Array) -> "Table":
        """The rows at ``indices``, which remember their places in the source."""
        chosen = np.asarray(indices, dtype=np.int64)
        order = chosen if self.order is None else self.order[chosen]
        return replace(self, columns=self.columns.take(pa.array(chosen)), order=order)

    def select(self, names: Iterable[str]) -> "Table":
        """The named columns only. Raises UsageError for a name that is not there."""
        wanted = list(names)
        require(wanted, self.names, self.source)
        return replace(self, columns=self.columns.select(wanted))

    def drop(self, names: Iterable[str]) -> "Table":
        """All columns but the named ones. Raises UsageError for a name that is not there."""
        unwanted = list(names)
        require(unwanted, self.names, self.source)
        return replace(self, columns=self.columns.select([n for n in self.names if n not in unwanted]))

    def values(self, name: str) -> Values:
        """One column, ready to be seen as texts, numbers or days. Raises UsageError if it is not there."""
        place = self.columns.schema.get_field_index(name)
        if place < 0:
            require([name], self.names, self.source)
        return Values(name, plain(self.columns.column(place)), self.order)


def require(wanted: Iterable[str], names: Iterable[str], source: str) -> None:
    """Refuse column names that the data does not have, naming the nearest that it has."""
    legal = list(names)
    for name in wanted:
        if name not in legal:
            raise UsageError(f'{source} has no column "{name}"; {nearest(str(name), legal, "its columns")}')


def refuse_duplicate_names(names: Iterable[Any], source: str, error: type[DataError] = DataError) -> None:
    """Refuse two columns of one name: a column could not be told by its name."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise error(f'{source} has two columns named "{name}", expected different names; rename one of them.')
        seen.add(name)

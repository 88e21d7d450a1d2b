"""Images of one size, with their labels."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from gammabeta.data.table import Table, require
from gammabeta.data.values import Values
from gammabeta.types import Array


@dataclass(frozen=True, eq=False)
class Images:
    """Pixels and, beside them, a table of label columns.

    pixels: uint8 (rows, height, width, channels), channels 1 (gray) or 3 (red, green, blue) or as given
    columns: a pyarrow.Table of ``rows`` labels each; it may have no column
    source: where they came from, for messages
    notes: what reading them had to say
    order: (rows,) index of each row in the source, None when they stand as in the source
    """

    pixels: Array
    columns: pa.Table
    source: str
    notes: tuple[str, ...] = ()
    order: Array | None = None

    @property
    def rows(self) -> int:
        """The number of images."""
        return int(self.pixels.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the label columns, in order."""
        return tuple(self.columns.column_names)

    @property
    def labels(self) -> tuple[str, ...]:
        """The target where none is named: the only label column; of several none is more of a target than others."""
        return self.names if len(self.names) == 1 else ()

    def take(self, indices: Array) -> "Images":
        """The images and labels at ``indices``, which remember their places in the source."""
        chosen = np.asarray(indices, dtype=np.int64)
        order = chosen if self.order is None else self.order[chosen]
        # Arrow forgets the number of rows of a table without columns, so an empty table must not be taken
        # from.
        columns = self.columns.take(pa.array(chosen)) if self.names else self.columns
        return replace(self, pixels=self.pixels[chosen], columns=columns, order=order)

    def select(self, names: Iterable[str]) -> "Images":
        """The same images with the named label columns only. Raises UsageError for an unknown name."""
        wanted = list(names)
        require(wanted, self.names, self.source)
        return replace(self, columns=self.columns.select(wanted))

    def drop(self, names: Iterable[str]) -> "Images":
        """The same images without the named label columns. Raises UsageError for an unknown name."""
        unwanted = list(names)
        require(unwanted, self.names, self.source)
        return replace(self, columns=self.columns.select([n for n in self.names if n not in unwanted]))

    def values(self, name: str) -> Values:
        """One label column. Raises UsageError if it is not there."""
        return self.table.values(name)

    @property
    def table(self) -> Table:
        """The label columns as a table."""
        return Table(self.columns, self.source, self.notes, self.order)

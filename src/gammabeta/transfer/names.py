"""Which inputs and outputs of two networks mean the same: by column, category and class, never by position."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from gammabeta.data import ClassTarget, Schema
from gammabeta.nn import Loss
from gammabeta.serial import kind_name
from gammabeta.types import Array

Names = tuple[Hashable, ...]


class Along(NamedTuple):
    """How one axis of an array is matched: entry new[i] is entry old[i] of the source.

    what: what its entries are called, such as "columns"; length, source_length: how many there are of them
    """

    what: str
    new: Array
    old: Array
    length: int
    source_length: int

    @property
    def complete(self) -> bool:
        """Whether all names are the same, in another order."""
        return len(self.new) == self.length == self.source_length

    @property
    def told(self) -> str:
        """``5 of 8 columns``"""
        return f"{len(self.new)} of {self.length} {self.what}"


def along(what: str, new: Sequence[Hashable], old: Sequence[Hashable]) -> Along | None:
    """The matching of two lists of names; None where they are equal, so that position says all."""
    if tuple(new) == tuple(old):
        return None
    place = {name: index for index, name in enumerate(old)}
    pairs = [(index, place[name]) for index, name in enumerate(new) if name in place]
    ours, theirs = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Along(what, ours, theirs, len(new), len(old))


def input_names(schema: Schema) -> Names:
    """A name for every feature of a table: kind of column, feature; none for images, whose pixels stand where they are.

    The kind belongs to the name: a column of numbers that became dates is another column.
    """
    return tuple((kind_name(type(column)), name) for column in schema.columns for name in column.feature_names)


def output_names(schema: Schema, loss: Loss) -> Names:
    """A name for every output: target column and class, for a single output of two classes both; then the bin, if any.

    A bin is named with all that the loss knows of it.
    """
    first = schema.targets[0]
    if schema.task == "multiclass" and isinstance(first, ClassTarget):
        return tuple((first.name, text) for text in first.texts)
    names: list[tuple[Hashable, ...]] = [
        (kind_name(type(target)), target.name, getattr(target, "texts", ())) for target in schema.targets
    ]
    each = loss.outputs(1)
    return tuple(names) if each == 1 else tuple((*name, loss, bin_) for name in names for bin_ in range(each))

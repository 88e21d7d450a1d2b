"""What a data set holds: a record per column, and the balance of each target."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from gammabeta.data.columns import SetAside
from gammabeta.data.columns.column import Column
from gammabeta.data.convert import as_data
from gammabeta.data.images import Images
from gammabeta.data.schema import Schema
from gammabeta.data.table import Table
from gammabeta.data.target import ClassTarget, Target
from gammabeta.data.values import Values, is_single
from gammabeta.serial import Description, kind_name

EXAMPLES = 3


@dataclass(frozen=True)
class ColumnFacts(Description):
    """What one column holds and what becomes of it.

    kind: number, boolean, category, date, set_aside, target, weight, or image
    missing: rows without a value; distinct: different values; features: how many the network sees
    low, high: the range of numbers, else None; examples: the most frequent values
    reason: why it was set aside, else empty
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int
    features: int = 0
    low: float | None = None
    high: float | None = None
    examples: tuple[str, ...] = ()
    reason: str = ""

    @property
    def missing_share(self) -> float:
        """The share of rows without a value, 0 to 1."""
        return self.missing / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class TargetFacts(Description):
    """What one target holds: rows per class, or the mean and spread of numbers.

    classes, counts: the classes as texts and the rows of each; empty for regression
    mean, std, low, high: of a regression target; None for classes
    """

    name: str
    rows: int
    missing: int
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Inspection(Description):
    """A data set as the command ``inspect`` shows it."""

    source: str
    rows: int
    task: str
    columns: tuple[ColumnFacts, ...]
    targets: tuple[TargetFacts, ...]
    notes: tuple[str, ...] = ()


def describe(data: Any, schema: Schema) -> Inspection:
    """What the data holds, as the schema sees it: one record per column in order, one per target."""
    data = as_data(data)
    described: dict[str, Column | SetAside] = {column.name: column for column in schema.columns}
    described |= {column.name: column for column in schema.set_aside}
    roles = {schema.weight: "weight"} | dict.fromkeys(schema.target_names, "target")
    facts = [
        column_facts(data.values(name), roles.get(name) or described[name])
        for name in data.names
        if name in described or name in roles
    ]
    if isinstance(data, Images) and schema.image:
        facts.insert(0, image_facts(data))
    targets = tuple(target_facts(data, target) for target in schema.targets if target.name in data.names)
    return Inspection(data.source, data.rows, schema.task, tuple(facts), targets, data.notes + schema.notes)


def column_facts(values: Values, column: Column | SetAside | str) -> ColumnFacts:
    """One column of a table; column: as the schema describes it, or what else it is for."""
    kind = column if isinstance(column, str) else kind_name(type(column))
    reason = column.reason if isinstance(column, SetAside) else ""
    if not is_single(values.type):
        missing = int(pc.sum(pc.is_null(values.array)).as_py() or 0)
        return ColumnFacts(values.name, kind, len(values), missing, 0, reason=reason)
    low, high = bounds(values) if not values.not_numbers.any() else (None, None)
    return ColumnFacts(
        values.name,
        kind,
        len(values),
        int(values.missing.sum()),
        len(values.counts),
        column.width if isinstance(column, Column) else 0,
        low,
        high,
        tuple(label for label, _ in values.counts[:EXAMPLES]),
        reason,
    )


def image_facts(images: Images) -> ColumnFacts:
    """The pixels as one column."""
    height, width, channels = images.pixels.shape[1:]
    low, high = float(images.pixels.min()), float(images.pixels.max())
    example = (f"{height} x {width} x {channels}",)
    return ColumnFacts("pixels", "image", images.rows, 0, 256, height * width * channels, low, high, example)


def target_facts(data: Table | Images, target: Target) -> TargetFacts:
    """The balance of classes, or the spread of numbers."""
    values = data.values(target.name)
    if isinstance(target, ClassTarget):
        codes = target.codes(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(target.classes))
        missing = int(values.missing.sum())
        return TargetFacts(target.name, len(values), missing, target.texts, tuple(int(n) for n in counts))
    known = values.numbers[np.isfinite(values.numbers)]
    low, high = bounds(values)
    mean, std = (float(known.mean()), float(known.std())) if known.size else (None, None)
    return TargetFacts(target.name, len(values), len(values) - known.size, mean=mean, std=std, low=low, high=high)


def bounds(values: Values) -> tuple[float | None, float | None]:
    """(least, greatest) finite number, None where there is none."""
    known = values.numbers[np.isfinite(values.numbers)]
    return (float(known.min()), float(known.max())) if known.size else (None, None)

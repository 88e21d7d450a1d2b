"""Splitting rows into training, validation and test parts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from gammabeta.data.columns.infer import comma_hint
from gammabeta.data.convert import as_data
from gammabeta.data.images import Images
from gammabeta.data.schema import target_names
from gammabeta.data.table import Table
from gammabeta.data.target import choose_task
from gammabeta.data.target.targets import known_rows, left_out_note
from gammabeta.data.values import plural
from gammabeta.errors import DataError, UsageError
from gammabeta.types import Array


def split(
    data: Any,
    target: str | Iterable[str] | None = None,
    *,
    valid: float | None = 0.2,
    test: float | None = 0.2,
    seed: int = 0,
    task: str = "auto",
) -> tuple[Any, Any, Any]:
    """(train, valid, test): parts of the data's own kind, each in the order of the source.

    valid, test: shares of the rows in (0, 1), together below 1; None or 0 gives None in place of that part
    Classes keep their shares in every part, to the row; a class with a single row stays in training, with a
    note. Other targets are split at random. Rows without a target are left out first, with a note. The same
    seed gives the same parts. Raises UsageError for impossible shares, DataError where a part would be empty.
    """
    data = as_data(data)
    shares = {"valid": share("valid", valid), "test": share("test", test)}
    if sum(shares.values()) >= 1:
        raise UsageError(f"valid {valid} and test {test} leave no rows for training, expected a sum below 1.")
    unnamed = target is None and not (data.labels or (isinstance(data, Images) and data.names))
    names = () if unnamed else target_names(data, target)
    rng = np.random.default_rng(seed)
    kept, groups, notes = stratify(data, names, task)
    parts = assigned(groups, shares, rng)
    found = {name: kept[parts == name] for name in ("train", "valid", "test")}
    for name, rows in found.items():
        if not rows.size and (name == "train" or shares[name]):
            rows_said = f"{len(kept):,} {plural(len(kept), 'row')} with a target"
            if len(kept) > 2 and groups.max() + 1 == len(kept):
                raise DataError(
                    f'target "{names[0]}": {rows_said} hold {len(kept):,} different classes, expected several rows of '
                    f"each; choose another target, or another task.{comma_hint(data.values(names[0]))}"
                )
            raise DataError(
                f"{data.source}: {rows_said} cannot be split, for {name} would be empty; expected more rows, or set "
                f"another share."
            )
    train = replace(data.take(found["train"]), notes=notes)
    rest = [replace(data.take(found[name]), notes=()) if shares[name] else None for name in shares]
    return train, rest[0], rest[1]


def stratify(data: Table | Images, names: tuple[str, ...], task: str) -> tuple[Array, Array, tuple[str, ...]]:
    """(rows that have a target, the group of each of them, notes); one group where there are no classes."""
    if not names:
        return np.arange(data.rows), np.zeros(data.rows, dtype=np.int64), ()
    columns = [data.values(name) for name in names]
    chosen = choose_task(columns, task, isinstance(data, Images))
    kept = np.flatnonzero(known_rows(columns, chosen))
    notes = left_out_note(data.rows - len(kept))
    if chosen not in ("binary", "multiclass"):
        return kept, np.zeros(len(kept), dtype=np.int64), notes
    groups = pc.dictionary_encode(columns[0].labels.take(kept)).indices.to_numpy(zero_copy_only=False)
    single = int((np.bincount(groups, minlength=1) == 1).sum())
    if single:
        classes = plural(single, "class has", "classes have")
        notes += (f'target "{names[0]}": {single} {classes} a single row, kept for training.',)
    return kept, groups.astype(np.int64), notes


def assigned(groups: Array, shares: dict[str, float], rng: np.random.Generator) -> Array:
    """The part of each row, by name: each group gives each part its share, and keeps one row for train."""
    parts = np.full(len(groups), "train", dtype="<U5")
    sizes = np.bincount(groups, minlength=1)
    ranked = np.lexsort((rng.random(len(groups)), groups))
    starts = np.cumsum(sizes) - sizes
    free = np.maximum(sizes - 1, 0)
    begin = starts.copy()
    for name in ("test", "valid"):
        take = apportion(sizes * shares[name], free, round(len(groups) * shares[name]), rng)
        for first, count in zip(begin, take, strict=True):
            parts[ranked[first : first + count]] = name
        begin, free = begin + take, free - take
    return parts


def apportion(wanted: Array, free: Array, total: int, rng: np.random.Generator) -> Array:
    """Whole numbers near ``wanted``, at most ``free``, that add up to ``total`` (largest remainders)."""
    take = np.minimum(np.floor(wanted + 1e-9).astype(np.int64), free)
    by_remainder = np.lexsort((rng.random(len(wanted)), take - wanted))
    open_groups = by_remainder[(free - take)[by_remainder] > 0]
    take[open_groups[: max(total - int(take.sum()), 0)]] += 1
    return take


def share(name: str, value: float | None) -> float:
    """A share as a float. Raises UsageError outside [0, 1)."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UsageError(
            f"{name}: found {value!r}, expected a share of the rows of 0 or more and below 1, such as 0.2."
        )
    return float(value)

"""The schema: how raw rows become numbers, and numbers become answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from gammabeta.data.columns import Category, Column, SetAside, fit_column
from gammabeta.data.columns.infer import comma_hint
from gammabeta.data.convert import as_data
from gammabeta.data.dataset import Dataset
from gammabeta.data.image_input import ImageInput, fit_image_input
from gammabeta.data.images import Images
from gammabeta.data.table import Table, require
from gammabeta.data.target import ClassTarget, Target, Task, choose_task
from gammabeta.data.target.targets import (
    answers,
    encode_targets,
    fit_targets,
    known_rows,
    left_out_note,
    probabilities,
)
from gammabeta.data.values import plural
from gammabeta.data.weights import column_weights, given_weights
from gammabeta.errors import DataError, UsageError, nearest
from gammabeta.serial import Description
from gammabeta.types import Array


@dataclass(frozen=True)
class Schema(Description):
    """What was learned from training rows: it encodes rows and decodes predictions, and is written as JSON.

    task: binary, multiclass, multilabel or regression
    targets: one per target column
    columns: the columns the network sees, in the order of their features; empty for images
    image: size and scaling of images; None for tables
    set_aside: the columns it does not see, each with a reason
    notes: what learning it had to say
    weight: the column that says how much each row counts, which the network does not see; None counts each once
    """

    task: Task
    targets: tuple[Target, ...]
    columns: tuple[Column, ...] = ()
    image: ImageInput | None = None
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()
    weight: str | None = None

    @classmethod
    def fit(
        cls,
        data: Any,
        target: str | Iterable[str] | None = None,
        task: str = "auto",
        kinds: Mapping[str, str] | None = None,
        drop: Iterable[str] = (),
        weight: str | None = None,
    ) -> "Schema":
        """Learn from training rows.

        data: a Table, Images, or whatever :func:`as_data` takes
        target: one or several column names; None where the data say which: images with one label column, the y of
            an NPZ file
        task: auto, binary, multiclass, multilabel or regression; see :func:`choose_task`
        kinds: column name -> number, boolean, category or date, where the values mislead
        drop: columns that the network must not see
        weight: a column of numbers >= 0, how much each row counts wherever rows with their targets are encoded: in
            loss, metrics and batch norm's statistics. What is learned here (scaling, levels) counts every row once
        Raises UsageError for a wrong name, DataError where nothing can be learned.
        """
        data, kinds, dropped = as_data(data), dict(kinds or {}), tuple(drop)
        names = target_names(data, target)
        weighing = () if weight is None else (weight,)
        require([*kinds, *dropped, *weighing], data.names, data.source)
        refuse_two_uses({"the target": names, "the weight": weighing, "to be dropped": dropped})
        refuse_two_uses({"the weight": weighing, "given a kind": kinds})
        columns = [data.values(name) for name in names]
        chosen = choose_task(columns, task, isinstance(data, Images))
        known = known_rows(columns, chosen)
        if not known.any():
            raise DataError(
                f"{data.source}: none of its rows has a target; fill in {', '.join(names)} or choose another."
            )
        notes = left_out_note(int((~known).sum()))
        if not known.all():
            data = data.take(np.flatnonzero(known))
            columns = [data.values(name) for name in names]
        targets = fit_targets(columns, chosen)
        for name in weighing:
            column_weights(data.values(name))
        if isinstance(data, Images):
            return cls(chosen, targets, image=fit_image_input(data), notes=notes, weight=weight)
        found = [
            SetAside(name, "it was dropped on request.")
            if name in dropped
            else fit_column(data.values(name), kinds.get(name))
            for name in data.names
            if name not in (*names, *weighing)
        ]
        used = tuple(column for column in found if isinstance(column, Column) and column.width)
        aside = tuple(column for column in found if isinstance(column, SetAside))
        if not used:
            raise DataError(no_usable_column(data.source, aside))
        said = notes + taken_as_text(data, used, targets)
        return cls(chosen, targets, used, set_aside=aside, notes=said, weight=weight)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the target columns."""
        return tuple(target.name for target in self.targets)

    @property
    def classes(self) -> tuple[bool | int | float | str, ...]:
        """What the class numbers of y stand for; () where there are several targets, or numbers."""
        only = self.targets[0] if len(self.targets) == 1 else None
        return only.classes if isinstance(only, ClassTarget) else ()

    @property
    def outputs(self) -> int:
        """Numbers that the network gives per row: multiclass one per class, binary 1, else one per target."""
        return len(self.classes) if self.task == "multiclass" else len(self.targets)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one encoded row: (features,) or (height, width, channels)."""
        return self.image.shape if self.image else (sum(column.width for column in self.columns),)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature of a table; empty for images."""
        return tuple(name for column in self.columns for name in column.feature_names)

    def encode(
        self, data: Any, *, target: bool | Literal["if there"] = True, sample_weight: Array | None = None
    ) -> Dataset:
        """Raw rows as a Dataset; columns the schema does not know are ignored.

        data: a Table, Images, or whatever :func:`as_data` takes
        target: whether y is wanted. With it, rows whose target is missing or of an unseen class are left out,
            with a note, and the column of weights counts; False keeps every row; "if there" asks for it where all
            target columns are there
        sample_weight: (rows,), >= 0, instead of the column of weights
        Raises DataError for missing columns, values that are no weights, columns that changed kind and images of
        another size.
        """
        data = as_data(data)
        here = set(self.target_names) <= set(data.names)
        y, kept = None, np.arange(data.rows)
        notes: tuple[str, ...] = ()
        if target is True and not here:
            raise DataError(missing_columns(data, self.target_names, "target column"))
        if target and here:
            y, kept, notes = encode_targets(self.targets, [data.values(n) for n in self.target_names], self.task)
        given = given_weights(sample_weight, data.rows)[kept]
        if len(kept) < data.rows:
            data = data.take(kept)
        if self.weight is not None and sample_weight is None and y is not None:
            if self.weight in data.names:
                given = column_weights(data.values(self.weight))
            elif target is True:
                raise DataError(missing_columns(data, [self.weight], "weight column"))
        weights = given.astype(np.float32)
        if self.image:
            pixels = checked_images(data, self.image)
            scale = (self.image.offset, self.image.factor)
            return Dataset(pixels, y, weights, *scale, kept, notes, classes=self.classes)
        x, more = encode_columns(data, self.columns)
        return Dataset(
            x, y, weights, kept=kept, notes=notes + more, feature_names=self.feature_names, classes=self.classes
        )

    def answers(self, predictions: Array) -> pa.Table:
        """Predictions as a table of classes of their original type, or of numbers in the target's unit.

        predictions: probabilities (rows, outputs), or standardized numbers (rows, outputs) for regression
        """
        return answers(self.targets, self.task, predictions)

    def probabilities(self, predictions: Array) -> pa.Table:
        """Probabilities as a table of columns ``probability_<class>``. Raises DataError for regression."""
        return probabilities(self.targets, self.task, predictions)


def target_names(data: Table | Images, target: str | Iterable[str] | None) -> tuple[str, ...]:
    """The target columns as a tuple of names. Raises UsageError where none or an unknown one is named."""
    if target is not None:
        names = (target,) if isinstance(target, str) else tuple(target)
        require(names, data.names, data.source)
        if len(set(names)) == len(names) > 0:
            return names
        listed = ", ".join(f'"{name}"' for name in names) or "none"
        raise UsageError(f"target {listed}: found a name twice or none at all, expected each target column once.")
    if data.labels:
        return data.labels
    if isinstance(data, Images) and not data.names:
        raise DataError(f"{data.source}: these images have no labels; make one folder per class, or add a labels.csv.")
    more = f" and {len(data.names) - 12} more" if len(data.names) > 12 else ""
    raise UsageError(
        f"{data.source}: no target was named; pass target (--target on the command line), one or more of "
        f"its columns: {', '.join(data.names[:12])}{more}."
    )


def taken_as_text(data: Table, columns: Iterable[Column], targets: Iterable[Target]) -> tuple[str, ...]:
    """What to say of categories and classes that would be numbers but for a comma."""
    texts = [c.name for c in columns if isinstance(c, Category)] + [
        t.name for t in targets if isinstance(t, ClassTarget)
    ]
    hints = {name: comma_hint(data.values(name)) for name in texts}
    return tuple(f'column "{name}" is taken as text.{hint}' for name, hint in hints.items() if hint)


def refuse_two_uses(uses: Mapping[str, Iterable[str]]) -> None:
    """Refuse a column of two uses at once, such as to drop what is to be predicted."""
    found: dict[str, str] = {}
    for use, names in uses.items():
        for name in sorted(set(names)):
            if name in found:
                raise UsageError(f'"{name}" is both {found[name]} and {use}; take it out of one of them.')
            found[name] = use


def no_usable_column(source: str, aside: tuple[SetAside, ...]) -> str:
    """Say why nothing is left to learn from."""
    reasons = " ".join(f'"{column.name}": {column.reason}' for column in aside[:4])
    more = f" And {len(aside) - 4} more." if len(aside) > 4 else ""
    return (
        f"{source} has no usable column: found {len(aside)} beside the target, all set aside, expected at "
        f"least one; add columns, or name kinds for those there are. {reasons}{more}".rstrip()
    )


def missing_columns(data: Table | Images, needed: Iterable[str], what: str) -> str:
    """Name the columns that are not there, and what is nearest to the first."""
    lacking = [name for name in needed if name not in data.names]
    listed = ", ".join(f'"{name}"' for name in lacking[:6]) + (", ..." if len(lacking) > 6 else "")
    found = f"{data.source} lacks the {plural(len(lacking), what)} {listed}"
    return f"{found} that the model was fitted with; {nearest(lacking[0], data.names, 'its columns')}"


def encode_columns(data: Table | Images, columns: tuple[Column, ...]) -> tuple[Array, tuple[str, ...]]:
    """(float32 (rows, features), notes). Raises DataError for missing columns."""
    if isinstance(data, Images):
        raise DataError(f"{data.source}: found images, expected a table with columns as at training.")
    if not {column.name for column in columns} <= set(data.names):
        raise DataError(missing_columns(data, (column.name for column in columns), "column"))
    x = np.empty((data.rows, sum(column.width for column in columns)), dtype=np.float32)
    notes: tuple[str, ...] = ()
    start = 0
    for column in columns:
        values = data.values(column.name)
        x[:, start : start + column.width], said = column.encode(values)
        start, notes = start + column.width, notes + said
    return x, notes


def checked_images(data: Table | Images, image: ImageInput) -> Array:
    """The pixels, if they are of the size that the schema learned."""
    if isinstance(data, Table):
        raise DataError(f"{data.source}: found a table, expected images as at training.")
    image.check(data)
    return data.pixels

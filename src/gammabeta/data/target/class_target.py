"""A target of classes, each remembered as what it was: a truth value, a number or a text."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gammabeta.data.target.target import Target
from gammabeta.data.values import Values, marks
from gammabeta.errors import DataError
from gammabeta.types import Array

MISSING = -1
UNSEEN = -2
LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class ClassTarget(Target):
    """One column whose answers are classes.

    classes: in order: False before True, numbers by size, texts by alphabet; all of one type. "1", 1 and 1.0
        are one class, and so are "True", "true" and True; numbers written with a leading zero ("01") stay
        texts
    """

    classes: tuple[bool | int | float | str, ...]

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Learn the classes. Raises DataError where there are fewer than two."""
        classes = found_classes(values)
        if len(classes) < 2:
            held = f'only "{classes[0]}"' if classes else "no value"
            found = f'target column "{values.name}" holds {held} in its {len(values):,} training rows'
            raise DataError(f"{found}, expected at least two classes; add rows of another class, or choose another.")
        return cls(values.name, classes)

    def codes(self, values: Values) -> Array:
        """int64 (rows,): the class's place in ``classes``, MISSING (-1) or UNSEEN (-2)."""
        if isinstance(self.classes[0], str):
            found = pc.index_in(values.labels, value_set=marks(tuple(map(str, self.classes))))
        elif isinstance(self.classes[0], bool):
            found = pc.index_in(pc.utf8_lower(values.labels), value_set=marks(tuple(map(as_key, self.classes))))
            if pc.all(pc.is_null(found)).as_py():
                found = pc.index_in(values.labels, value_set=marks(tuple(str(int(c)) for c in self.classes)))
        else:
            found = pc.index_in(pa.array(values.numbers), value_set=pa.array(self.classes, pa.float64()))
        codes = pc.fill_null(found, UNSEEN).to_numpy(zero_copy_only=False).astype(np.int64)
        codes[values.missing] = MISSING
        return codes

    def decode(self, codes: Array) -> Any:
        """Arrow array (rows,) of classes, of their original type."""
        kinds: dict[type, Any] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
        return pa.array(self.classes, kinds[type(self.classes[0])]).take(pa.array(np.asarray(codes, np.int64)))

    @property
    def texts(self) -> tuple[str, ...]:
        """The classes as they are shown."""
        return tuple(map(str, self.classes))


def as_key(label: bool | int | float | str) -> str:
    """A truth value as texts spell it in lower case."""
    return str(label).lower()


def found_classes(values: Values) -> tuple[bool | int | float | str, ...]:
    """The distinct values, all of one type, in order."""
    labels = [label for label, _ in values.counts]
    if labels and {label.lower() for label in labels} <= {"true", "false"}:
        return tuple(sorted({label.lower() == "true" for label in labels}))
    coded = bool(pc.any(pc.match_substring_regex(values.labels, r"^[+-]?0\d")).as_py())
    if not coded and not (np.isnan(values.numbers) & ~values.missing).any():
        numbers = np.unique(values.numbers[~values.missing])
        if np.isfinite(numbers).all() and (np.abs(numbers) < LARGEST_EXACT).all():
            whole = bool((numbers == np.round(numbers)).all())
            return tuple(int(n) if whole else float(n) for n in numbers)
    return tuple(sorted(labels))

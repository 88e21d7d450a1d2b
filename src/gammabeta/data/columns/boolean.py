"""Two answers that are each other's opposite: one feature, -1 or +1."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow.compute as pc

from gammabeta.data.columns.column import Column
from gammabeta.data.values import Values, as_mask, marks
from gammabeta.types import Array


@dataclass(frozen=True)
class Boolean(Column):
    """True or false: +1 or -1, and 0 where missing, which is the middle and so says nothing.

    Read in any case: true/false, yes/no, y/n, t/f, 1/0.
    """

    TRUE: ClassVar[tuple[str, ...]] = ("true", "yes", "y", "t", "1")
    FALSE: ClassVar[tuple[str, ...]] = ("false", "no", "n", "f", "0")

    @classmethod
    def fit(cls, values: Values) -> Self:
        """Nothing is learned but the name. Raises DataError on a value that is neither true nor false."""
        made = cls(values.name)
        made.encode(values)
        return made

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name."""
        return (self.name,)

    def encode(self, values: Values) -> tuple[Array, tuple[str, ...]]:
        """float32 (rows, 1). Raises DataError, naming the row, where a value is neither true nor false."""
        lowered = pc.utf8_lower(values.labels)
        yes = as_mask(pc.is_in(lowered, value_set=marks(self.TRUE)))
        no = as_mask(pc.is_in(lowered, value_set=marks(self.FALSE)))
        wrong = ~(yes | no | values.missing)
        if wrong.any():
            values.refuse(
                wrong,
                "true or false (or yes/no, y/n, t/f, 1/0), for the column's kind is boolean",
                "correct the value, leave it empty, or fit with this column as a category.",
            )
        return (yes.astype(np.float32) - no.astype(np.float32))[:, None], ()

    def decode(self, features: Array) -> list[Any]:
        """True, False, or None where missing."""
        return [None if value == 0 else bool(value > 0) for value in features[:, 0]]


PAIRS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"))


def looks_boolean(values: Values) -> bool:
    """Whether texts are one of the pairs; a letter counts only beside its opposite ("f" may be female)."""
    found = {label.lower() for label, _ in values.counts[:5]}
    if len(values.counts) > 4:
        return False
    return any(found <= set(pair) and (len(pair[0]) > 1 or len(found) == 2) for pair in PAIRS)

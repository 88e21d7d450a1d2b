"""One column as it arrived, seen as texts, as labels, as numbers or as days, whatever type it came in.

A CSV file has no types and a DataFrame has many; every column kind asks its questions here, so that "1", 1
and 1.0 mean the same to it and a model fitted on a file predicts on a DataFrame.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gammabeta.errors import DataError
from gammabeta.types import Array

MISSING_MARKS = (
    "",
    "?",
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "Null",
    "#N/A",
    "<NA>",
)
"""Texts that stand for no value in every column."""

NUMBER_MISSING_MARKS = ("-", "--", "None", "none", "NONE")
"""Texts that stand for no value only among numbers and dates: as a category, "none" is an answer."""

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"
DATE = r"^\d{4}[-/]\d{2}[-/]\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$"
WHOLE = r"^(-?(?:0|[1-9][0-9]*))\.0*$"
MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Values:
    """The values of one column and where they stand in their source.

    name: the column's name; array: one Arrow array of any type; order: (rows,) index of each row in the
        source
    """

    name: str
    array: pa.Array
    order: Array | None = None

    def __len__(self) -> int:
        return len(self.array)

    @property
    def type(self) -> Any:
        """The Arrow type of the values, a dictionary's being that of its entries."""
        return self.array.type

    @cached_property
    def texts(self) -> Any:
        """large_string (rows,): stripped texts, null where missing; a whole float is written without ".0"."""
        kind = self.type
        if not is_single(kind):
            raise DataError(
                f'column "{self.name}" holds {kind} values, expected a number or a text per row; take it apart into '
                f"columns, or drop it."
            )
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            texts = pc.cast(pc.cast(self.array, pa.float64(), safe=False), pa.large_string())
        else:
            texts = pc.utf8_trim_whitespace(pc.cast(self.array, pa.large_string()))
        return pc.if_else(pc.is_in(texts, value_set=marks(MISSING_MARKS)), None, texts)

    @cached_property
    def labels(self) -> Any:
        """large_string (rows,): texts in which "1.0" is the same label as "1"."""
        return pc.replace_substring_regex(self.texts, WHOLE, r"\1")

    @cached_property
    def missing(self) -> Array:
        """bool (rows,): where there is no value."""
        if is_plain_number(self.type):
            return np.isnan(self.numbers)
        return as_mask(pc.is_null(self.texts))

    @cached_property
    def number_texts(self) -> Any:
        """Texts without the marks that mean "missing" among numbers and dates."""
        return pc.if_else(pc.is_in(self.texts, value_set=marks(NUMBER_MISSING_MARKS)), None, self.texts)

    @cached_property
    def numbers(self) -> Array:
        """float64 (rows,): NaN where missing or where :attr:`not_numbers`; infinities are kept."""
        if is_plain_number(self.type):
            return as_floats(pc.cast(self.array, pa.float64(), safe=False))
        if pa.types.is_temporal(self.type):
            return np.full(len(self), np.nan)
        if pa.types.is_boolean(self.type):
            return as_floats(pc.cast(pc.cast(self.array, pa.int8()), pa.float64()))
        try:
            return as_floats(pc.cast(self.number_texts, pa.float64()))
        except pa.ArrowInvalid:
            good = pc.match_substring_regex(self.number_texts, NUMBER)
            return as_floats(pc.cast(pc.if_else(good, self.number_texts, None), pa.float64()))

    @cached_property
    def not_numbers(self) -> Array:
        """bool (rows,): where there is a value that is not a number."""
        present: Array = ~as_mask(pc.is_null(self.number_texts))
        return present & np.isnan(self.numbers)

    @cached_property
    def days(self) -> Array:
        """float64 (rows,): days since 1970-01-01, NaN where missing or where :attr:`not_dates`."""
        if pa.types.is_date(self.type) or pa.types.is_timestamp(self.type):
            return stamps_to_days(self.array)
        if not (pa.types.is_large_string(self.type) or pa.types.is_null(self.type)):
            return np.full(len(self), np.nan)
        iso = pc.match_substring_regex(self.number_texts, DATE)
        texts = pc.replace_substring(pc.if_else(iso, self.number_texts, None), "/", "-")
        zoned = pc.match_substring_regex(texts, r"(Z|:\d{2}[+-]\d{2}:?\d{2})$")
        days = [
            stamps_to_days(cast_or_null(pc.if_else(mask, texts, None), pa.timestamp("us", zone)))
            for mask, zone in ((zoned, "UTC"), (pc.invert(zoned), None))
        ]
        return np.where(np.isnan(days[0]), days[1], days[0])

    @cached_property
    def not_dates(self) -> Array:
        """bool (rows,): where there is a value that is not a date."""
        present: Array = ~as_mask(pc.is_null(self.number_texts))
        return present & np.isnan(self.days)

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """(label, rows) of every distinct value, the most frequent first, then by name."""
        found = pc.value_counts(self.labels.drop_null())
        pairs = zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def distinct(self) -> int:
        """How many different values there are; numbers are not turned to texts for it, which takes 60 times as long."""
        if is_plain_number(self.type):
            return len(np.unique(self.numbers[~self.missing]))
        return len(self.counts)

    def place(self, position: int) -> str:
        """``column "age", row 17``: the row as counted in the source, the first under the header being 1."""
        row = position if self.order is None else int(self.order[position])
        return f'column "{self.name}", row {row + 1}'

    def refuse(self, wrong: Array, expected: str, remedy: str) -> NoReturn:
        """Raise DataError about the first row where ``wrong`` holds."""
        position = int(np.flatnonzero(wrong)[0])
        others = int(np.count_nonzero(wrong)) - 1
        more = f" (and {others} more {plural(others, 'row')} like it)" if others else ""
        found = self.array[position].as_py()
        raise DataError(f'{self.place(position)}: found "{found}"{more}, expected {expected}; {remedy}')


def plain(array: Any) -> Any:
    """A chunked, dictionary-coded or view-typed column as one simple array; any text type as large_string."""
    if isinstance(array, pa.ChunkedArray):
        if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        # Not dictionary_decode: Arrow cannot take from texts of the view type, which polars uses.
        array = plain(array.dictionary).take(array.indices)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    if pa.types.is_duration(array.type) or pa.types.is_time(array.type):
        array = array.cast(pa.int32() if pa.types.is_time32(array.type) else pa.int64())
    return array


def is_plain_number(kind: Any) -> bool:
    """Whether an Arrow type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_single(kind: Any) -> bool:
    """Whether an Arrow type holds one number, text or date per row: not lists, structs, or raw bytes."""
    raw = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return not pa.types.is_nested(kind) and not any(is_raw(kind) for is_raw in raw)


def marks(texts: tuple[str, ...]) -> Any:
    """A set of texts as Arrow compares them."""
    return pa.array(texts, pa.large_string())


def as_mask(array: Any) -> Array:
    """An Arrow bool array as NumPy, null being False."""
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False)


def as_floats(array: Any) -> Array:
    """An Arrow float64 array as NumPy, null being NaN."""
    return array.to_numpy(zero_copy_only=False)


def cast_or_null(texts: Any, kind: Any) -> Any:
    """Cast each text, null where it has the form of a date but is none, such as 2011-02-30."""
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return pa.array([cast_one(text, kind) for text in texts.to_pylist()], kind)


def cast_one(text: str | None, kind: Any) -> Any:
    try:
        return None if text is None else pc.cast(pa.scalar(text, pa.large_string()), kind).as_py()
    except pa.ArrowInvalid:
        return None


def stamps_to_days(array: Any) -> Array:
    """Arrow dates or timestamps as float64 days since 1970-01-01, NaN where null."""
    micros = pc.cast(pc.cast(array, pa.timestamp("us", getattr(array.type, "tz", None)), safe=False), pa.int64())
    return as_floats(pc.cast(micros, pa.float64(), safe=False)) / MICROSECONDS_PER_DAY


def plural(count: int, noun: str, many: str | None = None) -> str:
    """``row`` or ``rows``."""
    return noun if count == 1 else (many or f"{noun}s")

"""Which kind a column is of: decided by its training values alone."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gammabeta.data.columns.boolean import Boolean, looks_boolean
from gammabeta.data.columns.category import Category
from gammabeta.data.columns.column import Column
from gammabeta.data.columns.date import Date
from gammabeta.data.columns.number import Number
from gammabeta.data.columns.set_aside import SetAside, why_set_aside, why_text_set_aside
from gammabeta.data.values import Values, as_mask
from gammabeta.errors import UsageError, nearest

KINDS: Mapping[str, type[Column]] = {"number": Number, "boolean": Boolean, "category": Category, "date": Date}
"""The kinds a user may ask for, by name."""

COMMA = r"^[+-]?\d+(\.\d{3})*,\d+$"
"""3,14 or 1.234,5."""


def fit_column(values: Values, kind: str | None = None) -> Column | SetAside:
    """The column as the kind asked for, or as the kind its values show.

    In this order: nested, empty, constant and identifier columns are set aside; true/false texts are boolean;
    all numbers, number; all ISO dates, date; texts that nearly all differ or are long are set aside; the rest
    is category.
    Raises UsageError for an unknown kind, DataError where values are not of the kind asked for.
    """
    if kind is not None:
        if kind not in KINDS:
            raise UsageError(f'column "{values.name}": there is no kind "{kind}"; {nearest(kind, KINDS)}')
        return KINDS[kind].fit(values)
    reason = why_set_aside(values)
    if reason is not None:
        return SetAside(values.name, reason)
    if pa.types.is_boolean(values.type) or looks_boolean(values):
        return Boolean.fit(values)
    if not values.not_numbers.any():
        return fit_number(values)
    if not values.not_dates.any():
        return Date.fit(values)
    reason = why_text_set_aside(values)
    if reason is not None:
        return SetAside(values.name, reason + (mostly_numbers(values) or comma_hint(values)))
    return Category.fit(values)


def fit_number(values: Values) -> Number | SetAside:
    """Numbers, unless no finite one is among them or they are all the same ("1" and "1.00")."""
    finite = values.numbers[np.isfinite(values.numbers)]
    if not finite.size:
        return SetAside(values.name, "it holds no finite number.")
    if finite.size == len(values) and np.ptp(finite / 2) == 0:
        return SetAside(values.name, f"every row holds {finite[0]:g}.")
    return Number.fit(values)


def mostly_numbers(values: Values) -> str:
    """A hint where only a few values keep a column from being numbers."""
    wrong = np.flatnonzero(values.not_numbers)
    known = len(values) - int(values.missing.sum())
    if wrong.size > known / 10:
        return ""
    example = values.array[int(wrong[0])].as_py()
    return f' All but {wrong.size:,} of its values are numbers; correct those, such as "{example}", to use it.'


def comma_hint(values: Values) -> str:
    """A hint where texts would be numbers but for a comma in them."""
    commas = (
        as_mask(pc.match_substring_regex(values.number_texts, COMMA)) if pa.types.is_large_string(values.type) else []
    )
    # most of them: the others may be whole
    if 2 * np.count_nonzero(commas) <= len(values) - int(values.missing.sum()):
        return ""
    example = values.array[int(np.flatnonzero(commas)[0])].as_py()
    return f' Its values look like numbers with a comma, such as "{example}"; write the decimals behind a point.'

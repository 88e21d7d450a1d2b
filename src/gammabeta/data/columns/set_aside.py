"""Columns that are set aside, each with its reason."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gammabeta.data.values import Values, is_plain_number, is_single, plural
from gammabeta.serial import Description

IDENTIFIER_NAME = re.compile(
    r"(?i:^(unnamed: ?\d+|index|idx|row|row_?names?|rownum|row_?(number|id)|[pug]?id|guid|uuid|)$)"
    r"|(?i:[_\s.\-]id$)|[a-z](ID|Id)$|(?i:^id[_\s.\-])"
)
"""Names that say identifier: id, PID, customerID, row_id, index, "Unnamed: 0", no name at all."""

ENOUGH_ROWS = 20
"""With fewer rows, distinct texts say little."""


@dataclass(frozen=True)
class SetAside(Description):
    """A column that the network does not see, and why: one sentence."""

    name: str
    reason: str


def why_set_aside(values: Values) -> str | None:
    """The reason to set a column aside before its kind is asked for, or None."""
    kind = values.type
    if not is_single(kind):
        return f"it holds {kind} values, not single numbers or texts."
    rows, distinct = len(values), values.distinct
    missing = int(values.missing.sum())
    if not distinct:
        return "it holds no value at all."
    if distinct == 1 and not missing:
        return f'every row holds "{values.counts[0][0]}".'
    if distinct == rows - missing and rows > 2 and IDENTIFIER_NAME.search(values.name) and names_rows(values):
        return "no value repeats and its name says that it identifies the row."
    return None


def why_text_set_aside(values: Values) -> str | None:
    """The reason to set a text column aside instead of calling it a category, or None."""
    known = len(values) - int(values.missing.sum())
    share = len(values.counts) / known
    if values.counts[0][1] == 1:
        return f"none of its {known:,} {plural(known, 'text')} repeats."
    if known < ENOUGH_ROWS:
        return None
    if share >= 0.95:
        return f"{len(values.counts):,} of its {known:,} texts are different, so it identifies rows."
    words = average_words(values)
    if share > 0.5 and words >= 4:
        return f"it is free text: {len(values.counts):,} different values of {words:.0f} words on average."
    return None


def names_rows(values: Values) -> bool:
    """Whether values could be names of rows: whole numbers or texts, not measurements."""
    if pa.types.is_temporal(values.type):
        return False
    if is_plain_number(values.type) or not values.not_numbers.any():
        numbers = values.numbers[np.isfinite(values.numbers)]
        return bool((numbers == np.round(numbers)).all())
    return True


def average_words(values: Values) -> float:
    """Words per text, separated by white space."""
    words = pc.count_substring_regex(values.texts, r"\S+")
    return float(pc.mean(words).as_py() or 0.0)

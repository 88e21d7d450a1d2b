"""New rows against what a model remembers of its training rows, where these are not at hand."""

from collections.abc import Iterator

import numpy as np

from gammabeta.data import Dataset
from gammabeta.data.columns import Number
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.rules import statistics_against_new_rows
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.model import Model

LEAST_ROWS = 30
MOVED, RATIO = 0.5, 2.0
"""Shift of the median in remembered spreads, and ratio of the spreads, from which a column counts as moved."""

SHARE = 0.2
"""Share of the columns that must have moved to be a warning."""

QUARTILES = 1.349
"""The interquartile range of a normal distribution of spread 1."""


def case_of_model(model: Model, rows: Dataset) -> Case:
    """A case that knows new rows alone: they stand in the place of the training rows, so no rule that needs those."""
    return Case(model.plan, rows, params=model.params, stats=model.stats, test=rows, schema=model.schema)


def against_memory(case: Case) -> list[Suspicion]:
    """GB109 by the medians and spreads that the schema remembers, GB507 by what batch norm does."""
    return [*moved_columns(case), *statistics_against_new_rows.rule(case)]


def moved_columns(case: Case) -> Iterator[Suspicion]:
    """Columns whose median or spread is another one; raw columns in front of batch norm are left to GB507."""
    schema, data = case.schema, case.test
    if schema is None or data is None or not schema.columns or data.rows < LEAST_ROWS:
        return
    moved: list[tuple[str, float, str]] = []
    scaled = first = 0
    for column in schema.columns:
        features = np.asarray(data.x[:, first : first + column.width], np.float64)
        first += column.width
        if not isinstance(column, Number) or (column.center, column.scale) == (0.0, 1.0):
            continue
        # median and spread are remembered of the values that were there
        values = features[features[:, -1] == 0, 0] if column.missing else features[:, 0]
        if len(values) and (len(values) < LEAST_ROWS or in_its_own_unit(column)):
            continue
        scaled += 1
        step, words = movement(values)
        if words:
            moved.append((column.name, step, words))
    if not moved:
        return
    moved.sort(key=lambda one: -abs(one[1]))
    shown = ", ".join(f"{name} ({words})" for name, _, words in moved[:4])
    share = len(moved) / scaled
    yield Suspicion(
        code="GB109",
        place=moved[0][0],
        evidence=f"{len(moved)} of {scaled} columns have another median or spread on {data.rows:,} new rows than the "
        f"model remembers: {shown}",
        numbers={"share": share, "rows": float(data.rows)},
        certainty=0.6,
        severity="warning" if share > SHARE else "note",
        advice="look at these columns where the new rows come from; prepare them alike, or train on such rows",
    )


def in_its_own_unit(column: Number) -> bool:
    """Whether no spread of the training rows is remembered, because batch norm meets the numbers as they are."""
    return column.scale == 1.0 and column.clip is None


def movement(values: np.ndarray) -> tuple[float, str]:
    """(shift of the median in remembered spreads, in words what has moved, "" where nothing has).

    Where the interquartile range is 0 the spread is not compared: the remembered one may be the standard deviation.
    """
    if not len(values):
        return np.inf, "no value is there"
    low, middle, high = (float(one) for one in np.quantile(values, (0.25, 0.5, 0.75)))
    spread = (high - low) / QUARTILES
    # the median of n rows is uncertain by 1.25 spreads / sqrt(n)
    far = abs(middle) > MOVED + 3 * 1.25 / np.sqrt(len(values))
    if not far and (spread == 0 or 1 / RATIO < spread < RATIO):
        return middle, ""
    return middle, f"by {middle:+.2g} spreads" + (f", spread x {spread:.2g}" if spread else "")

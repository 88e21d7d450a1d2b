"""What the training rows hold: kinds, missing values, distributions, balance."""

from typing import Any

import numpy as np

from gammabeta.data import Date, Images, Number, Schema, Table, describe
from gammabeta.serial import to_json

MOST_ROWS = 10_000
MOST_COLUMNS = 100
BINS = 16
MOST_LEVELS = 12


def column_facts(data: Table | Images, schema: Schema) -> dict[str, Any]:
    """The inspection of the data, with a histogram per column; of many rows 10,000 by chance, of columns the first 100.

    histogram: {counts, low, high} of numbers between their 0.5 and 99.5 % quantiles, or {counts, levels} of the most
    frequent values
    """
    rows = data.rows
    if rows > MOST_ROWS:
        data = data.take(np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ROWS]))
    names = [*schema.target_names, *(name for name in data.names if name not in schema.target_names)]
    if isinstance(data, Table):
        data = data.select([name for name in data.names if name in names[:MOST_COLUMNS]])
    found: dict[str, Any] = to_json(describe(data, schema))
    kinds = {column.name: column for column in schema.columns}
    for column in found["columns"]:
        if column["name"] in data.names and column["distinct"]:
            column["histogram"] = shape(data, column["name"], isinstance(kinds.get(column["name"]), (Number, Date)))
    aside = [{"name": column.name, "reason": column.reason} for column in schema.set_aside]
    return found | {"described": data.rows, "rows": rows, "of": len(names), "set_aside": aside}


def shape(data: Table | Images, name: str, ordered: bool) -> dict[str, Any]:
    """The distribution of one column: numbers and dates by bins, others by their most frequent values."""
    values = data.values(name)
    numbers = values.numbers if not values.not_numbers.any() else values.days
    known = numbers[np.isfinite(numbers)]
    if known.size and (ordered or len(values.counts) > MOST_LEVELS):
        low, high = (float(q) for q in np.quantile(known, [0.005, 0.995]))
        if high > low:
            counts, _ = np.histogram(np.clip(known, low, high), BINS, (low, high))
            return {"counts": counts.tolist(), "low": low, "high": high}
    top = values.counts[:MOST_LEVELS]
    return {"counts": [n for _, n in top], "levels": [str(label)[:40] for label, _ in top]}

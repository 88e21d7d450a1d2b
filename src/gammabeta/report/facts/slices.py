"""Scores of parts of the rows: the categories of a column, the quarters of its numbers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gammabeta.data import Boolean, Category, Column, Number, Table
from gammabeta.diagnosis.noise import wilson
from gammabeta.report.facts.intervals import around_mean
from gammabeta.report.numbers import short

MOST_COLUMNS = 6
MOST_LEVELS = 8
LEAST_ROWS = 8


def slice_facts(
    table: Table, columns: Sequence[Column], names: Sequence[str], each: np.ndarray, measure: str
) -> dict[str, Any]:
    """The mean of ``each`` (rows,) over parts of the rows, with 95 % intervals; parts of few rows are left out.

    names: of the columns to look at, the most important first; measure: "accuracy" (each is 0 or 1) or another mean
    """
    by_name = {column.name: column for column in columns}
    found = []
    for name in names:
        parts = parts_of(table, by_name[name]) if name in by_name else []
        rows = [part_facts(words, each[mask], measure) for words, mask in parts if mask.sum() >= LEAST_ROWS]
        if len(rows) > 1:
            found.append({"column": name, "parts": rows})
        if len(found) == MOST_COLUMNS:
            break
    return {"measure": measure, "mean": float(each.mean()), "columns": found} if found else {}


def part_facts(words: str, each: np.ndarray, measure: str) -> dict[str, Any]:
    """One part: its rows, its mean and the interval of that."""
    low, high = wilson(int(each.sum()), len(each)) if measure == "accuracy" else around_mean(each, 0)
    return {"part": words, "rows": len(each), "value": float(each.mean()), "low": low, "high": high}


def parts_of(table: Table, column: Column) -> list[tuple[str, np.ndarray]]:
    """(words, mask over the rows) of a column's most frequent levels, or of the quarters of its numbers."""
    values = table.values(column.name)
    if isinstance(column, Number):
        return quarters(values.numbers)
    if not isinstance(column, (Category, Boolean)):
        return []
    labels = np.array(values.labels.to_pylist(), dtype=object)
    found = [(label, labels == label) for label, _ in values.counts[:MOST_LEVELS]]
    return [*found, *missing(values.missing)]


def quarters(numbers: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The quarters by size; fewer where many rows share a number."""
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return []
    edges = np.unique(np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))
    if len(edges) <= 2:
        return [(short(float(edge)), numbers == edge) for edge in edges]
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    place = np.where(np.isfinite(numbers), place, -1)
    words = [f"{a} to {b}" for a, b in pairwise(told_apart(edges))]
    return [(words[i], place == i) for i in range(len(words))] + missing(np.isnan(numbers))


def told_apart(edges: np.ndarray) -> list[str]:
    """Numbers with three digits, or as many more as it takes to tell them apart."""
    for digits in range(3, 17):
        words = [short(float(edge)) if digits == 3 else f"{edge:.{digits}g}" for edge in edges]
        if len(set(words)) == len(words):
            break
    return words


def missing(mask: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [("missing", mask)] if mask.any() else []

"""What the data hold."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.charts import Bar, bars, sparkbars
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.numbers import percent, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

MOST_COLUMNS = 100


def data(known: Known) -> Section:
    """What the training rows hold; of a recipe, its first step tells it."""
    facts = known.facts
    if facts is None or not facts.data or known.gates:
        return Section("data", "", Html(""))
    return Section("data", "Data", joined(*held(facts.data, facts.source, facts.shares)))


def held(found: Mapping[str, Any], source: str, shares: Mapping[str, Any]) -> list[object]:
    """Columns with kinds, missing values and distributions; balance of the classes; what was set aside, and why.

    found: as facts.column_facts gives it, or as the command ``inspect`` does; shares: rows per class and part
    """
    whole = [column for column in found["columns"] if not column.get("reason")]
    columns, rows = whole[:MOST_COLUMNS], found.get("rows")
    of = max(len(whole), found.get("of", 0) if found.get("of", 0) > len(found["columns"]) else 0)
    described = found.get("described", rows)
    some = f", described by {described:,} of them by chance" if rows and described < rows else ""
    cut = f" The first {len(columns)} of {of} columns." if of > len(columns) > 1 else ""
    where = f" of {source}" if source else ""
    words = f"The {f'{rows:,} ' if rows else ''}training rows{where}{some}.{cut}"
    parts: list[object] = [paragraph(words, class_="soft")]
    if shares:
        parts.append(grid(*balance(shares)))
    drawn = any(column.get("histogram") for column in columns)
    header = ["column", "kind", "missing", "distinct", "inputs", "values", *(["distribution"] if drawn else [])]
    parts.append(table(header, [column_row(column)[: len(header)] for column in columns], (0, 1, 5, 6)))
    aside = found.get("set_aside") or [column for column in found["columns"] if column.get("reason")]
    if aside:
        rows_aside = [[one["name"], one["reason"]] for one in aside]
        parts += [tag("h3", "Set aside"), table(["column", "why"], rows_aside, (0, 1))]
    parts += [paragraph(f"Note: {note}", class_="note") for note in dict.fromkeys(found["notes"])]
    return parts


def column_row(column: Mapping[str, Any]) -> list[object]:
    """One column."""
    shape = column.get("histogram") or {}
    if "levels" in shape:
        values = ", ".join(shape["levels"][:4]) + (", …" if column["distinct"] > 4 else "")
        words = ", ".join(f"{level}: {n:,}" for level, n in zip(shape["levels"], shape["counts"], strict=True))
    elif shape:
        low, high = column.get("low"), column.get("high")
        values = f"{short(low)} to {short(high)}" if low is not None else ", ".join(column["examples"])
        words = f"from {short(shape['low'])} to {short(shape['high'])}: {', '.join(map(str, shape['counts']))}"
    else:
        values, words = ", ".join(column.get("examples", ())), ""
    missing = percent(column["missing"] / column["rows"]) if column["missing"] else "0"
    drawn = sparkbars(shape["counts"], words) if shape else ""
    return [column["name"], column["kind"], missing, f"{column['distinct']:,}", column["features"] or "", values, drawn]


def balance(shares: Mapping[str, Any]) -> list[Html]:
    """Rows per class, in every part."""
    classes, counts = shares["classes"], shares["counts"]
    return [
        bars(
            f"Classes of the {NAMES[name]} rows",
            [Bar(label, n, more=percent(n / max(sum(numbers), 1))) for label, n in zip(classes, numbers, strict=True)],
            x="rows",
            more="share",
            header="class",
        )
        for name, numbers in counts.items()
    ]

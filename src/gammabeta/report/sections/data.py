"""What the data hold."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.charts import Bar, bars, sparkbars
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.numbers import percent, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def data(known: Known) -> Section:
    """Columns with kinds, missing values and distributions; balance of the classes; what was set aside, and why."""
    facts = known.facts
    if facts is None or not facts.data:
        return Section("data", "", Html(""))
    found = facts.data
    rows = [column_row(column) for column in found["columns"] if not column.get("reason")]
    some = f", described by {found['described']:,} of them by chance" if found["described"] < found["rows"] else ""
    more = found["of"] - len(found["columns"])
    cut = (
        f" The first {len(found['columns'])} of {found['of']} columns."
        if more > 0 and len(found["columns"]) > 1
        else ""
    )
    words = f"The {found['rows']:,} training rows of {facts.source}{some}.{cut}"
    parts: list[object] = [paragraph(words, class_="soft")]
    if facts.shares:
        parts.append(grid(*balance(facts.shares)))
    header = ["column", "kind", "missing", "distinct", "inputs", "values", "distribution"]
    parts.append(table(header, rows, (0, 1, 5, 6)))
    aside = [[one["name"], one["reason"]] for one in found["set_aside"]]
    if aside:
        parts += [tag("h3", "Set aside"), table(["column", "why"], aside, (0, 1))]
    parts += [paragraph(f"Note: {note}", class_="note") for note in dict.fromkeys(found["notes"])]
    return Section("data", "Data", joined(parts))


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

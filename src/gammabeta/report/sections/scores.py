"""Every metric with its interval, on validation and test rows."""

from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, joined, paragraph, table
from gammabeta.report.numbers import metric_name, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def scores(known: Known) -> Section:
    """The table of metrics; without facts those that fit wrote, which have no intervals."""
    found = (
        known.facts.scores
        if known.facts
        else {
            name: {metric: {"value": value} for metric, value in (known.metrics.get(name) or {}).items()}
            for name in ("valid", "test")
        }
    )
    parts = [name for name in ("valid", "test") if found.get(name)]
    if not parts:
        return Section("scores", "", Html(""))
    names = list(dict.fromkeys(metric for part in parts for metric in found[part]))
    header = ["", *(cell for part in parts for cell in (NAMES[part], "95 % interval"))]
    rows = []
    for name in names:
        row: list[object] = [metric_name(name)]
        for part in parts:
            one = found[part].get(name) or {}
            row += [score(one.get("value")), f"{score(one['low'])} to {score(one['high'])}" if "low" in one else ""]
        rows.append(row)
    rows_of = known.facts.rows if known.facts else known.metrics.get("rows", {})
    said = ", ".join(f"{rows_of[part]:,} {NAMES[part]} rows" for part in parts if part in rows_of)
    note = f"{said[:1].upper()}{said[1:]}. The validation rows chose the epoch, so their scores are a little too good."
    return Section(
        "scores", "Scores", joined(table(header, rows), paragraph(note if "valid" in parts else said, class_="note"))
    )

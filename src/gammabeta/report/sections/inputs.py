"""What the answers depend on: columns by permutation importance, and scores of parts of the rows."""

from gammabeta.report.charts import Bar, bars
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, grid, joined, paragraph, tag
from gammabeta.report.numbers import metric_name, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

MOST_SHOWN = 20


def inputs(known: Known) -> Section:
    """Permutation importance, and slices."""
    facts = known.facts
    if facts is None or not (facts.importance or facts.slices):
        return Section("inputs", "", Html(""))
    where = NAMES[facts.looked_at]
    parts = [importance(known, where)] if facts.importance.get("columns") else []
    if facts.slices:
        measure, mean = metric_name(facts.slices["measure"]), facts.slices["mean"]
        figures = [
            bars(
                one["column"],
                [Bar(p["part"], p["value"], p["low"], p["high"], f"{p['rows']:,}") for p in one["parts"]],
                x=measure,
                dots=True,
                guide=(mean, f"all {score(mean)}"),
                more="rows",
                header=one["column"],
            )
            for one in facts.slices["columns"]
        ]
        words = f"{measure} of parts of the {where} rows, with 95 % intervals; one in twenty lies apart by chance."
        parts += [
            tag("h3", "Parts of the rows"),
            paragraph(words[:1].upper() + words[1:], class_="note"),
            grid(*figures),
        ]
    return Section("inputs", "What the answers depend on", joined(parts))


def importance(known: Known, where: str) -> Html:
    """A bar per column."""
    assert known.facts is not None
    found = known.facts.importance
    shown = found["columns"][:MOST_SHOWN]
    of = f" The first {len(shown)} of {found['of']} columns." if found["of"] > len(shown) else ""
    measure = "squared error, in variances of the target" if known.facts.task == "regression" else "log loss"
    note = (
        f"How much the {measure} rises, from {score(found['loss'])}, when a column is shuffled over {found['rows']:,} "
        f"{where} rows; mean and range of {found['repeats']} shuffles. Columns that say the same stand in for each "
        f"other, and look unimportant.{of}"
    )
    given = [Bar(one["name"], one["rise"], one["low"], one["high"]) for one in shown]
    return grid(bars("Permutation importance", given, x="rise of the loss", note=note, header="column"))

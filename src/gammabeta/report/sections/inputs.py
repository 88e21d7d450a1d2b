"""What the answers depend on: columns by permutation importance, and scores of parts of the rows."""

from gammabeta.report.charts import Bar, bars
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, grid, joined, paragraph, tag
from gammabeta.report.numbers import metric_name, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

MOST_SHOWN = 20


def inputs(known: Known) -> Section:
    """Permutation importance, and slices beside it."""
    facts = known.facts
    if facts is None or not (facts.importance or facts.slices):
        return Section("inputs", "", Html(""))
    where = NAMES[facts.looked_at]
    slices = facts.slices.get("columns") or []
    shown = [importance(known, where, alone=not slices)] if facts.importance.get("columns") else []
    words = None
    if slices:
        measure, mean = metric_name(facts.slices["measure"]), facts.slices["mean"]
        shown += [
            bars(
                f"{measure[:1].upper()}{measure[1:]} by {one['column']}",
                [Bar(p["part"], p["value"], p["low"], p["high"], f"{p['rows']:,}") for p in one["parts"]],
                x=measure,
                dots=True,
                guide=(mean, f"all {score(mean)}"),
                more="rows",
                header=one["column"],
            )
            for one in slices
        ]
        said = f"{measure} of parts of the {where} rows has 95 % intervals; one in twenty lies apart by chance."
        words = paragraph(said[:1].upper() + said[1:], class_="note")
    return Section("inputs", "What the answers depend on", joined(words, grid(*shown)))


def importance(known: Known, where: str, alone: bool) -> Html:
    """A bar per column; alone: with half of the page to itself, else tall beside other pictures."""
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
    chart = bars("Permutation importance", given, x="rise of the loss", wide=alone, note=note, header="column")
    return tag("div", chart, class_="half" if alone else "tall")

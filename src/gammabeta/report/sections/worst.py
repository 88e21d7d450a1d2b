"""The rows with the worst answers."""

from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, joined, paragraph, table
from gammabeta.report.numbers import percent, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def worst(known: Known) -> Section:
    """A table of rows by their numbers in the file."""
    facts = known.facts
    if facts is None or not facts.worst.get("rows"):
        return Section("worst", "", Html(""))
    found = facts.worst
    sure = any(one["certainty"] is not None for one in found["rows"])
    targets = [cell for name in found["targets"] for cell in (f"{name}, true", "answered")]
    header = ["row", *targets, *(["certainty"] if sure else []), "loss", *found["columns"]]
    rows = [
        [
            f"{one['row']:,}",
            *(cell for pair in zip(one["true"], one["predicted"], strict=True) for cell in pair),
            *([percent(one["certainty"])] if sure else []),
            short(one["loss"]),
            *one["values"],
        ]
        for one in found["rows"]
    ]
    words = (
        f"Of the {NAMES[facts.looked_at]} rows, numbered as in {found['source']}, the first under the header being 1. "
        f"Worth a look: wrong labels, rare cases, and what no column tells."
    )
    numbers = {0, len(targets) + 1} | ({len(targets) + 2} if sure else set())
    return Section(
        "worst",
        "Worst rows",
        joined(
            paragraph(words, class_="note"), table(header, rows, [i for i in range(len(header)) if i not in numbers])
        ),
    )

"""The learning rate over the run, and the range test where there was one."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.charts import Line, line_chart
from gammabeta.report.html import Html, grid
from gammabeta.report.numbers import short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.history import axis, thinned

MOST_LINES = 200


def schedule(known: Known) -> Section:
    """The rate at the end of each epoch; the losses of a range test by rate."""
    figures = []
    if known.history:
        lines = [known.history[index] for index in thinned(known.history, MOST_LINES)]
        xs, what = axis(lines)
        rates = [line.get("learning_rate") for line in lines]
        kind = str((known.plan.get("schedule") or {}).get("type", "")).replace("_", " ")
        note = f"Schedule: {kind}; the rate at the end of each {what}." if kind else None
        figures.append(
            line_chart("Schedule", [Line("rate", xs, rates, 0)], x=what, y="learning rate", zero=True, note=note)
        )
    tested = known.more.get("range_test")
    if isinstance(tested, dict) and tested.get("curve"):
        figures.append(range_chart(tested))
    return Section("schedule", "Learning rate" if figures else "", grid(*figures) if figures else Html(""))


def range_chart(tested: Mapping[str, Any]) -> Html:
    """The loss over growing rates, as `gammabeta range-test --json` prints it: curve, suggestion, why."""
    curve = tested["curve"]
    line = Line("loss", [float(one["learning_rate"]) for one in curve], [one["loss"] for one in curve], 0)
    best = tested.get("suggestion")
    marks = [] if best is None else [(float(best), f"suggested {short(float(best))}")]
    why = tested.get("why")
    return line_chart(
        "Range test", [line], x="learning rate", y="loss", log_x=True, points=False, marks=marks, note=why
    )

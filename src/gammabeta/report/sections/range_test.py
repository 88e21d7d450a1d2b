"""The range test, where there was one: which learning rates suit."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.charts import Line, line_chart
from gammabeta.report.html import Html, grid, paragraph, table, tag
from gammabeta.report.numbers import short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

SAME = ("network", "loss", "batch_size")
"""What of a plan decides which rates suit it, besides its optimizer."""


def range_test(known: Known) -> Section:
    """The loss by rate, what is suggested and why; the rate over the run stands with its curves."""
    tested = known.more.get("range_test")
    if not isinstance(tested, dict) or not tested.get("curve"):
        return Section("range_test", "", Html(""))
    return Section("range_test", "Range test", grid(range_chart(tested), beside(known, tested), pair=True))


def range_chart(tested: Mapping[str, Any]) -> Html:
    """The loss over growing rates, as `gammabeta range-test --json` prints it: curve, suggestion, why."""
    curve = tested["curve"]
    line = Line("loss", [float(one["learning_rate"]) for one in curve], [one["loss"] for one in curve], 0)
    best = tested.get("suggestion")
    marks = [] if best is None else [(float(best), f"suggested {short(float(best))}")]
    return line_chart(
        "Loss while the rate grows",
        [line],
        x="learning rate",
        y="loss",
        log_x=True,
        points=False,
        marks=marks,
        wide=True,
        note="The median over the sweeps of the smoothed loss, from step to step at a higher rate.",
    )


def beside(known: Known, tested: Mapping[str, Any]) -> Html:
    """What it came to, in words and numbers."""
    rows: list[list[object]] = []
    if tested.get("suggestion") is not None:
        rows.append(["suggested", short(float(tested["suggestion"]))])
    if tested.get("band"):
        low, high = tested["band"]
        rows.append(["over the sweeps", f"{short(low)} to {short(high)}"])
    rate = (known.plan.get("optimizer") or {}).get("learning_rate")
    if rate is not None:
        rows.append(["of the plan below", short(float(rate))])
    other = of_another_plan(known, tested)
    return tag(
        "div",
        paragraph(tested["why"]) if tested.get("why") else None,
        table(["learning rate", ""], rows) if rows else None,
        tag("pre", f"--set {tested['set']}") if tested.get("set") else None,
        paragraph("It was made with another plan than the one below.", class_="note") if other else None,
    )


def of_another_plan(known: Known, tested: Mapping[str, Any]) -> bool:
    """Whether the plan that was tested differs from the run's in what decides its rates."""
    plan = tested.get("plan")
    if not isinstance(plan, dict) or not known.plan:
        return False
    kinds = [(one.get("optimizer") or {}).get("type") for one in (plan, known.plan)]
    return kinds[0] != kinds[1] or any(plan.get(name) != known.plan.get(name) for name in SAME)

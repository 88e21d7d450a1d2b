"""The curves of a run: loss and metric on both sides, the best epoch, the noise, the gap, the learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from gammabeta.diagnosis.curves import Curves, curves_of, noise_of
from gammabeta.report.charts import Line, Panel, panels
from gammabeta.report.html import Html, grid, joined, paragraph
from gammabeta.report.numbers import metric_name, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.history import axis, best_line, series, thinned

MOST_LINES = 200
WIDE_RANGE = 50.0
"""Ratio of the largest to the smallest loss from which the axis is logarithmic."""

Numbers = list[float | None]


def training(known: Known) -> Section:
    """Loss and metric above each other on one chart; beside it the gap and the learning rate over the same epochs."""
    if not known.history:
        return Section("training", "", Html(""))
    lines = [known.history[index] for index in thinned(known.history, MOST_LINES)]
    xs, what = axis(lines)
    found = curves_of(known.history, known.metric)
    best = best_line(lines)
    marks = [] if best is None else [(xs[best], f"best {what} {short(xs[best])}")]
    there = any(line.get("valid") for line in lines)
    noise = {name: 2 * spread for name, spread in noises(found).items()}
    train, valid = series(lines, "train", "loss"), series(lines, "valid", "loss")
    first = [Panel("loss", sides(lines, xs, "loss", there, noise["loss"]), log=is_wide(train, valid))]
    if known.metric:
        of_metric = sides(lines, xs, known.metric, there, noise["metric"])
        first.append(Panel(metric_name(known.metric), of_metric))
    title = " and ".join(panel.y for panel in first)
    title = title[:1].upper() + title[1:]
    second = []
    if there:
        gaps: Numbers = [None if a is None or b is None else b - a for a, b in zip(train, valid, strict=True)]
        second.append(Panel("gap", [Line("gap", xs, gaps, 0)], zero=True))
    rates = series([{"run": line} for line in lines], "run", "learning_rate")
    second.append(Panel("learning rate", [Line("learning rate", xs, rates, 2)], zero=True))
    figures = [
        panels(title, first, x=what, marks=marks, note=noise_note(found)),
        panels(
            "Gap and learning rate" if there else "Learning rate",
            second,
            x=what,
            marks=marks,
            note=about(known, what, there),
        ),
    ]
    said = (
        [] if there else [paragraph("There were no validation rows: the training rows chose the epoch.", class_="soft")]
    )
    if len(known.history) > len(lines):
        said.append(paragraph(f"{len(lines)} of {len(known.history):,} measurements are drawn.", class_="note"))
    return Section("training", "Training", joined(said, grid(*figures, pair=True)))


def sides(lines: Sequence[Mapping[str, Any]], xs: list[float], name: str, there: bool, around: float) -> list[Line]:
    """A number on training rows and, where there are some, on validation rows, which then have the band."""
    found = [Line("training", xs, series(lines, "train", name), 0, 0.0 if there else around)]
    return [*found, Line("validation", xs, series(lines, "valid", name), 1, around)] if there else found


def is_wide(*losses: Numbers) -> bool:
    """Whether an axis of powers of ten shows more."""
    known = [loss for part in losses for loss in part if loss is not None and loss > 0]
    return bool(known) and max(known) > WIDE_RANGE * min(known)


def noises(found: Curves | None) -> dict[str, float]:
    """The noise of the watched loss, and of the metric on the same rows."""
    return {"loss": 0.0, "metric": 0.0} if found is None else {"loss": found.noise, "metric": noise_of(found.metric)}


def noise_note(found: Curves | None) -> str | None:
    """What the bands mean."""
    spread = noises(found)
    if not spread["loss"]:
        return None
    both = f"{short(spread['loss'])} for the loss" + (
        f" and {short(spread['metric'])} for the metric" if spread["metric"] else ""
    )
    return f"The bands are twice the noise from epoch to epoch, {both}: changes inside them mean nothing."


def about(known: Known, what: str, there: bool) -> str:
    """What the second chart shows."""
    kind = str((known.plan.get("schedule") or {}).get("type", "")).replace("_", " ")
    rate = f"The learning rate at the end of each {what}{f', by the schedule {kind}' if kind else ''}."
    gap = "The gap is the validation less the training loss; above 0 the network does better on what it learned from. "
    return gap + rate if there else rate

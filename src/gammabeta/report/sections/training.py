"""The curves of a run: loss and metric on both sides, the best epoch, the noise, the gap."""

from gammabeta.diagnosis.curves import Curves, curves_of
from gammabeta.report.charts import Line, line_chart
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
    """Loss, metric and gap over the epochs."""
    if not known.history:
        return Section("training", "", Html(""))
    lines = [known.history[index] for index in thinned(known.history, MOST_LINES)]
    xs, what = axis(lines)
    found = curves_of(known.history, known.metric)
    best = best_line(lines)
    marks = [] if best is None else [(xs[best], f"best {what} {short(xs[best])}")]
    train, valid = series(lines, "train", "loss"), series(lines, "valid", "loss")
    there = any(value is not None for value in valid)
    noise = 2 * found.noise if found is not None else 0.0
    both = [Line("training", xs, train, 0, 0.0 if there else noise)]
    both += [Line("validation", xs, valid, 1, noise)] if there else []
    known_losses = [v for v in (*train, *valid) if v is not None and v > 0]
    wide = bool(known_losses) and max(known_losses) > WIDE_RANGE * min(known_losses)
    figures = [line_chart("Loss", both, x=what, y="loss", log_y=wide, marks=marks, note=noise_note(found))]
    if known.metric:
        title = metric_name(known.metric)
        of_metric = [Line("training", xs, series(lines, "train", known.metric), 0)]
        of_metric += [Line("validation", xs, series(lines, "valid", known.metric), 1)] if there else []
        figures.append(line_chart(title[:1].upper() + title[1:], of_metric, x=what, y=title, marks=marks))
    if there:
        gaps: Numbers = [None if a is None or b is None else b - a for a, b in zip(train, valid, strict=True)]
        figures.append(
            line_chart(
                "Gap",
                [Line("gap", xs, gaps, 0)],
                x=what,
                y="validation less training loss",
                zero=True,
                marks=marks,
                note="Above 0: the network does better on the rows it learned from.",
            )
        )
    said = (
        [] if there else [paragraph("There were no validation rows: the training rows chose the epoch.", class_="soft")]
    )
    if len(known.history) > len(lines):
        said.append(paragraph(f"{len(lines)} of {len(known.history):,} measurements are drawn.", class_="note"))
    return Section("training", "Training", joined(said, grid(*figures)))


def noise_note(found: Curves | None) -> str | None:
    """What the band means."""
    if found is None or found.noise == 0:
        return None
    return f"The band is twice the noise of the watched loss, {short(found.noise)}: changes inside it mean nothing."

"""Several runs side by side: a line for each, and their curves on common charts."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from gammabeta.data.values import plural
from gammabeta.diagnosis.curves import curves_of
from gammabeta.report.charts import Line, line_chart
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.live import Content, Look, badge
from gammabeta.report.numbers import cut, metric_name, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.history import axis, best_line, series, thinned

MOST_POINTS = 120
COLORED = 6
"""Curves with a color of their own; the others are gray."""

FALLING = 0.03
RISEN = 3
"""Epochs above its minimum from which a validation loss counts as rising."""


class Best(NamedTuple):
    """What a run reached in the epoch that is kept: the watched loss, the headline metric, and on which rows."""

    loss: float
    metric: float | None
    part: str


def address(name: str) -> str:
    """Where the page of a run is."""
    return f"/run/{quote(name, safe='/')}"


def comparison(looks: Mapping[str, Look], place: str) -> Content:
    """The page of all runs; place: where they lie, in words."""
    runs = {name: seen.known for name, seen in looks.items()}
    active = sum(seen.state.word in ("starting", "training", "measuring") for seen in looks.values())
    counted = f"{len(looks):,} {plural(len(looks), 'run')}"
    words = tag("span", f"{active or 'none'} under way", class_=f"state {'training' if active else 'over'}")
    lines = Section("runs", "", listed(looks) if looks else waiting(place))
    return Content(counted, joined(words, place), [lines, *compared(runs)])


def waiting(place: str) -> Html:
    return paragraph(f"No run is here yet. This page fills itself as soon as one writes to {place}.", class_="lead")


def listed(looks: Mapping[str, Look]) -> Html:
    """A line per run: what it is doing, its best epoch, what its curves say."""
    rows = []
    lowest = min((loss_of(seen.known) for seen in looks.values()), default=math.inf)
    alike = len(looks) > 1 and len({seen.known.metric for seen in looks.values() if seen.known.history}) == 1
    for name, seen in looks.items():
        known, reached = seen.known, best_of(seen.known)
        loss = "" if reached is None else score(reached.loss)
        epoch = str(known.history[-1]["epoch"]) if known.history else ""
        metric = ""
        if reached is not None and reached.metric is not None:
            metric = f"{score(reached.metric)} {metric_name(known.metric)}"
        rows.append(
            [
                tag("a", name, href=address(name)),
                badge(seen.state, seen.state.short),
                f"{epoch} of {known.plan['epochs']}" if epoch and known.plan.get("epochs") else epoch,
                metric,
                tag("b", loss) if alike and reached is not None and reached.loss == lowest else loss,
                says(known),
            ]
        )
    header = ["run", "state", "epoch", "best metric", "best loss", "its curves"]
    note = "Of the epoch that is kept, on validation rows where there are any, else on training rows."
    return joined(tag("div", table(header, rows, (0, 1, 5)), class_="runs"), paragraph(note, class_="note"))


def best_of(known: Known) -> Best | None:
    """What the kept epoch reached; None where none was measured."""
    index = best_line(known.history)
    if index is None:
        return None
    line = known.history[index]
    part = "valid" if line.get("valid") else "train"
    loss = line[part].get("loss")
    return None if loss is None else Best(float(loss), line[part].get(known.metric), part)


def says(known: Known) -> str:
    """The first words of the verdict that was reached at its end, else what can be seen in the curves so far."""
    if known.facts is not None and known.facts.verdict:
        return known.facts.verdict.partition(":")[0]
    found = curves_of(known.history, known.metric)
    if found is None:
        return ""
    if found.ended == "non-finite loss" or not math.isfinite(found.train[-1]):
        return "Not finite any more"
    if found.overfitted >= RISEN:
        return f"Validation loss above its minimum for {found.overfitted} epochs"
    if len(found.watched) < 5:
        return "Too few epochs to say"
    return "Still falling" if found.falling > FALLING else "Settled"


def compared(runs: Mapping[str, Known]) -> list[Section]:
    """The watched loss and the headline metric of all runs; runs with different metrics are drawn apart."""
    groups: dict[str, dict[str, Known]] = {}
    for name, known in runs.items():
        if known.history:
            groups.setdefault(known.metric, {})[name] = known
    figures = [figure for metric, group in groups.items() for figure in charts(metric, group, len(groups) > 1)]
    if not figures:
        return [Section("comparison", "", Html(""))]
    note = "Validation rows where a run has any, else training rows; a point is what one epoch came to."
    return [Section("comparison", "Side by side", joined(grid(*figures, pair=True), paragraph(note, class_="note")))]


def charts(metric: str, runs: Mapping[str, Known], several: bool) -> list[Html]:
    """Loss and metric of runs that are measured by the same metric."""
    ranked = sorted(runs, key=lambda name: loss_of(runs[name]))
    best = set(ranked[:COLORED])
    # the colors stay with their runs while the ranking changes, as long as there are enough of them
    styles = {name: index for index, name in enumerate(name for name in runs if name in best)}
    # what is gray is drawn first, under the others
    order = sorted(runs, key=lambda name: (name in best, list(runs).index(name)))
    kinds = {axis(known.history)[1] for known in runs.values()}
    what = kinds.pop() if len(kinds) == 1 else "step"
    apart = f", runs with {metric_name(metric)}" if several and metric else ""
    rest = len(runs) - len(best)
    note = f"In gray the {rest:,} {plural(rest, 'run')} whose best loss is higher." if rest else None
    found = []
    for name in ("loss", *([metric] if metric else [])):
        lines = [curve(run, runs[run], name, what, styles.get(run)) for run in order]
        title = "Loss" if name == "loss" else metric_name(name)[:1].upper() + metric_name(name)[1:]
        drawn = [line for line in lines if line.points]
        if drawn:
            found.append(
                line_chart(
                    f"{title}{apart}",
                    drawn,
                    x=what,
                    y=metric_name(name),
                    log_y=name == "loss" and wide(drawn),
                    points=False,
                    wide=True,
                    note=note,
                )
            )
    return found


def curve(name: str, known: Known, number: str, what: str, style: int | None) -> Line:
    """One number of a run over its epochs or steps."""
    lines = [known.history[index] for index in thinned(known.history, MOST_POINTS)]
    xs = axis(lines)[0] if what == "epoch" else [float(line["steps"]) for line in lines]
    part = "valid" if any(line.get("valid") for line in lines) else "train"
    return Line(cut(name, 32), xs, series(lines, part, number), style or 0, rest=style is None)


def loss_of(known: Known) -> float:
    reached = best_of(known)
    return math.inf if reached is None else reached.loss


def wide(lines: Sequence[Line], factor: float = 50.0) -> bool:
    """Whether an axis of powers of ten shows more."""
    values = [y for line in lines for _, y in line.points if y > 0]
    return bool(values) and max(values) > factor * min(values)

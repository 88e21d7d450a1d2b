"""Line charts one above the other, over a common x."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gammabeta.report.charts.lines import (
    Line,
    behind_lines,
    drawn,
    horizontal,
    legend,
    marked,
    places_of,
    whole_ticks,
)
from gammabeta.report.charts.scale import WIDE, Frame, scale
from gammabeta.report.html import Html, figure, joined

TALL, BETWEEN = 150, 44


@dataclass(frozen=True)
class Panel:
    """What is drawn in one of them: curves, and what they measure; log, zero: as for a line chart."""

    y: str
    lines: Sequence[Line]
    log: bool = False
    zero: bool = False


def panels(
    title: object, given: Sequence[Panel], *, x: str, marks: Sequence[tuple[float, str]] = (), note: object = None
) -> Html:
    """A figure of panels of equal height, with the numbers of all behind it; curves of one name are of one style.

    marks: (x, words) of vertical lines through all panels
    """
    shown = [replace(one, lines=[line for line in one.lines if line.points]) for one in given]
    lines = [line for panel in shown for line in panel.lines]
    whole = Frame(WIDE, 34 + len(shown) * (TALL + BETWEEN), right=26)
    frames = [part(whole, index) for index in range(len(shown))]
    upward = [
        scale(reach(one), *frame.upward, log=one.log, zero=one.zero) for one, frame in zip(shown, frames, strict=True)
    ]
    left = whole.beside(*upward).left
    frames = [replace(frame, left=left) for frame in frames]
    across = horizontal(lines, frames[0], False)
    ticks = whole_ticks(lines, across)
    parts: list[Html] = []
    for index, (one, frame, up) in enumerate(zip(shown, frames, upward, strict=True)):
        last = index == len(shown) - 1
        parts += frame.axes(across, up, x, one.y, ticks, numbered=last)
        for place, words in marks:
            parts += marked(across.at(place), "" if index else words, frame)
        for line in one.lines:
            parts += drawn(line, across, up, points=True)
    said = "; ".join(f"{one.y}: {', '.join(line.name for line in one.lines)}" for one in shown)
    picture = whole.drawn(f"over {x}, {said}", parts, data_xs=places_of(lines, across))
    names = {line.name: line for line in lines}
    known = [replace(line, name=called(one, line)) for one in shown for line in one.lines]
    above = legend(list(names.values())) if any(len(one.lines) > 1 for one in shown) else None
    return figure(title, joined(above, picture), behind_lines(known, x) if known else None, note)


def part(whole: Frame, index: int) -> Frame:
    """The frame of one panel inside the picture."""
    top = 34 + index * (TALL + BETWEEN)
    return replace(whole, top=top, bottom=whole.height - top - TALL)


def reach(one: Panel) -> list[float]:
    """What the scale has to hold."""
    return [y + sign * line.around for line in one.lines for _, y in line.points for sign in (-1, 1)]


def called(one: Panel, line: Line) -> str:
    """What a curve is called in the table of all panels."""
    return one.y if line.name == one.y else f"{line.name} {one.y}"

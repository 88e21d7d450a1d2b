"""Parallel coordinates: a row for every axis, and a thread through all of them for every trial."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gammabeta.report.charts.lines import STYLES, Line, legend
from gammabeta.report.charts.scale import WIDE, Frame, Scale, apart, scale
from gammabeta.report.charts.text import fitted
from gammabeta.report.html import Html, figure, joined, tag
from gammabeta.report.numbers import short

ROW = 46
NAMES = 150
"""Room for the names of the axes: they stand at the left, so that one picture serves a wide page and a phone."""


@dataclass(frozen=True)
class Axis:
    """One row: numbers from low to high, evenly or by powers of ten, or choices side by side.

    key: of the values of threads; choices: () for numbers; more: what tells it from others of its name
    """

    key: str
    name: str
    more: str = ""
    choices: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Thread:
    """One trial: its values by the keys of the axes, None or absent where an axis does not apply.

    style: of a curve, None for thin and gray
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    style: int | None = None


def parallel(title: object, axes: Sequence[Axis], threads: Sequence[Thread], behind: Html, note: object = None) -> Html:
    """A figure of threads over axes, a thread broken where an axis does not apply to it; behind: their numbers.

    Styled threads are drawn last, above the others, and named in a legend.
    """
    frame = Frame(WIDE, 24 + ROW * len(axes), left=NAMES + 14, right=30)
    rows = [22 + ROW * index for index in range(len(axes))]
    scales = [ruler(axis, threads, frame) for axis in axes]
    parts: list[Html] = []
    for axis, across, row in zip(axes, scales, rows, strict=True):
        parts += ruled(axis, across, row, frame)
    named = [word for axis, one, row in zip(axes, scales, rows, strict=True) for word in words(axis, one, row, frame)]
    ordered = sorted(threads, key=lambda one: (one.style is not None, -(one.style or 0)))
    for thread in ordered:
        parts += drawn(thread, axes, scales, rows)
    styled = [Line(one.name, [], [], one.style) for one in threads if one.style is not None]
    said = f"{len(threads)} threads over {', '.join(axis.name for axis in axes)}"
    return figure(title, joined(legend(styled) if styled else None, frame.drawn(said, parts, named)), behind, note)


def ruler(axis: Axis, threads: Sequence[Thread], frame: Frame) -> Scale:
    """From the values of an axis to places; a choice is its number."""
    if axis.choices:
        return Scale(-0.5, len(axis.choices) - 0.5, *frame.across)
    values = [place_of(axis, one.values.get(axis.key)) for one in threads]
    return scale(values, *frame.across, log=axis.log)


def place_of(axis: Axis, value: Any) -> float | None:
    """A value as a number of its axis; None where it does not apply."""
    if axis.choices:
        return float(axis.choices.index(value)) if value in axis.choices else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def marks_of(axis: Axis, across: Scale, frame: Frame) -> list[tuple[float, str]]:
    """(place, words) of what stands on an axis."""
    if axis.choices:
        room = (across.end - across.start) / len(axis.choices) - 6
        return [(across.at(i), fitted(choice, room, frame.font)) for i, choice in enumerate(axis.choices)]
    return [(across.at(tick), short(tick)) for tick in apart(across.ticks, across, frame.font)]


def ruled(axis: Axis, across: Scale, row: float, frame: Frame) -> list[Html]:
    """The line of an axis, with a mark for all that stands on it."""
    left, right = frame.across
    marks = [
        tag("line", x1=place, x2=place, y1=row - 3, y2=row + 3, class_="axis")
        for place, _ in marks_of(axis, across, frame)
    ]
    return [tag("line", x1=left, x2=right, y1=row, y2=row, class_="axis"), *marks]


def words(axis: Axis, across: Scale, row: float, frame: Frame) -> list[Html]:
    """The name of an axis, and what its marks are."""
    lines = [axis.name, *([axis.more] if axis.more else [])]
    first = row - 9 * (len(lines) - 1)
    named = [
        tag("text", tag("title", axis.key), fitted(line, NAMES, frame.font), x=4, y=first + 18 * i, dy=".33em")
        for i, line in enumerate(lines)
    ]
    return [
        *named,
        *(
            tag("text", said, x=place, y=row + 18, class_="tick middle halo")
            for place, said in marks_of(axis, across, frame)
        ),
    ]


def drawn(thread: Thread, axes: Sequence[Axis], scales: Sequence[Scale], rows: Sequence[float]) -> list[Html]:
    """The thread, with a point on every axis that applies."""
    points, pen, path = [], "M", []
    for axis, across, row in zip(axes, scales, rows, strict=True):
        value = place_of(axis, thread.values.get(axis.key))
        if value is None or (across.log and value <= 0):
            pen = "M"
            continue
        path.append(f"{pen}{across.at(value):.1f} {row:.1f}")
        points.append((across.at(value), row))
        pen = "L"
    if thread.style is None:
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
        tip = tag("title", thread.name)
        return [tag("path", tip, d="".join(path), class_="line rest"), tag("path", d=dots, class_="line rest dot")]
    number = thread.style % STYLES
    found = [tag("path", tag("title", thread.name), d="".join(path), class_=f"line s{number}")]
    return found + [tag("circle", cx=x, cy=y, r=3.2, class_=f"f{number}") for x, y in points]

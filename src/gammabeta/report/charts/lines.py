"""Line charts."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from gammabeta.report.charts.scale import WIDE, Frame, Scale, scale
from gammabeta.report.charts.text import fitted, width
from gammabeta.report.html import Html, figure, joined, numbers_behind, tag
from gammabeta.report.numbers import short

STYLES = 6
DIRECT = 4
"""Lines that are named at their ends; more are named above the picture."""

MOST_NAME = 96
"""Room for such a name."""

FEW_POINTS = 40


@dataclass(frozen=True)
class Line:
    """A named curve: None where a number is missing.

    around: half the height of a band about it; rest: thin and gray, named in the table behind the picture only
    dots: points that nothing joins; steps: level from one point to the next
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    style: int = 0
    around: float = 0.0
    rest: bool = False
    dots: bool = False
    steps: bool = False

    @property
    def look(self) -> str:
        """The class of its stroke."""
        return "rest" if self.rest else f"s{self.style % STYLES}"

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points that are there."""
        pairs = zip(self.xs, self.ys, strict=True)
        return [(x, y) for x, y in pairs if y is not None and math.isfinite(y)]


def line_chart(
    title: object,
    lines: Sequence[Line],
    *,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
    zero: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    unit_square: bool = False,
    diagonal: bool = False,
    points: bool = True,
    direct: bool = True,
    wide: bool = False,
    note: object = None,
) -> Html:
    """A figure of curves over common ``x``, with the numbers behind it.

    marks: (x, words) of vertical lines; unit_square: both axes from 0 to 1; diagonal: the line y = x; log: axes of
    powers of ten; points: markers where there are few; direct: names stand at the ends of few curves, not above them
    wide: for half of the page, not a third
    """
    lines = [line for line in lines if line.points]
    many = len(lines) > DIRECT or not direct or wide
    alone = many or len(lines) < 2
    names = 0 if alone else min(MOST_NAME, math.ceil(max(width(line.name, 11, bold=True) for line in lines)))
    frame = Frame(WIDE, 300, right=26, top=34) if wide else Frame(right=16 if alone else 8 + names)
    reach = [y + sign * line.around for line in lines for _, y in line.points for sign in (-1, 1)]
    upward = Scale(0, 1, *frame.upward) if unit_square else scale(reach, *frame.upward, log=log_y, zero=zero)
    frame = frame.beside(upward)
    across = Scale(0, 1, *frame.across) if unit_square else horizontal(lines, frame, log_x)
    ticks = None if unit_square or log_x else whole_ticks(lines, across)
    parts: list[Html] = frame.axes(across, upward, x, y, ticks)
    if diagonal:
        ends = {"x1": across.start, "y1": upward.start, "x2": across.end, "y2": upward.end}
        parts.append(tag("line", **ends, class_="guide"))
    for place, words in marks:
        parts += marked(across.at(place), words, frame)
    for line in lines:
        parts += drawn(line, across, upward, points)
    if not many and len(lines) > 1:
        parts += named(lines, across, upward)
    places = places_of(lines, across)
    said = ", ".join(line.name for line in lines)
    picture = frame.drawn(f"{y} over {x}: {said}", parts, data_xs=places)
    behind = behind_lines(lines, x) if lines else None
    return figure(title, joined(legend(lines) if many and len(lines) > 1 else None, picture), behind, note)


def shares_xs(lines: Sequence[Line]) -> bool:
    """Whether all curves have the same xs."""
    return all(list(line.xs) == list(lines[0].xs) for line in lines)


def places_of(lines: Sequence[Line], across: Scale) -> str | None:
    """Where the rows of the table behind stand in the picture, for the pointer; None where curves differ in x."""
    if not lines or not shares_xs(lines):
        return None
    return json.dumps([round(across.at(value), 1) for value in lines[0].xs])


def whole_ticks(lines: Sequence[Line], across: Scale) -> list[float] | None:
    """Whole numbers only, where all xs are such; None for the scale's own ticks."""
    if not all(float(x).is_integer() for line in lines for x in line.xs):
        return None
    return [tick for tick in across.ticks if float(tick).is_integer()]


def horizontal(lines: Sequence[Line], frame: Frame, log: bool) -> Scale:
    """The scale of x: from the first to the last, without room at the sides."""
    known = [x for line in lines for x in line.xs if math.isfinite(x) and (x > 0 or not log)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return Scale(low, high, *frame.across, log)


def drawn(line: Line, across: Scale, upward: Scale, points: bool) -> list[Html]:
    """The band, the curve with gaps where numbers are missing, and markers where there are few."""
    style = line.style % STYLES
    found = []
    places = [(across.at(x), upward.at(y)) for x, y in line.points]
    if line.around > 0 and len(places) > 1:
        above = [f"{across.at(x):.1f},{upward.at(y + line.around):.1f}" for x, y in line.points]
        below = [f"{across.at(x):.1f},{upward.at(y - line.around):.1f}" for x, y in reversed(line.points)]
        found.append(tag("polygon", points=" ".join(above + below), class_=f"band f{style}"))
    known = {x for x, _ in line.points}
    path, pen = [], "M"
    for x, y in zip(line.xs, line.ys, strict=True):
        if x not in known or y is None or not math.isfinite(y):
            pen = "M"
            continue
        place, high = f"{across.at(x):.1f}", f"{upward.at(y):.1f}"
        path.append(f"H{place}V{high}" if line.steps and pen == "L" else f"{pen}{place} {high}")
        pen = "L"
    if not line.dots:
        found.append(tag("path", d="".join(path), class_=f"line {line.look}"))
    if line.dots or (points and not line.rest and len(places) <= FEW_POINTS):
        for (left, top), (x, y) in zip(places, line.points, strict=True):
            tip = tag("title", f"{line.name}: {short(y)} at {short(x)}")
            found.append(tag("circle", tip, cx=left, cy=top, r=2.4, class_=f"f{style}"))
    return found


def named(lines: Sequence[Line], across: Scale, upward: Scale) -> list[Html]:
    """Names at the ends of the curves, moved apart where they would cover each other."""
    ends = sorted(((upward.at(line.points[-1][1]), line) for line in lines), key=lambda pair: pair[0])
    placed: list[float] = []
    for place, _ in ends:
        placed.append(max(place, placed[-1] + 13) if placed else place)
    over = max(0.0, placed[-1] - upward.start) if placed else 0.0
    return [
        tag(
            "text",
            tag("title", line.name),
            fitted(line.name, MOST_NAME, 11, bold=True),
            x=across.end + 5,
            y=place - over,
            dy=".33em",
            class_=f"name t{line.style % STYLES}",
        )
        for place, (_, line) in zip(placed, ends, strict=True)
    ]


def legend(lines: Sequence[Line]) -> Html:
    """Names with a piece of each curve."""

    def key(line: Line) -> Html:
        stroke = tag("path", d="M0 5H24", class_=f"line {line.look}")
        point = tag("circle", cx=12.0, cy=5.0, r=3.2, class_=f"f{line.style % STYLES}")
        return tag("span", tag("svg", point if line.dots else stroke, viewBox="0 0 24 10", class_="key"), line.name)

    return tag("p", [key(line) for line in lines if not line.rest], class_="legend")


def marked(place: float, words: str, frame: Frame) -> list[Html]:
    """A vertical line, with words beside it on the side where there is room."""
    foot, head = frame.upward
    line = tag("line", x1=place, x2=place, y1=foot, y2=head, class_="mark")
    if not words:
        return [line]
    right = place > (frame.across[0] + frame.across[1]) / 2
    beside = {"x": place + (-4 if right else 4), "y": head - 3, "class_": "tick end" if right else "tick"}
    return [line, tag("text", words, **beside)]


def behind_lines(lines: Sequence[Line], x: str) -> Html:
    """The numbers: one column per curve where all share their xs, else one after the other."""
    if shares_xs(lines):
        rows = [[short(value), *(short(line.ys[index]) for line in lines)] for index, value in enumerate(lines[0].xs)]
        return numbers_behind([x, *(line.name for line in lines)], rows)
    rows = [[line.name, short(a), short(b)] for line in lines for a, b in line.points]
    return numbers_behind(["", x, ""], rows)

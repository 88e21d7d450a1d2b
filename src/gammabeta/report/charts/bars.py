"""Horizontal bars, and dots with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gammabeta.report.charts.scale import WIDE, Frame, Scale, apart, scale
from gammabeta.report.charts.text import fitted, width
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import short

MOST_NAMES = 0.38
"""Of the width, for the names."""


@dataclass(frozen=True)
class Bar:
    """A named value, its interval where there is one, and what else the table says of it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    more: str = ""
    style: int = 0

    @property
    def reach(self) -> list[float]:
        """The value and the ends of its interval, as far as they are finite."""
        return [v for v in (self.value, self.low, self.high) if v is not None and math.isfinite(v)]


def bars(
    title: object,
    given: Sequence[Bar],
    *,
    x: str,
    dots: bool = False,
    guide: tuple[float, str] | None = None,
    more: str = "",
    wide: bool = False,
    note: object = None,
    header: str = "",
) -> Html:
    """A figure with one line per bar; dots: points with whiskers on an axis that need not begin at 0.

    guide: (x, words) of a vertical line; more: the header of what the table says besides
    wide: for half of the page, not a third
    """
    values = [v for bar in given for v in bar.reach] + ([guide[0]] if guide else [])
    frame = framed(given, wide)
    across = scale(values, *frame.across, zero=not dots)
    foot = frame.upward[0]
    parts: list[Html] = []
    for value in apart(across.ticks, across, frame.font):
        place = across.at(value)
        parts.append(tag("line", x1=place, x2=place, y1=frame.top, y2=foot, class_="rule"))
        parts.append(tag("text", short(value), x=place, y=foot + 15, class_="tick middle"))
    if guide:
        place = across.at(guide[0])
        room = 0.5 * width(guide[1], frame.font)
        middle = min(max(place, room + 2), frame.width - room - 2)
        parts.append(tag("line", x1=place, x2=place, y1=frame.top - 4, y2=foot, class_="mark"))
        parts.append(tag("text", guide[1], x=middle, y=frame.top - 8, class_="tick middle"))
    tall = (foot - frame.top) / max(len(given), 1)
    for index, bar in enumerate(given):
        parts += drawn(bar, frame, across, frame.top + (index + 0.5) * tall, dots)
    parts.append(tag("text", x, x=frame.across[1], y=foot + 32, class_="label end"))
    spread = any(bar.low is not None for bar in given)
    columns = [header, x, *(["low", "high"] if spread else []), *([more] if more else [])]
    rows = [
        [
            bar.name,
            short(bar.value),
            *([short(bar.low), short(bar.high)] if spread else []),
            *([bar.more] if more else []),
        ]
        for bar in given
    ]
    return figure(title, frame.drawn(f"{x} of {len(given)}", parts), numbers_behind(columns, rows), note)


def framed(given: Sequence[Bar], wide: bool) -> Frame:
    """The frame, with room for names at the left and for numbers at the right."""
    frame = Frame(WIDE) if wide else Frame()
    names = max((width(bar.name, frame.font) for bar in given), default=0.0)
    numbers = max((width(short(bar.value), frame.font) for bar in given), default=0.0)
    top, tall = (30, 26) if wide else (24, 20)
    return Frame(
        frame.width,
        top + tall * len(given) + 40,
        math.ceil(min(names, MOST_NAMES * frame.width)) + 12,
        math.ceil(numbers) + 12,
        top,
    )


def drawn(bar: Bar, frame: Frame, across: Scale, middle: float, dots: bool) -> list[Html]:
    """One line: its name, its bar or point, its whisker, its number."""
    line = {"y": middle, "dy": ".33em"}
    name = fitted(bar.name, frame.left - 12, frame.font)
    found = [tag("text", tag("title", bar.name), name, x=frame.left - 6, **line, class_="tick end")]
    if not math.isfinite(bar.value):
        return found
    place, zero = across.at(bar.value), across.at(max(0.0, across.low))
    tip = tag("title", f"{bar.name}: {short(bar.value)}")
    if dots:
        found.append(tag("circle", tip, cx=place, cy=middle, r=4.0, class_=f"f{bar.style}"))
    else:
        left, long = min(zero, place), max(abs(place - zero), 0.5)
        found.append(tag("rect", tip, x=left, y=middle - 6, width=long, height=12.0, rx=1.5, class_=f"f{bar.style}"))
    end = max(place, zero)
    if bar.low is not None and bar.high is not None:
        end = max(end, across.at(bar.high))
        ends = {"x1": across.at(bar.low), "x2": across.at(bar.high)}
        found.append(tag("line", **ends, y1=middle, y2=middle, class_=f"whisker s{bar.style}"))
    found.append(tag("text", short(bar.value), x=end + 6, **line, class_="tick"))
    return found

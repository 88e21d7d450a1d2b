"""Horizontal bars, and dots with their intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gammabeta.report.charts.scale import Frame, scale
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import cut, short

TALL = 20


@dataclass(frozen=True)
class Bar:
    """A named value, its interval where there is one, and what else the table says of it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    more: str = ""
    style: int = 0


def bars(
    title: object,
    given: Sequence[Bar],
    *,
    x: str,
    dots: bool = False,
    guide: tuple[float, str] | None = None,
    more: str = "",
    note: object = None,
    header: str = "",
) -> Html:
    """A figure with one line per bar; dots: points with whiskers on an axis that need not begin at 0.

    guide: (x, words) of a vertical line; more: the header of what the table says besides
    """
    reach = [v for bar in given for v in (bar.value, bar.low, bar.high)] + ([guide[0]] if guide else [])
    frame = Frame(left=132, top=22, right=44, bottom=38, height=22 + TALL * len(given) + 38)
    across = scale(reach, *frame.across, zero=not dots)
    foot = frame.upward[0]
    parts: list[Html] = []
    for value in across.ticks:
        place = across.at(value)
        parts.append(tag("line", x1=place, x2=place, y1=frame.top, y2=foot, class_="rule"))
        parts.append(tag("text", short(value), x=place, y=foot + 14, class_="tick middle"))
    if guide:
        place = across.at(guide[0])
        parts.append(tag("line", x1=place, x2=place, y1=frame.top - 4, y2=foot, class_="mark"))
        parts.append(tag("text", guide[1], x=place, y=frame.top - 8, class_="tick middle"))
    for index, bar in enumerate(given):
        parts += drawn(bar, frame.top + (index + 0.5) * TALL, across.at(max(0.0, across.low)), across.at, dots)
    parts.append(tag("text", x, x=frame.across[1], y=frame.height - 6, class_="label end"))
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


def drawn(bar: Bar, middle: float, zero: float, at: Callable[[float], float], dots: bool) -> list[Html]:
    """One line: its name, its bar or point, its whisker, its number."""
    found = [tag("text", tag("title", bar.name), cut(bar.name, 20), x=126, y=middle + 3.5, class_="tick end")]
    if not math.isfinite(bar.value):
        return found
    place = at(bar.value)
    tip = tag("title", f"{bar.name}: {short(bar.value)}")
    if dots:
        found.append(tag("circle", tip, cx=place, cy=middle, r=4.0, class_=f"f{bar.style}"))
    else:
        left, wide = min(zero, place), max(abs(place - zero), 0.5)
        found.append(tag("rect", tip, x=left, y=middle - 6, width=wide, height=12.0, rx=1.5, class_=f"f{bar.style}"))
    end = place
    if bar.low is not None and bar.high is not None:
        end = at(bar.high)
        found.append(tag("line", x1=at(bar.low), x2=end, y1=middle, y2=middle, class_=f"whisker s{bar.style}"))
    found.append(tag("text", short(bar.value), x=max(end, place) + 6, y=middle + 3.5, class_="tick"))
    return found

"""From numbers to places on paper: scales, ticks, and the frame that they are drawn in."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gammabeta.report.charts.text import width
from gammabeta.report.html import Html, tag
from gammabeta.report.numbers import short

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic map of [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value; a value beyond the ends is put at them."""
        low, high, value = (math.log10(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round numbers inside the scale, at most about five."""
        return log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high)


def scale(values: Iterable[float | None], start: float, end: float, *, log: bool = False, zero: bool = False) -> Scale:
    """A scale that holds all finite values, with a little room; ``zero``: from 0 on.

    A logarithmic one holds the positive values, and is linear where there are none.
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    if log:
        known = [v for v in known if v > 0]
        if known:
            low, high = min(known), max(known)
            return Scale(low / 1.2, high * 1.2, start, end, True)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return Scale(low if zero and low == 0 else low - room, high + room, start, end)


def round_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten in [low, high]."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * one for one in STEPS if span / (power * one) <= most)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + i) * step, 12) if step > 1e-9 else (first + i) * step for i in range(count)]


def log_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Powers of ten in [low, high]; 1, 2 and 5 times them where there are fewer than three."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 2:
        step = -(-(last - first + 1) // most)
        return [10.0**power for power in range(first, last + 1, step)]
    found = [one * 10.0**power for power in range(first - 1, last + 2) for one in (1, 2, 5)]
    return [value for value in found if low <= value <= high]


COLUMN, WIDE = 334, 520
"""Widths of a drawing: a third of the page, or nearly half of it; a unit is a pixel there."""


def apart(ticks: Sequence[float], across: Scale, font: float) -> list[float]:
    """As many of evenly spaced ticks, side by side, as there is room for their numbers."""
    if len(ticks) < 2:
        return list(ticks)
    room = min(abs(across.at(b) - across.at(a)) for a, b in pairwise(ticks))
    needed = max(width(short(tick), font) for tick in ticks) + 6
    return list(ticks[:: max(1, math.ceil(needed / max(room, 1e-9)))])


@dataclass(frozen=True)
class Frame:
    """A drawing of ``width`` x ``height`` with room for axes around the middle."""

    width: int = COLUMN
    height: int = 214
    left: int = 48
    right: int = 16
    top: int = 24
    bottom: int = 40

    @property
    def font(self) -> float:
        """The size of its texts where it takes most room: of a wide drawing, on a phone."""
        return 16.0 if self.width > COLUMN else 11.0

    @property
    def across(self) -> tuple[float, float]:
        """Where the middle begins and ends, from left to right."""
        return float(self.left), float(self.width - self.right)

    @property
    def upward(self) -> tuple[float, float]:
        """Where the middle begins and ends, from the bottom up."""
        return float(self.height - self.bottom), float(self.top)

    def drawn(self, label: str, *parts: object, **attributes: object) -> Html:
        """The parts as a picture; ``label`` says to those who cannot see it what it shows."""
        return tag(
            "svg",
            tag("title", label),
            parts,
            viewBox=f"0 0 {self.width} {self.height}",
            role="img",
            class_="chart wide" if self.width > COLUMN else "chart",
            **attributes,
        )

    def beside(self, *upward: Scale) -> "Frame":
        """The same with as much room at the left as the numbers of these scales take."""
        widest = max(width(short(tick), self.font) for one in upward for tick in one.ticks)
        return replace(self, left=max(self.left, math.ceil(widest) + 12))

    def axes(
        self,
        x: Scale,
        y: Scale,
        label_x: str,
        label_y: str,
        ticks_x: Sequence[float] | None = None,
        numbered: bool = True,
    ) -> list[Html]:
        """Ticks with numbers, lines across at each tick of y, and what is measured.

        numbered: whether x has its numbers here, and not under another picture of the same x
        """
        left, right = self.across
        foot = self.upward[0]
        parts = []
        for value in y.ticks:
            place = y.at(value)
            parts.append(tag("line", x1=left, x2=right, y1=place, y2=place, class_="rule"))
            parts.append(tag("text", short(value), x=left - 6, y=place, dy=".33em", class_="tick end"))
        for value in apart(x.ticks if ticks_x is None else ticks_x, x, self.font):
            place = x.at(value)
            parts.append(tag("line", x1=place, x2=place, y1=foot, y2=foot + 4, class_="axis"))
            if numbered:
                half = 0.5 * width(short(value), self.font)
                middle = min(place, self.width - half)
                parts.append(tag("text", short(value), x=middle, y=foot + 17, class_="tick middle"))
        parts.append(tag("line", x1=left, x2=right, y1=foot, y2=foot, class_="axis"))
        if numbered:
            parts.append(tag("text", label_x, x=right, y=foot + 34, class_="label end"))
        parts.append(tag("text", label_y, x=4, y=self.top - 14, class_="label"))
        return parts

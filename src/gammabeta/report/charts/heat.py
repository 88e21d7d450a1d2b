"""Heat maps: a color per cell, in nine steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gammabeta.report.charts.scale import Frame
from gammabeta.report.charts.text import fitted, width
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import short

STEPS = 9
MOST_NAMED = 12
FONT = 11.0
MOST_NAME = 126
"""Room for the name of a row."""


@dataclass(frozen=True)
class Colors:
    """Which of the nine colors a value has: from pale at ``low`` to strong at ``high``, or by powers of ten.

    middle: where there is one, it is pale, and values are of one color above it and of another below, as strong as they
    are far from it; the ends then lie equally far
    """

    low: float
    high: float
    log: bool = False
    middle: float | None = None

    def of(self, value: float) -> int:
        """0 to 8."""
        low, high, value = (math.log10(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        if not high > low:
            return STEPS // 2 if self.middle is not None else 0
        return min(STEPS - 1, max(0, int((value - low) / (high - low) * STEPS)))

    def name(self, step: int) -> str:
        """The class of a color."""
        if self.middle is None:
            return f"h{step}"
        away = step - STEPS // 2
        return f"h{2 * away}" if away >= 0 else f"g{-2 * away}"

    def strong(self, step: int) -> bool:
        """Whether words on it have to be light."""
        return step > STEPS // 2 if self.middle is None else abs(step - STEPS // 2) > 2


def colors(
    values: Sequence[Sequence[float | None]],
    *,
    log: bool = False,
    low: float | None = None,
    high: float | None = None,
    middle: float | None = None,
) -> Colors:
    """The colors for these values; low, high: ends, else the extremes, or as far from the middle as the farther one."""
    known = [v for line in values for v in line if v is not None and math.isfinite(v) and (v > 0 or not log)]
    low = low if low is not None else min(known, default=0.0)
    high = high if high is not None else max(known, default=1.0)
    if middle is not None and log:
        far = max(high / middle, middle / low)
        low, high = middle / far, middle * far
    elif middle is not None:
        far = max(high - middle, middle - low)
        low, high = middle - far, middle + far
    return Colors(low, high, log, middle)


def heat_map(
    title: object,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    label_rows: str = "",
    label_columns: str = "",
    log: bool = False,
    texts: Sequence[Sequence[str]] | None = None,
    low: float | None = None,
    high: float | None = None,
    middle: float | None = None,
    note: object = None,
) -> Html:
    """A figure with one cell per row and column; None is left empty.

    texts: written into the cells; log, low, high, middle: of the colors, see :func:`colors`
    """
    shown = [list(line) for line in values]
    scheme = colors(shown, log=log, low=low, high=high, middle=middle)
    widest = max((width(name, FONT) for name in rows), default=0.0)
    bottom = 36 if texts is not None else 42 if middle is None else 54
    frame = Frame(left=math.ceil(min(MOST_NAME, widest)) + 10, bottom=bottom, height=0)
    left, right = frame.across
    wide = (right - left) / max(len(columns), 1)
    tall = min(26.0, max(14.0, wide if texts else 14.0, 150 / max(len(rows), 1)))
    frame = Frame(left=frame.left, bottom=bottom, height=int(frame.top + tall * len(rows) + bottom))
    cells: dict[int, list[str]] = {}
    for i, line in enumerate(shown):
        for j, value in enumerate(line):
            if value is not None and math.isfinite(value):
                corner = f"M{left + j * wide:.1f} {frame.top + i * tall:.1f}"
                cells.setdefault(scheme.of(value), []).append(
                    f"{corner}h{wide - 0.6:.1f}v{tall - 0.6:.1f}h{0.6 - wide:.1f}z"
                )
    parts: list[Html] = [
        tag("path", d="".join(found), class_=scheme.name(level)) for level, found in sorted(cells.items())
    ]
    for i, name in enumerate(rows):
        place = {"x": left - 6, "y": frame.top + (i + 0.5) * tall, "dy": ".33em"}
        parts.append(tag("text", tag("title", name), fitted(name, MOST_NAME, FONT), **place, class_="tick end"))
    parts += below(columns, left, wide, frame.top + tall * len(rows))
    if texts is not None:
        for i, words in enumerate(texts):
            for j, word in enumerate(words):
                if not word:
                    continue
                value = shown[i][j]
                strong = value is not None and scheme.strong(scheme.of(value))
                place = {"x": left + (j + 0.5) * wide, "y": frame.top + (i + 0.5) * tall, "dy": ".33em"}
                parts.append(tag("text", word, **place, class_="cell strong" if strong else "cell"))
    parts.append(tag("text", label_rows, x=4, y=12, class_="label"))
    parts.append(tag("text", label_columns, x=right, y=frame.top + tall * len(rows) + 30, class_="label end"))
    if texts is None:
        parts += key(scheme, frame.top + tall * len(rows) + 23)
    grid = f"{left:.1f} {frame.top} {wide:.3f} {tall:.3f}"
    behind = numbers_behind(
        [label_rows, *columns],
        [
            [name, *((texts[i][j] if texts else short(v)) for j, v in enumerate(line))]
            for i, (name, line) in enumerate(zip(rows, shown, strict=True))
        ],
    )
    return figure(title, frame.drawn(f"{label_rows} by {label_columns}", parts, data_cells=grid), behind, note)


def below(columns: Sequence[str], left: float, wide: float, foot: float) -> list[Html]:
    """The names of the columns, as many as there is room for."""
    every = max(1, -(-len(columns) // MOST_NAMED))
    room = max(every * wide - 4, 12.0)
    return [
        tag("text", fitted(columns[j], room, FONT), x=left + (j + 0.5) * wide, y=foot + 14, class_="tick middle")
        for j in range(0, len(columns), every)
    ]


def key(scheme: Colors, top: float, left: float = 4.0) -> list[Html]:
    """The colors from low to high, with a mark at the middle where there is one; one color where all are the same."""
    if not scheme.high > scheme.low:
        words = f"everywhere {short(scheme.low)}"
        swatch = tag("rect", x=left, y=top, width=9.0, height=8.0, class_=scheme.name(scheme.of(scheme.low)))
        return [swatch, tag("text", words, x=left + 14, y=top + 8, class_="tick")]
    low, high = short(scheme.low), short(scheme.high)
    start = left + math.ceil(width(low, FONT)) + 6
    found = [tag("text", low, x=left, y=top + 8, class_="tick")]
    found += [tag("rect", x=start + 9 * i, y=top, width=9.0, height=8.0, class_=scheme.name(i)) for i in range(STEPS)]
    found.append(tag("text", high, x=start + 9 * STEPS + 5, y=top + 8, class_="tick"))
    if scheme.middle is not None:
        place = start + 4.5 * STEPS
        found.append(tag("line", x1=place, x2=place, y1=top - 2, y2=top + 11, class_="axis"))
        found.append(tag("text", short(scheme.middle), x=place, y=top + 22, class_="tick middle"))
    return found

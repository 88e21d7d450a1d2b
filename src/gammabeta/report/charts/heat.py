"""Heat maps: a color per cell, in nine steps."""

import math
from collections.abc import Sequence

from gammabeta.report.charts.scale import Frame
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import cut, short

STEPS = 9
MOST_NAMED = 12
LETTER = 6.2
"""Width of a letter of the axis."""


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
    note: object = None,
) -> Html:
    """A figure with one cell per row and column; None is left empty.

    log: colors by powers of ten; texts: written into the cells; low, high: ends of the colors, else the extremes
    """
    shown = [list(line) for line in values]
    known = [v for line in shown for v in line if v is not None and math.isfinite(v) and (v > 0 or not log)]
    low = low if low is not None else min(known, default=0.0)
    high = high if high is not None else max(known, default=1.0)
    longest = max((len(name) for name in rows), default=0)
    frame = Frame(left=int(min(120, 14 + LETTER * min(longest, 17))), top=24, bottom=36, height=0)
    left, right = frame.across
    wide = (right - left) / max(len(columns), 1)
    tall = min(26.0, max(12.5, wide if texts else 12.5, 150 / max(len(rows), 1)))
    frame = Frame(left=frame.left, top=24, bottom=36, height=int(24 + tall * len(rows) + 36))
    cells: dict[int, list[str]] = {}
    for i, line in enumerate(shown):
        for j, value in enumerate(line):
            if value is not None and math.isfinite(value):
                corner = f"M{left + j * wide:.1f} {frame.top + i * tall:.1f}"
                cells.setdefault(step(value, low, high, log), []).append(
                    f"{corner}h{wide - 0.6:.1f}v{tall - 0.6:.1f}h{0.6 - wide:.1f}z"
                )
    parts: list[Html] = [tag("path", d="".join(found), class_=f"h{level}") for level, found in sorted(cells.items())]
    for i, name in enumerate(rows):
        parts.append(tag("text", cut(name, 18), x=left - 6, y=frame.top + (i + 0.5) * tall + 3.5, class_="tick end"))
    foot = frame.top + tall * len(rows)
    every = max(1, -(-len(columns) // MOST_NAMED))
    fit = max(2, int(every * wide / LETTER))
    for j in range(0, len(columns), every):
        parts.append(tag("text", cut(columns[j], fit), x=left + (j + 0.5) * wide, y=foot + 14, class_="tick middle"))
    if texts is not None:
        for i, words in enumerate(texts):
            for j, word in enumerate(words):
                value = shown[i][j]
                level = step(value, low, high, log) if value is not None else 0
                place = {"x": left + (j + 0.5) * wide, "y": frame.top + (i + 0.5) * tall + 3.5}
                parts.append(tag("text", word, **place, class_="cell strong" if level > STEPS // 2 else "cell"))
    parts.append(tag("text", label_rows, x=4, y=12, class_="label"))
    parts.append(tag("text", label_columns, x=right, y=frame.height - 6, class_="label end"))
    if texts is None:
        parts += key(low, high, left, frame)
    grid = f"{left:.1f} {frame.top} {wide:.3f} {tall:.3f}"
    behind = numbers_behind(
        [label_rows, *columns],
        [
            [name, *((texts[i][j] if texts else short(v)) for j, v in enumerate(line))]
            for i, (name, line) in enumerate(zip(rows, shown, strict=True))
        ],
    )
    return figure(title, frame.drawn(f"{label_rows} by {label_columns}", parts, data_cells=grid), behind, note)


def step(value: float, low: float, high: float, log: bool) -> int:
    """Which of the nine colors a value has."""
    if log:
        value, low, high = (math.log10(max(v, 1e-300)) for v in (max(value, low), low, high))
    share = (value - low) / (high - low) if high > low else 0.5
    return min(STEPS - 1, max(0, int(share * STEPS)))


def key(low: float, high: float, left: float, frame: Frame) -> list[Html]:
    """The colors from low to high, under the picture."""
    top = frame.height - 14
    found = [tag("rect", x=left + 44 + 9 * i, y=top, width=9.0, height=8.0, class_=f"h{i}") for i in range(STEPS)]
    found.append(tag("text", short(low), x=left + 40, y=top + 8, class_="tick end"))
    found.append(tag("text", short(high), x=left + 48 + 9 * STEPS, y=top + 8, class_="tick"))
    return found

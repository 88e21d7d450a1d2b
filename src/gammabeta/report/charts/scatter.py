"""Scatter plots."""

from collections.abc import Sequence

from gammabeta.report.charts.scale import Frame, Scale, scale
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import short

MOST_BEHIND = 100


def scatter(
    title: object,
    points: Sequence[tuple[float, float]],
    *,
    x: str,
    y: str,
    diagonal: bool = False,
    level: float | None = None,
    note: object = None,
) -> Html:
    """A figure with a point per pair; diagonal: the line y = x, on equal axes; level: a horizontal line."""
    frame = Frame()
    xs, ys = [a for a, _ in points], [b for _, b in points]
    upward = scale([*xs, *ys] if diagonal else [*ys, level], *frame.upward)
    frame = frame.beside(upward)
    across = Scale(upward.low, upward.high, *frame.across) if diagonal else scale(xs, *frame.across)
    parts: list[Html] = frame.axes(across, upward, x, y)
    if diagonal:
        ends = {"x1": across.start, "y1": upward.start, "x2": across.end, "y2": upward.end}
        parts.append(tag("line", **ends, class_="guide"))
    if level is not None:
        place = upward.at(level)
        parts.append(tag("line", x1=across.start, x2=across.end, y1=place, y2=place, class_="guide"))
    path = "".join(f"M{across.at(a):.1f} {upward.at(b):.1f}h0" for a, b in points)
    parts.append(tag("path", d=path, class_="dots"))
    rows = [[short(a), short(b)] for a, b in points[:MOST_BEHIND]]
    behind = numbers_behind([x, y], rows, ())
    return figure(title, frame.drawn(f"{y} by {x}, {len(points)} points", parts), behind, note)

"""Histograms: counts over bins."""

from collections.abc import Sequence

from gammabeta.report.charts.scale import Frame, Scale
from gammabeta.report.html import Html, figure, numbers_behind, tag
from gammabeta.report.numbers import short


def histogram(
    title: object, edges: Sequence[float], counts: Sequence[int], *, x: str, y: str = "rows", note: object = None
) -> Html:
    """A figure with one column per bin; edges: one more than counts."""
    frame = Frame()
    upward = Scale(0.0, 1.05 * max([*counts, 1]), *frame.upward)
    frame = frame.beside(upward)
    across = Scale(edges[0], edges[-1], *frame.across)
    parts: list[Html] = frame.axes(across, upward, x, y)
    foot = frame.upward[0]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, right, top = across.at(low), across.at(high), upward.at(count)
        tip = tag("title", f"{short(low)} to {short(high)}: {count:,}")
        wide = max(right - left - 1, 0.5)
        parts.append(tag("rect", tip, x=left + 0.5, y=top, width=wide, height=max(foot - top, 0.0), class_="f0"))
    if edges[0] < 0 < edges[-1]:
        place = across.at(0.0)
        parts.append(tag("line", x1=place, x2=place, y1=foot, y2=frame.upward[1], class_="mark"))
    rows = [[short(a), short(b), f"{n:,}"] for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    return figure(title, frame.drawn(f"{y} by {x}", parts), numbers_behind(["from", "to", y], rows, ()), note)


def sparkbars(counts: Sequence[int], words: str) -> Html:
    """A histogram the size of a word, for the cell of a table."""
    most, wide = max([*counts, 1]), min(96 / max(len(counts), 1), 12)
    found = [
        tag("rect", x=i * wide, y=22 - 20 * n / most, width=max(wide - 1, 0.5), height=20 * n / most, class_="f0")
        for i, n in enumerate(counts)
        if n
    ]
    base = tag("line", x1=0, x2=96, y1=22.5, y2=22.5, class_="axis")
    return tag("svg", tag("title", words), found, base, viewBox="0 0 96 24", role="img", class_="spark")

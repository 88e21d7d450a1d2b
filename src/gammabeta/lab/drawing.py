"""How the lab's pictures look: one style, colors that color-blind eyes tell apart, light and dark."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammabeta.errors import UsageError

if TYPE_CHECKING:
    from gammabeta.lab.experiment import Outcome

# Okabe & Ito 2008, and what each becomes on a dark page
BLUE, ORANGE, GREEN, PINK, SKY, YELLOW, BLACK = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#b8860b",
    "#1f2328",
)
GRAY, FAINT, PAPER = "#59636e", "#d1d9e0", "#ffffff"
ON_DARK = {
    BLUE: "#4ea8de",
    ORANGE: "#f08c42",
    GREEN: "#3ecf9f",
    PINK: "#e3a1c6",
    SKY: "#a6d8f7",
    YELLOW: "#e6c34a",
    BLACK: "#f0f6fc",
    GRAY: "#9198a1",
    FAINT: "#3d444d",
    PAPER: "#0d1117",
}
COLORS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK, GRAY)
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
WITH, WITHOUT = {"color": BLUE, "linestyle": "-"}, {"color": ORANGE, "linestyle": "--"}
"""Of lines with batch norm and without it, in every picture."""


def style(index: int) -> dict[str, Any]:
    """Color and dashes of the line number ``index``: told apart without color too."""
    return {"color": COLORS[index % len(COLORS)], "linestyle": DASHES[index % len(DASHES)]}


def require_matplotlib() -> None:
    """Refuse before the work where the picture could not be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("lab: matplotlib draws its pictures and is not here; pip install 'gammabeta[lab]'.") from None


@contextmanager
def in_style() -> Iterator[None]:
    import matplotlib

    settings: Any = {
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "text.color": BLACK,
        "axes.labelcolor": GRAY,
        "axes.edgecolor": FAINT,
        "axes.titlecolor": BLACK,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": GRAY,
        "ytick.color": GRAY,
        # labels of short ticks in line with those of long ones
        "xtick.minor.pad": 5.0,
        "ytick.minor.pad": 5.0,
        "lines.linewidth": 2.0,
        "legend.frameon": False,
        "font.size": 10,
        "path.simplify_threshold": 0.4,
        "svg.fonttype": "none",
        "svg.hashsalt": "gammabeta",
    }
    with matplotlib.rc_context(settings):
        yield


def drawn(outcome: "Outcome", svg: Path, png: Path) -> None:
    """Draw an outcome into two files: the claim above the picture, the verdict below."""
    import textwrap

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    experiment, verdict = outcome.experiment, outcome.verdict
    with in_style():
        width, height = experiment.figure_size
        says = textwrap.wrap(f"{verdict.word}: {verdict.says}", round(13.5 * width))
        above, below = 0.5, 0.25 + 0.19 * len(says)
        whole = Figure(figsize=(width, height + above + below), layout="constrained")
        FigureCanvasAgg(whole)
        parts: Any = whole.subfigures(3, 1, height_ratios=(above, height, below))
        head, middle, foot = parts
        head.text(0.012, 0.55, f"{experiment.claim}  {experiment.title}", size=13, weight="bold", va="center")
        foot.text(0.012, 0.5, "\n".join(says), size=9.5, color=GRAY, va="center", linespacing=1.4)
        experiment.draw(outcome.rows, middle)
        for axes in middle.axes:
            finished(axes)
        whole.savefig(png, dpi=150, metadata={"Software": None})
        whole.savefig(svg, metadata={"Date": None, "Creator": None})
    lean = shortened(svg.read_text(encoding="utf-8"))
    svg.write_text(in_both_lights(lean, experiment.title), encoding="utf-8")


def finished(axes: Any) -> None:
    """Plain numbers on logarithmic axes, and a legend where lines have names and neither axes nor picture has one."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            low, high = sorted(axis.get_view_interval())
            plain = FuncFormatter(lambda value, _: f"{value:g}")
            axis.set_major_formatter(plain)
            # within two decades there are too few powers of ten to read from
            axis.set_minor_formatter(leading(plain) if high < 100 * low else NullFormatter())
    if axes.get_legend() is None and not axes.figure.legends and axes.get_legend_handles_labels()[1]:
        axes.legend()


def leading(plain: Any) -> Any:
    """Labels at 2 and 5 times a power of ten only."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: plain(value) if f"{value:e}"[0] in "25" else "")


def shortened(svg: str) -> str:
    """The picture with places to a hundredth of a point: half of a path's text is digits that no eye sees."""
    import re

    def rounded(found: re.Match[str]) -> str:
        return re.sub(r"(\.\d\d)\d+", r"\1", found[0]).replace(" \nL ", "L")

    return re.sub(r' (?:d|x|y)="[^"]*"', rounded, svg)


def in_both_lights(svg: str, title: str) -> str:
    """The picture with its colors exchanged on a dark page, and a name for those who do not see it."""
    rules = []
    for light, dark in ON_DARK.items():
        for kind in ("fill", "stroke"):
            rules.append(f'[style*="{kind}: {light}"] {{ {kind}: {dark} !important }}')
    sheet = "@media (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}"
    head, end, rest = svg.partition("<defs>")
    named = head.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return f"{named}<style>{sheet}</style>\n{end}{rest}"


def legend_below(figure: Any, axes: Any) -> None:
    """One legend for all axes of a picture, of the names in ``axes``, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def band(axes: Any, x: Sequence[float], curves: Any, name: str, **look: Any) -> None:
    """The median of curves (runs, points) and a band from the least to the most."""
    found = np.asarray(curves, np.float64)
    axes.fill_between(x, np.nanmin(found, axis=0), np.nanmax(found, axis=0), color=look.get("color"), alpha=0.15, lw=0)
    axes.plot(x, np.nanmedian(found, axis=0), label=name, **look)

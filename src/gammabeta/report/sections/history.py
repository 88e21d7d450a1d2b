"""What sections take from the lines of a history."""

from collections.abc import Mapping, Sequence
from typing import Any

Lines = Sequence[Mapping[str, Any]]


def axis(lines: Lines) -> tuple[list[float], str]:
    """(x of every line, its name): epochs, or steps where epochs were measured several times."""
    epochs = [float(line["epoch"]) for line in lines]
    if len(set(epochs)) == len(epochs):
        return epochs, "epoch"
    return [float(line["steps"]) for line in lines], "step"


def best_line(lines: Lines) -> int | None:
    """The position of the line whose weights are kept; None where there is none."""
    return next((index for index in reversed(range(len(lines))) if lines[index].get("best")), None)


def position_of(lines: Lines, index: int) -> tuple[float, str]:
    """(x, "epoch" or "step") of one line."""
    xs, what = axis(lines)
    return xs[index], what


def series(lines: Lines, part: str, name: str) -> list[float | None]:
    """One number per line, None where it was not measured."""
    return [(line.get(part) or {}).get(name) for line in lines]


def thinned(lines: Lines, most: int) -> list[int]:
    """Positions of at most ``most`` lines, evenly spaced, the last and the best among them."""
    if len(lines) <= most:
        return list(range(len(lines)))
    step = (len(lines) - 1) / (most - 2)
    chosen = {round(i * step) for i in range(most - 1)} | {len(lines) - 1}
    best = best_line(lines)
    return sorted(chosen | ({best} if best is not None else set()))

"""The history of a run in its file, a line per epoch; of one that is being written only what is new is read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Tail:
    """The lines of a history up to a byte.

    at: bytes read, up to the end of the last whole line; last: that line, by which a history that was begun anew is
    told from one that grew; count: whole lines; broken: numbers of those of another format, which are left out
    rest: what follows them, a line that is being written or was cut off
    """

    lines: tuple[Line, ...] = ()
    at: int = 0
    last: bytes = b""
    count: int = 0
    broken: tuple[int, ...] = ()
    rest: bytes = b""


def further(tail: Tail, path: Path) -> Tail:
    """The history as it is now; read from its beginning where it is another one. () lines where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(tail.at - len(tail.last))
            if file.read(len(tail.last)) != tail.last:
                tail = Tail()
                file.seek(0)
            fresh = file.read()
    except OSError:
        return Tail()
    whole, newline, rest = fresh.rpartition(b"\n")
    if not newline:
        return replace(tail, rest=rest)
    texts = whole.split(b"\n")
    found = [parsed(text) for text in texts]
    broken = tuple(tail.count + number for number, line in enumerate(found, 1) if line is None)
    return Tail(
        (*tail.lines, *(line for line in found if line is not None)),
        tail.at + len(whole) + 1,
        texts[-1] + b"\n",
        tail.count + len(texts),
        (*tail.broken, *broken),
        rest,
    )


def parsed(text: bytes) -> Line | None:
    """One epoch; None where it is of another format."""
    try:
        line: Line = json.loads(text)
        line["train"]["loss"], line["steps"], line["epoch"]
    except (ValueError, KeyError, TypeError):
        return None
    return line


def history_lines(path: Path) -> tuple[tuple[Line, ...], list[str]]:
    """(epochs, what was left out in words): lines that were cut off or are of another format."""
    tail = further(Tail(), path)
    last = parsed(tail.rest) if tail.rest else None
    cut = tail.rest and last is None
    numbers = [*tail.broken, *([tail.count + 1] if cut else [])]
    return (*tail.lines, *([last] if last is not None else [])), left_out(path.name, numbers)


def left_out(name: str, numbers: Sequence[int]) -> list[str]:
    """One sentence on the lines of these numbers; [] for none."""
    if len(numbers) > 1:
        where = f"{len(numbers)} lines, the first of them line {numbers[0]}, are"
    else:
        where = "".join(f"line {number} is" for number in numbers)
    return [f"{name}: {where} cut off or of another format, and left out."] if numbers else []

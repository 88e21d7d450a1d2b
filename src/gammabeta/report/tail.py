"""The history of a run that is being written: only what is new is read."""

import json
from collections.abc import Mapping
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

"""How things look on a terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gammabeta.report.numbers import number, score

MOST_NOTES = 12

__all__ = ["by_reason", "console", "grid", "metric_rows", "notes", "number", "print_json", "score", "some_of"]


def console(quiet: bool = False, beside_json: bool = False) -> Console:
    """Standard output, silent where asked for; standard error where the output is to be one JSON object.

    Sentences are wrapped on a terminal only: in a file or a pipe each is one line.
    """
    made = Console(quiet=quiet, stderr=beside_json, highlight=False)
    made.soft_wrap = not made.is_terminal
    return made


def grid(title: str, header: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[int] = ()) -> Table:
    """A plain table; the columns named by ``numbers`` are aligned to the right."""
    right = set(numbers)
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index in right else "left", header_style="dim", overflow="fold")
    for row in rows:
        # texts from a file are shown as they are, never read as markup
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def metric_rows(parts: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) of a table with one row per metric and one column per part that has any."""
    shown = {name: found for name, found in parts.items() if found}
    names = list(dict.fromkeys(metric for found in shown.values() for metric in found))
    rows = [[name, *(score(found.get(name)) for found in shown.values())] for name in names]
    return ["", *shown], rows


def notes(out: Console, sentences: Iterable[str]) -> None:
    """Sentences about what was found and handled, each once, and not more of them than are read."""
    said = list(dict.fromkeys(sentences))
    for sentence in said[:MOST_NOTES]:
        out.print(Text(f"note: {sentence}", style="yellow"))
    if len(said) > MOST_NOTES:
        rest = len(said) - MOST_NOTES
        out.print(Text(f"note: and {rest:,} more {'note' if rest == 1 else 'notes'} like these.", style="yellow"))


def by_reason(columns: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """(names, reason) for every reason, from (name, reason) of every column."""
    found: dict[str, list[str]] = {}
    for name, reason in columns:
        found.setdefault(reason, []).append(name)
    return [(names, reason) for reason, names in found.items()]


def some_of(names: Sequence[str], most: int) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(f'"{name}"' for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def print_json(value: Mapping[str, Any]) -> None:
    """One line on standard output; NaN and infinity do not occur in it."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()

"""How things look on a terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def console(quiet: bool = False) -> Console:
    """Standard output, silent where asked for."""
    return Console(quiet=quiet, highlight=False, soft_wrap=True)


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


def number(value: float | None) -> str:
    """Four significant digits, without an exponent where it can be avoided."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def metric_rows(parts: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) of a table with one row per metric and one column per part that has any."""
    shown = {name: found for name, found in parts.items() if found}
    names = list(dict.fromkeys(metric for found in shown.values() for metric in found))
    rows = [[name, *(number(found.get(name)) for found in shown.values())] for name in names]
    return ["", *shown], rows


def notes(out: Console, sentences: Iterable[str]) -> None:
    """Sentences about what was found and handled, each once."""
    for sentence in dict.fromkeys(sentences):
        out.print(Text(f"note: {sentence}", style="yellow"))


def print_json(value: Mapping[str, Any]) -> None:
    """One line on standard output; NaN and infinity do not occur in it."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()

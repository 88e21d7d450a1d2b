"""The progress of a search: the best so far, what is done, pruned and left, and the time left."""

import math
import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gammabeta.cli.progress import duration
from gammabeta.tune import Standing


class SearchProgress:
    """A bar on standard error where that is a terminal, else a line at every tenth of a phase."""

    def __init__(self, quiet: bool) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self.live = self.console.is_terminal and not quiet
        self.lines = not self.live and not quiet
        self.bar = Progress(
            TextColumn("{task.fields[phase]:<9}"),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[words]}"),
            console=self.console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bar.add_task("search", phase="starting", words="", total=None)
        self.said: tuple[str, int] = ("", -1)

    def __enter__(self) -> Self:
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.__exit__(kind, error, trace)

    def told(self, standing: Standing) -> None:
        """Show where the search is."""
        words = in_words(standing)
        self.bar.update(
            self.task, completed=standing.done, total=standing.of, phase=standing.phase, words=words, refresh=True
        )
        tenth = (standing.phase, 10 * standing.done // standing.of)
        if self.lines and tenth != self.said:
            self.said = tenth
            print(f"{standing.phase}: {words}", file=sys.stderr)


def in_words(standing: Standing) -> str:
    """``12 of 30, 5 pruned  best loss 0.0891 (started at 0.0957)  accuracy 0.967  2 min 4 s left``"""
    parts = [f"{standing.done} of {standing.of}"]
    if standing.phase == "searching":
        parts[0] += f", {standing.pruned} pruned"
    if not math.isnan(standing.best):
        began = "" if math.isnan(standing.first) else f" (from {standing.first:.4g})"
        parts.append(f"best loss {standing.best:.4g}{began}  {standing.metric} {standing.score:.4g}")
    if standing.done < standing.of:
        parts.append("time left unknown" if math.isnan(standing.left) else f"{duration(standing.left)} left")
    return "  ".join(parts)


def briefly(standing: Standing) -> str:
    """``trial 12 of 30 done, 5 pruned, best loss 0.0891``"""
    searching = standing.phase == "searching"
    done = f"trial {standing.done} of {standing.of} done" if searching else f"{standing.done} of {standing.of}"
    pruned = f", {standing.pruned} pruned" if searching else ""
    return f"{done}{pruned}{'' if math.isnan(standing.best) else f', best loss {standing.best:.4g}'}"

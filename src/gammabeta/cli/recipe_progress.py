"""The progress of a recipe: the step, what it does, and the time left."""

import math
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gammabeta.cli.progress import duration
from gammabeta.recipe import Standing

BETWEEN = 10.0
"""Seconds between two lines where the output is no terminal."""


class RecipeProgress:
    """A line on standard error that is written over, where that is a terminal; else a line every ten seconds."""

    def __init__(self, quiet: bool) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self.live = self.console.is_terminal and not quiet
        self.lines = not self.live and not quiet
        self.bar = Live("", console=self.console, transient=True, refresh_per_second=4, auto_refresh=self.live)
        self.step, self.said = "", 0.0

    def __enter__(self) -> Self:
        if self.live:
            self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.bar.__exit__(kind, error, trace)

    def clear(self) -> None:
        """Make room for a line that stays."""
        if self.live:
            self.bar.update("", refresh=True)

    def told(self, standing: Standing) -> None:
        """Show where the recipe is."""
        left = "" if math.isnan(standing.left) else f", at most {duration(standing.left)} left"
        line = f"{standing.step}: {standing.words}{left}"
        if self.live:
            self.bar.update(Text(line, no_wrap=True, overflow="ellipsis"))
        now = time.perf_counter()
        if self.lines and (standing.step != self.step or now - self.said >= BETWEEN):
            self.step, self.said = standing.step, now
            print(line, file=sys.stderr)

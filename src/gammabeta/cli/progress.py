"""The progress of a fit: loss, metric, and an honest time left."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gammabeta.plan import Plan
from gammabeta.train import Epoch
from gammabeta.train.fit import Progress as Where


class FitProgress:
    """A bar on standard error where that is a terminal, else a line at every tenth of the run.

    The time left is what remains of the steps at the speed of the steps so far, at most where the run may stop early;
    compiling is shown as such, and its time counts for neither.
    """

    def __init__(self, quiet: bool, plan: Plan) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self.live = self.console.is_terminal and not quiet
        self.lines = not self.live and not quiet
        self.bar = Progress(
            TextColumn("{task.fields[phase]:<9}"),
            BarColumn(bar_width=10),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            TextColumn("{task.fields[numbers]}"),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bar.add_task(
            "fit", phase="starting", epoch=0, epochs=plan.epochs, numbers="", left="", total=None
        )
        self.epochs = plan.epochs
        self.at_most = "up to " if plan.early_stopping else ""
        self.compiled = time.perf_counter()
        self.tenth = 0

    def __enter__(self) -> Self:
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.__exit__(kind, error, trace)

    def moved(self, where: Where) -> None:
        """Show where the fit is."""
        left = "time left unknown" if where.phase == "compiling" else self.left(where)
        self.bar.update(
            self.task, completed=where.done, total=where.steps, phase=where.phase, epoch=where.epoch, left=left
        )
        if self.lines and where.phase == "compiling":
            print("compiling ...", file=sys.stderr)

    def left(self, where: Where) -> str:
        """The time that the remaining steps take at the speed of those since compiling."""
        if where.done == 0:
            self.compiled = time.perf_counter()
            return ""
        spent = time.perf_counter() - self.compiled
        return f"{self.at_most}{duration(spent * (where.steps - where.done) / where.done)} left"

    def epoch(self, epoch: Epoch) -> None:
        """Show what an epoch came to."""
        # a terminal of 80 columns has room for one side: the one that decides which epoch is best
        latest = "  ".join(f"{name} {value:.4g}" for name, value in (epoch.valid or epoch.train).items())
        self.bar.update(self.task, numbers=latest)
        tenth = 10 * epoch.number // self.epochs
        if self.lines and (tenth > self.tenth or epoch.ended):
            self.tenth = tenth
            mark = " best" if epoch.best else ""
            print(f"epoch {epoch.number}: {numbers(epoch)}{mark}", file=sys.stderr)


def numbers(epoch: Epoch) -> str:
    """``loss 0.12 valid 0.15  accuracy 0.96 valid 0.95``"""
    parts = []
    for name, value in epoch.train.items():
        beside: Any = epoch.valid.get(name)
        parts.append(f"{name} {value:.4g}" + ("" if beside is None else f" valid {beside:.4g}"))
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """``4 s``, ``3 min 20 s``, ``2 h 5 min``"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def teller(quiet: bool, what: str) -> Callable[[int, int], None]:
    """Says how far several runs are and what time is left: over itself on a terminal, else a line at every tenth."""
    began = time.perf_counter()
    said = {"tenth": 0}

    def tell(done: int, of: int) -> None:
        if quiet:
            return
        spent = time.perf_counter() - began
        line = f"{what} {done} of {of}, {duration(spent * (of - done) / done)} left"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}" if done < of else "\r\033[K", end="", file=sys.stderr, flush=True)
        elif 10 * done // of != said["tenth"]:
            said["tenth"] = 10 * done // of
            print(line, file=sys.stderr)

    return tell

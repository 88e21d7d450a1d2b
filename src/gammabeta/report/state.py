"""What a run is doing, told from its files alone."""

import time
from typing import Literal, NamedTuple

from gammabeta.report.run_folder import Known

SILENT = 120.0
"""Seconds without a new line from which a run that has not ended is called silent, at least."""

PATIENCE = 10
"""The same in epochs, by the longest that was measured."""

Word = Literal["waiting", "starting", "training", "measuring", "over", "silent"]


class State(NamedTuple):
    """A word for styles, words for people, and fewer of them for a table that has the epochs in another column."""

    word: Word
    says: str
    short: str


def state_of(known: Known, written: float, now: float) -> State:
    """written: when one of its files was last written, as now in seconds since 1970."""
    total = known.plan.get("epochs")
    quiet = now - written
    if not known.plan and not known.history and not known.more:
        return State("waiting", "nothing here yet", "waiting")
    if known.ended:
        ended = {"epochs": "all epochs done"}.get(known.ended, known.ended)
        if known.metrics or quiet > SILENT:
            return State("over", f"over: {ended}", ended)
        return State("measuring", f"{ended}; measuring the finished network", "measuring")
    longest = max((float(line.get("seconds") or 0.0) for line in known.history), default=0.0)
    if quiet > max(SILENT, PATIENCE * longest):
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(written))
        return State("silent", f"silent since {since}: cut off, or in a long epoch", f"silent since {since}")
    if not known.history:
        return State("starting", "compiling, or in its first epoch", "starting")
    epoch = known.history[-1]["epoch"]
    of = f" of {total}" if total else ""
    return State("training", f"training, epoch {epoch}{of} done", "training")

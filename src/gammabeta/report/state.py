"""What a run is doing, told from its files alone."""

import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from gammabeta.report.names import STEPS
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
    quiet = now - written
    if known.progress is not None:
        return under_way(known, known.progress, written, quiet)
    if known.gates:
        return of_recipe(known, written, quiet)
    if not known.plan and not known.history:
        return of_search(known, written, quiet)
    return of_run(known, written, quiet)


def under_way(known: Known, told: Mapping[str, Any], written: float, quiet: float) -> State:
    """A recipe or a search that tells where it is."""
    step, words = str(told.get("step", "")), str(told.get("words", ""))
    says, short = f"{step}: {words}" if words else step, step
    if step in STEPS:
        number = f"step {STEPS.index(step) + 1} of {len(STEPS)}, {step}"
        says, short = f"{number}, under way{f': {words}' if words else ''}", number
    if quiet > patience(known):
        return silent(written, f"{says}; cut off, or in a long step")
    return State("training", says, short)


def of_recipe(known: Known, written: float, quiet: float) -> State:
    """A recipe of which no step is under way."""
    count = len(known.gates)
    if not known.cooked:
        words = f"{count} of {len(STEPS)} steps done, the last {STEPS[count - 1]}"
        return State("over", words, words)
    if known.metrics or quiet > SILENT:
        return State("over", f"over: all {len(STEPS)} steps done", f"all {len(STEPS)} steps done")
    return State("measuring", "all steps done; measuring the finished network", "measuring")


def of_search(known: Known, written: float, quiet: float) -> State:
    """A search of which nothing is under way, before its winner was trained; or nothing at all."""
    found = known.search
    if found is not None:
        words = f"{found.get('done', 0)} of {found.get('asked', '?')} trials done"
        return State("over", words, words)
    if known.database and quiet > SILENT:
        return silent(written, "a search that was cut off before its first trial was done")
    if known.database:
        return State("starting", "a search, in its first trials", "searching")
    if known.more:
        return State("starting", "begun, and nothing is measured yet", "starting")
    return State("waiting", "nothing here yet", "waiting")


def of_run(known: Known, written: float, quiet: float) -> State:
    """A run of a single plan."""
    total = known.plan.get("epochs")
    if known.ended:
        ended = {"epochs": "all epochs done"}.get(known.ended, known.ended)
        if known.metrics or quiet > SILENT:
            return State("over", f"over: {ended}", ended)
        return State("measuring", f"{ended}; measuring the finished network", "measuring")
    if quiet > patience(known):
        return silent(written, "cut off, or in a long epoch")
    if not known.history:
        return State("starting", "compiling, or in its first epoch", "starting")
    epoch = known.history[-1]["epoch"]
    of = f" of {total}" if total else ""
    return State("training", f"training, epoch {epoch}{of} done", "training")


def patience(known: Known) -> float:
    """Seconds of silence that say nothing."""
    longest = max((float(line.get("seconds") or 0.0) for line in known.history), default=0.0)
    return max(SILENT, PATIENCE * longest)


def silent(written: float, words: str) -> State:
    """Nothing was written for long."""
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(written))
    return State("silent", f"silent since {since}: {words}", f"silent since {since}")

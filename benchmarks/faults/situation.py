"""A run that is looked at: what it is made from, and what is true of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gammabeta.data import Dataset
from gammabeta.plan import Plan

SEVERITIES = ("mild", "clear", "gross")


@dataclass(frozen=True, eq=False)
class Situation:
    """A plan, its rows, and the truth.

    test: what the diagnosis is shown as new rows; None: none. holdout: what harm is measured on, prepared as the rows
        of a user of this model would be; never shown unless it is also ``test``
    accepted: the codes that name the cause; empty for a healthy run
    both: the accepted codes of each of two faults; empty for a single one
    alone: these two faults, each by itself
    finish: what happens to (params, stats) of the finished model, from the plan, its params and stats; None: nothing
    optimism: the harm is a validation score that is better than the hold-out's, and not a worse hold-out
    same_loss: whether its loss may be compared with the healthy run's
    """

    plan: Plan
    train: Dataset
    valid: Dataset | None
    holdout: Dataset
    test: Dataset | None = None
    accepted: frozenset[str] = frozenset()
    both: tuple[frozenset[str], ...] = ()
    alone: tuple["Situation", ...] = ()
    severity: Literal["mild", "clear", "gross"] | None = None
    finish: Callable[[Plan, Any, Any], tuple[Any, Any]] | None = None
    optimism: bool = False
    same_loss: bool = True

"""Whole runs inside the recipe."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gammabeta.errors import TrainingError
from gammabeta.model import finish, suited
from gammabeta.model.means import Recent
from gammabeta.plan import Plan
from gammabeta.recipe.gate import Served
from gammabeta.recipe.known import Clock, Known
from gammabeta.train import Epoch, Run, fit
from gammabeta.train.fit import met
from gammabeta.types import Tree

AVERAGED = 5
"""Epochs whose weights are averaged: the best one and those before it."""


class Made(NamedTuple):
    """A whole run: its model, the params of its epochs up to the best one, and the seconds it took."""

    served: Served
    recent: tuple[Tree, ...]
    seconds: float

    @property
    def training_seconds(self) -> float:
        """The same without compiling."""
        return max(self.seconds - float(sum(line["compile_seconds"] for line in self.served.history)), 0.0)

    @property
    def whole(self) -> bool:
        """Whether the run came to its own end."""
        return self.served.whole


def run_of(known: Known, plan: Plan, clock: Clock | None = None, hear: Callable[[Epoch], None] | None = None) -> Made:
    """The run that model.learn would make of a plan, within the time.

    Raises TrainingError where no epoch was good.
    """
    clock = clock or known.clock
    began = time.perf_counter()
    whole = suited(plan, known.schema)
    made = Run(met(whole, known.train))
    recent = Recent(AVERAGED)
    options: dict[str, Any] = {"should_stop": known.should_stop, "time_limit": clock.limit()}
    for epoch in fit(whole, known.train, known.valid, **options):
        made = made.then(epoch)
        recent.then(epoch)
        (hear or (lambda epoch: told(known, plan, epoch)))(epoch)
    if made.best is None:
        raise TrainingError(made.why_none())
    served = Served(finish(made, known.schema, known.train), made.history)
    return Made(served, jax.device_get(recent.at_best), time.perf_counter() - began)


def told(known: Known, plan: Plan, epoch: Epoch) -> None:
    """Say how far a run is."""
    loss = epoch.valid.get("loss", float("nan"))
    known.say(f"epoch {epoch.number} of {'at most ' if plan.early_stopping else ''}{plan.epochs}, loss {loss:.4g}")

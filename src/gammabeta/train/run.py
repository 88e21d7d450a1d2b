"""A run: the history of a fit and its best epoch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax

from gammabeta.data.dataset import Dataset
from gammabeta.errors import TrainingError
from gammabeta.plan import Plan
from gammabeta.train.counted import counted
from gammabeta.train.fit import Epoch, fit, met
from gammabeta.train.statistics import settled
from gammabeta.types import Tree


@dataclass(frozen=True, eq=False)
class Run:
    """What a fit came to: numbers of every epoch, the best epoch, and the last.

    plan: as it was given to fit; history: one JSON-able dict per epoch
    """

    plan: Plan
    history: tuple[dict[str, Any], ...] = ()
    best: Epoch | None = None
    last: Epoch | None = None

    def then(self, epoch: Epoch) -> "Run":
        """The run with one more epoch."""
        history = (*self.history, epoch.to_json())
        return replace(self, history=history, best=epoch if epoch.best else self.best, last=epoch)

    def why_none(self) -> str:
        """Why no epoch was good."""
        if self.last is None or self.last.ended != "non-finite loss":
            return "training: no epoch was measured, expected at least one; loop over fit until it ends."
        rate = self.plan.optimizer.learning_rate
        return (
            f"training: the loss was no longer finite within {self.last.steps} steps, before any epoch was good, "
            f"expected finite numbers; set a smaller optimizer.learning_rate than {rate:g}, or look at the data."
        )

    def finished(self, train: Dataset) -> tuple[Tree, Tree]:
        """(params, stats) of the best epoch, its statistics settled on all training rows.

        Raises TrainingError where no epoch ended with finite numbers.
        """
        if self.best is None:
            raise TrainingError(self.why_none())
        params, stats = self.best.state.params, self.best.state.stats
        plan = met(self.plan, train)
        settled_stats = settled(plan.layers, params, stats, counted(plan, train), plan.batch_size)
        host: tuple[Tree, Tree] = jax.device_get((params, settled_stats))
        return host


def run(
    plan: Plan,
    train: Dataset,
    valid: Dataset | None = None,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    **options: Any,
) -> Run:
    """Fit to the end: the plain loop over :func:`fit`, which takes the options."""
    made = Run(met(plan, train))
    for epoch in fit(plan, train, valid, **options):
        made = made.then(epoch)
        on_epoch(epoch)
    return made

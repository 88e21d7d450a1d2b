"""Short runs from the same start and the same batches: what a change of one thing does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from gammabeta.data import Dataset
from gammabeta.errors import GammabetaError
from gammabeta.plan import Plan
from gammabeta.train import fit, together
from gammabeta.train.fit import met, steps_in
from gammabeta.train.step import Start


@dataclass(frozen=True)
class Outcome:
    """What a short run came to.

    loss, metric: on the validation rows at its best epoch, as a finished model has them; train_loss, train_metric: of
    the same epoch; last_loss: on the validation rows at the end; finite: whether the loss stayed finite; steps: made
    curve: validation loss after every epoch
    """

    loss: float
    metric: float
    train_loss: float
    train_metric: float
    last_loss: float
    finite: bool
    steps: int
    curve: tuple[float, ...]


NOTHING = Outcome(np.inf, np.nan, np.inf, np.nan, np.inf, False, 0, ())
"""Of a plan that cannot run at all."""


def short_run(plan: Plan, train: Dataset, valid: Dataset | None, steps: int, start: Start | None = None) -> Outcome:
    """The run of a plan, ended once ``steps`` steps are behind it; its schedule is not shortened.

    start: what it begins from; a plan whose weights are of other shapes cannot, and comes to NOTHING
    """
    best, last, curve = None, None, []
    try:
        # an epoch of many rows is measured inside, so that no fork is longer than it has to be
        every = steps if steps < steps_in(plan, train.rows) else None
        for epoch in fit(plan, train, valid, start=start, probe=None, measure_every=every):
            watched = epoch.valid or epoch.train
            curve.append(float(watched["loss"]))
            last = epoch
            best = epoch if epoch.best or best is None else best
            if epoch.steps >= steps:
                break
    except GammabetaError:
        return NOTHING
    if best is None or last is None:
        return NOTHING
    name = next(key for key in best.train if key != "loss")
    finite = last.ended != "non-finite loss" and bool(np.isfinite(last.losses).all())
    watched = best.valid or best.train
    if not finite and not best.best:
        return NOTHING
    return Outcome(
        watched["loss"],
        watched[name],
        best.train["loss"],
        best.train[name],
        curve[-1],
        finite,
        last.steps,
        tuple(curve),
    )


class Branch(NamedTuple):
    """What a fork runs: a plan on rows, for some steps; start: from what, None for fresh numbers."""

    plan: Plan
    train: Dataset
    valid: Dataset | None
    steps: int
    start: Start | None = None


Tell = Callable[[int, int], None]
"""Hears how many forks are done, and of how many known so far."""


def unheard(done: int, of: int) -> None:
    """Tells nobody."""


def forked(branches: Sequence[Branch], seeds: Sequence[int], tell: Tell = unheard) -> list[list[Outcome]]:
    """The outcome of every branch for every seed: [branch][seed]."""
    cases = list(product(range(len(branches)), seeds))

    def one(case: tuple[int, int]) -> Outcome:
        branch = branches[case[0]]
        return short_run(branch.plan.replace(seed=case[1]), *branch[1:])

    found = []
    for outcome in together.side_by_side(one, cases, together.at_once()):
        found.append(outcome)
        tell(len(found), len(cases))
    width = len(seeds)
    return [found[i * width : (i + 1) * width] for i in range(len(branches))]


def runnable(plan: Plan, data: Dataset) -> bool:
    """Whether a plan fits its data."""
    try:
        met(plan, data)
    except GammabetaError:
        return False
    return True

"""What a short run is worth, and how much more than another."""

from collections.abc import Sequence

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.forks import Branch, Outcome

LESS_LOSS, WORTH_LOSS = float(np.log(1.05)), 0.01
"""How far the loss has to fall in every pair to count by itself: ln of a ratio, and a share of a constant's loss."""

SPREAD_LOSS = 2.92
"""Standard errors over the seeds that it has to exceed: 5 % one-sided for 3 seeds."""


def other_units(case: Case, branch: Branch) -> bool:
    """Whether a fork's loss cannot be compared with the case's: its rows were changed, or the loss itself."""
    return branch.train is not case.train or branch.plan.loss != case.plan.loss


def value_of(case: Case, outcome: Outcome, metric_only: bool) -> float:
    """Skill of an outcome: the mean of what its metric and its loss say, each 0 for the best constant answer.

    metric_only: where losses are in other units
    """
    if not np.isfinite(outcome.loss):
        return 0.0
    by_metric = max(case.skill(outcome.metric), 0.0)
    if metric_only or case.constant_loss <= 0:
        return by_metric
    return 0.5 * (by_metric + float(np.clip(1 - outcome.loss / case.constant_loss, 0, 1)))


def gain_of(case: Case, before: Outcome, after: Outcome, metric_only: bool) -> float:
    return value_of(case, after, metric_only) - value_of(case, before, metric_only)


def less_loss(case: Case, before: Sequence[Outcome], after: Sequence[Outcome], metric_only: bool) -> bool:
    """Whether the loss is lower in every pair, by a share and by an amount worth it, and by more than seeds explain."""
    one, other = (np.array([outcome.loss for outcome in outcomes]) for outcomes in (before, after[: len(before)]))
    if metric_only or case.constant_loss <= 0 or not np.isfinite([*one, *other]).all() or min(*one, *other) <= 0:
        return False
    ratios = np.log(one / other)
    spread = float(np.std(ratios, ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else 0.0
    worth = float(np.mean(one - other)) / case.constant_loss
    return bool(np.all(ratios > LESS_LOSS)) and float(np.mean(ratios)) > SPREAD_LOSS * spread and worth > WORTH_LOSS


def finished_run(case: Case) -> Outcome | None:
    """What the whole run came to; None where nothing was trained."""
    if case.on_valid is None:
        return None
    loss, unknown = case.on_valid.loss, float("nan")
    return Outcome(loss, case.valid_score, unknown, unknown, loss, True, case.steps_made, ())

"""What a short run is worth, and how much more than another."""

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.forks import Branch, Outcome

BROKEN = -0.25
"""Skill of a run whose loss is not finite: less than that of one which learned nothing."""


def other_units(case: Case, branch: Branch) -> bool:
    """Whether a fork's loss cannot be compared with the case's: other targets, other rows, or another loss."""
    same = branch.train.y is case.train.y and branch.train.weights is case.train.weights
    return not same or branch.plan.loss != case.plan.loss


def value_of(case: Case, outcome: Outcome, metric_only: bool) -> float:
    """Skill of an outcome: the mean of what its metric and its loss say, each 0 for the best constant answer or less.

    metric_only: where losses are in other units
    """
    if not np.isfinite(outcome.loss):
        return BROKEN
    by_metric = max(case.skill(outcome.metric), 0.0)
    if metric_only or case.constant_loss <= 0:
        return by_metric
    return 0.5 * (by_metric + float(np.clip(1 - outcome.loss / case.constant_loss, 0, 1)))


def gain_of(case: Case, before: Outcome, after: Outcome, metric_only: bool) -> float:
    return value_of(case, after, metric_only) - value_of(case, before, metric_only)

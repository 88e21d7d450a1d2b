"""A fix, tried in full: kept only where whole runs, pair by pair, end better with it."""

from dataclasses import dataclass, replace

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Finding
from gammabeta.diagnosis.forks import Branch, forked
from gammabeta.diagnosis.gain import gain_of
from gammabeta.plan import Plan, change
from gammabeta.train.counted import counted
from gammabeta.train.paired import paired

PAIRS = 3


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whole runs with and without a fix, on seeds that no fork has used.

    before, after: the headline metric on the validation rows, means; gain: in skill, 1 the way from the best constant
    answer to a perfect one; error: the chance that a useless fix looks this good (one-sided paired t test)
    """

    metric: str
    pairs: int
    before: float
    after: float
    loss_before: float
    loss_after: float
    gain: float
    error: float
    kept: bool


def fixed(case: Case, finding: Finding) -> Plan:
    """The plan with the finding's fix. Raises PlanError where the fix does not fit the plan any more."""
    return change(case.plan, finding.fix)


def compared(case: Case, plan: Plan, pairs: int = PAIRS) -> Comparison:
    """Train the case's plan and another in full, ``pairs`` times from the same seeds, and compare what they come to."""
    # seeds far from the run's own and from those of the forks: what chose the fix must not judge it
    seeds = [(case.plan.seed + 1_000 + i) % 2**32 for i in range(pairs)]
    valid = case.valid
    weighs = plan.class_weights != case.plan.class_weights
    if weighs:
        # both are judged as the fix counts the rows: it gives those of large classes for rare ones
        valid = case.train if case.valid is None else case.valid
        case = replace(case, valid=counted(plan, valid, case.train), measured={})
    branches = [Branch(case.plan, case.train, case.valid, 2**62, case.began)]
    branches.append(branches[0]._replace(plan=plan, valid=valid))
    before, after = forked(branches, seeds)
    metric_only = plan.loss != case.plan.loss
    found = paired([gain_of(case, one, other, metric_only) for one, other in zip(before, after, strict=True)])

    def mean(name: str, side: int) -> float:
        return float(np.mean([getattr(outcome, name) for outcome in (before, after)[side]]))

    return Comparison(
        metric=f"balanced {case.metric}" if weighs else case.metric,
        pairs=pairs,
        before=mean("metric", 0),
        after=mean("metric", 1),
        loss_before=mean("loss", 0),
        loss_after=mean("loss", 1),
        gain=found.gain,
        error=found.error,
        kept=found.better,
    )

"""Treatments tried in short runs, and what the pairs of runs prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Proof
from gammabeta.diagnosis.forks import Branch, Outcome, Tell, forked, runnable
from gammabeta.diagnosis.suspicion import Suspicion, Treatment, as_it_is
from gammabeta.errors import GammabetaError
from gammabeta.serial import dumps

SEEDS = 3
MOST_STEPS = 600
DEEP_STEPS = 4_000
LEAST_GAIN = 0.03
"""Skill that a treatment must win back to count, whatever the noise."""

PROMISING = 0.01
"""Gain of the first seed below which the other seeds are not tried."""

ERRORS = 1.5
"""Standard errors over the seeds that a gain must exceed, with all seeds on its side."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A treatment, what its fork runs, what that came to for every seed, and what it proves."""

    treatment: Treatment
    branch: Branch
    outcomes: tuple[Outcome, ...]
    proof: Proof


class Key(NamedTuple):
    """What makes two forks the same: the plan as text, and how the rows were changed, "" for not at all."""

    plan: str
    rows: str


def tried(case: Case, suspicions: Sequence[Suspicion], deep: bool, tell: Tell) -> list[list[Tried]]:
    """The forks of every suspicion's treatments beside the unchanged plan."""
    treatments = [suspicion.treatments for suspicion in suspicions]
    if not any(treatments):
        return [[] for _ in treatments]
    steps = min(case.steps, DEEP_STEPS if deep else MOST_STEPS)
    unchanged = Branch(case.plan, case.train, case.valid, steps)
    if not any(branch_of(unchanged, one) for mine in treatments for one in mine):
        return [[] for _ in treatments]
    (base,) = forked([unchanged], seeds_of(case))
    return beside(case, unchanged, base, treatments, tell)


def beside(
    case: Case, unchanged: Branch, base: Sequence[Outcome], treatments: Sequence[Sequence[Treatment]], tell: Tell
) -> list[list[Tried]]:
    """Each distinct treatment of a branch once, more seeds where promising; base: what the branch itself came to."""
    branches: dict[Key, tuple[Treatment, Branch]] = {}
    keys: list[list[Key]] = []
    for group in treatments:
        mine = []
        for treatment in group:
            branch = branch_of(unchanged, treatment)
            if branch is None:
                continue
            key = Key(dumps(branch.plan), treatment.says if branch.train is not unchanged.train else "")
            branches.setdefault(key, (treatment, branch))
            mine.append(key)
        keys.append(mine)
    seeds = seeds_of(case)
    first = forked([branch for _, branch in branches.values()], seeds[:1], tell)
    outcomes = dict(zip(branches, first, strict=True))
    metric_only = {key: other_units(case, branch) for key, (_, branch) in branches.items()}

    def gain(key: Key) -> float:
        return gain_of(case, base[0], outcomes[key][0], metric_only[key])

    promising = [key for key in branches if gain(key) > PROMISING]
    more = forked([branches[key][1] for key in promising], seeds[1:], tell)
    for key, found in zip(promising, more, strict=True):
        outcomes[key] = [*outcomes[key], *found]
    made = {
        key: Tried(
            treatment,
            branch,
            tuple(outcomes[key]),
            proof(case, treatment, base, outcomes[key], metric_only[key]),
        )
        for key, (treatment, branch) in branches.items()
    }
    return [[made[key] for key in mine] for mine in keys]


def seeds_of(case: Case) -> list[int]:
    return [(case.plan.seed + i) % 2**32 for i in range(SEEDS)]


def branch_of(unchanged: Branch, treatment: Treatment) -> Branch | None:
    """What the treatment's fork runs; None where the change changes nothing, or makes no plan that runs."""
    try:
        plan = treatment.plan(unchanged.plan)
    except GammabetaError:
        return None
    train, valid = unchanged.train, unchanged.valid
    if treatment.data is not as_it_is:
        train, valid = treatment.data(train), None if valid is None else treatment.data(valid)
    elif plan == unchanged.plan:
        return None
    steps = unchanged.steps * treatment.times_steps
    return Branch(plan, train, valid, steps) if runnable(plan, train) else None


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


def proof(
    case: Case, treatment: Treatment, before: Sequence[Outcome], after: Sequence[Outcome], metric_only: bool
) -> Proof:
    """What the pairs of runs prove: a gain beyond what the seeds and the number of judging rows explain."""
    pairs = list(zip(before, after, strict=False))
    gains = np.array([gain_of(case, one, other, metric_only) for one, other in pairs])
    gain = float(np.mean(gains))
    spread = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    needed = max(LEAST_GAIN, case.chance)
    confirmed = len(gains) == SEEDS and bool(np.all(gains > 0)) and gain > needed and gain > ERRORS * spread

    def mean(name: str, outcomes: Sequence[Outcome]) -> float:
        return float(np.mean([getattr(outcome, name) for outcome in outcomes]))

    return Proof(
        change=treatment.says,
        metric=case.metric,
        steps=max(outcome.steps for outcome in (*before, *after)),
        seeds=len(pairs),
        before=mean("metric", [one for one, _ in pairs]),
        after=mean("metric", [other for _, other in pairs]),
        loss_before=mean("loss", [one for one, _ in pairs]),
        loss_after=mean("loss", [other for _, other in pairs]),
        gain=gain,
        spread=spread,
        confirmed=confirmed,
    )

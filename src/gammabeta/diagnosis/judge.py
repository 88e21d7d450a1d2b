"""From suspicions to findings: forks, and what they prove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Finding, Page, Proof, Severity
from gammabeta.diagnosis.forks import Branch, Outcome, Tell, forked, runnable, unheard
from gammabeta.diagnosis.suspicion import Suspicion, Treatment, as_it_is
from gammabeta.errors import GammabetaError
from gammabeta.plan import Plan
from gammabeta.serial import dumps, to_json

SEEDS = 3
MOST_STEPS = 600
DEEP_STEPS = 4_000
LEAST_GAIN = 0.03
"""Skill that a treatment must win back to count, whatever the noise."""

ERROR_GAIN = 0.05
"""Skill whose loss makes a finding an error; less is a warning."""

PROMISING = 0.01
"""Gain of the first seed below which the other seeds are not tried."""

ERRORS = 3.0
"""Standard errors of the gain that chance does not explain."""

UNEXPLAINED = "GB305"
"""That performance is missing is said only where no cause of it is proved."""

SURE = 0.9
"""Certainty from which a signature convicts without a fork."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A treatment, the plan it makes, and what its forks gave beside the unchanged ones."""

    treatment: Treatment
    plan: Plan
    proof: Proof


def judge(
    case: Case,
    suspicions: Sequence[Suspicion],
    pages: Mapping[str, Page],
    deep: bool = False,
    tell: Tell = unheard,
) -> list[Finding]:
    """Try every suspicion's treatments, and say which cause is proved, how much it costs and what mends it.

    A suspicion becomes an error or a warning by what its best treatment wins back; without treatments, by its own
    severity where its signature is sure. Where several treatments win, the cause is the one that restores most,
    weighted by how far its signature convicts; what the others show is explained by it and stays a note.
    """
    proofs = tried(case, suspicions, deep, tell)
    best = max((proof.proof.gain for group in proofs for proof in group if proof.proof.confirmed), default=0.0)
    scored: list[tuple[float, Finding]] = []
    for suspicion, group in zip(suspicions, proofs, strict=True):
        confirmed = [one for one in group if one.proof.confirmed]
        top = max(confirmed, key=lambda one: one.proof.gain, default=None)
        weight = 0.4 + 0.6 * suspicion.certainty
        if top is not None:
            # the surer the signature, the less it matters whether another change wins a little more
            score = (top.proof.gain / best) ** (1.05 - suspicion.certainty) * weight
            scored.append((score, found(case, suspicion, pages, top, severity_of(suspicion, top.proof.gain))))
        elif suspicion.severity:
            scored.append((suspicion.certainty * weight, found(case, suspicion, pages, None, suspicion.severity)))
        elif suspicion.certainty >= SURE:
            # a sure signature that costs nothing measurable is worth knowing, no more
            scored.append((0.0, found(case, suspicion, pages, None, "note")))
    scored.sort(key=lambda pair: -pair[0])
    if any(finding.severity == "error" for _, finding in scored):
        scored = [pair for pair in scored if pair[1].code != UNEXPLAINED]
    return silenced(scored)


def silenced(scored: list[tuple[float, Finding]]) -> list[Finding]:
    """The first cause in full; what a weaker fork shows beside it is explained by it, and becomes a note."""
    findings: list[Finding] = []
    cause: Finding | None = None
    for _, finding in scored:
        if finding.severity == "note" or cause is None or finding.proof is None:
            findings.append(finding)
        else:
            words = f"{finding.evidence}. {cause.code} explains it"
            findings.append(replace(finding, severity="note", evidence=words))
        if cause is None and finding.severity != "note":
            cause = finding
    return findings


def severity_of(suspicion: Suspicion, gain: float) -> Severity:
    if suspicion.severity == "error" or gain >= ERROR_GAIN:
        return "error"
    return "warning"


def tried(case: Case, suspicions: Sequence[Suspicion], deep: bool, tell: Tell) -> list[list[Tried]]:
    """The forks of every suspicion's treatments, each distinct one once; more seeds where promising."""
    steps = min(case.steps, DEEP_STEPS if deep else MOST_STEPS)
    branches: dict[Key, tuple[Treatment, Branch]] = {}
    keys: list[list[Key]] = []
    unchanged = dumps(case.plan)
    for suspicion in suspicions:
        mine = []
        for treatment in suspicion.treatments:
            branch = branch_of(case, treatment, steps)
            if branch is None:
                continue
            key = Key(dumps(branch.plan), treatment.says if branch.train is not case.train else "")
            if key != (unchanged, ""):
                branches.setdefault(key, (treatment, branch))
                mine.append(key)
        keys.append(mine)
    if not branches:
        return [[] for _ in suspicions]
    seeds = [(case.plan.seed + i) % 2**32 for i in range(SEEDS)]
    (base,) = forked([Branch(case.plan, case.train, case.valid, steps)], seeds)
    first = forked([branch for _, branch in branches.values()], seeds[:1], tell)
    outcomes = dict(zip(branches, first, strict=True))
    promising = [key for key, (after,) in outcomes.items() if gain_of(case, base[0], after, bool(key.rows)) > PROMISING]
    more = forked([branches[key][1] for key in promising], seeds[1:], tell)
    for key, found in zip(promising, more, strict=True):
        outcomes[key] = [*outcomes[key], *found]
    proofs = {
        key: Tried(treatment, branch.plan, proof(case, treatment, base, outcomes[key], bool(key.rows)))
        for key, (treatment, branch) in branches.items()
    }
    return [[proofs[key] for key in mine] for mine in keys]


class Key(NamedTuple):
    """What makes two forks the same: the plan as text, and how the rows were changed, "" for not at all."""

    plan: str
    rows: str


def branch_of(case: Case, treatment: Treatment, steps: int) -> Branch | None:
    """What the treatment's fork runs; None where the change makes no plan that runs."""
    try:
        plan = treatment.plan(case.plan)
    except GammabetaError:
        return None
    train, valid = case.train, case.valid
    if treatment.data is not as_it_is:
        train, valid = treatment.data(train), None if valid is None else treatment.data(valid)
    return Branch(plan, train, valid, steps * treatment.times_steps) if runnable(plan, train) else None


def value_of(case: Case, outcome: Outcome, metric_only: bool) -> float:
    """Skill of an outcome: the mean of what its metric and its loss say, each 0 for the best constant answer.

    metric_only: where the rows were changed, losses are in other units
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
    confirmed = len(gains) == SEEDS and bool(np.all(gains > 0)) and gain > needed and gain > ERRORS * spread / 2

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


def found(
    case: Case, suspicion: Suspicion, pages: Mapping[str, Page], top: Tried | None, severity: Severity
) -> Finding:
    """The finding that a suspicion became."""
    costs = suspicion.costs
    fix = suspicion.fix
    if top is not None:
        proof = top.proof
        costs = (
            f"with {proof.change}, {proof.metric} goes from {proof.before:.4g} to {proof.after:.4g} and the loss from "
            f"{proof.loss_before:.4g} to {proof.loss_after:.4g} ({proof.seeds} pairs of runs of {proof.steps} steps)"
        )
        fix = difference(to_json(case.plan), to_json(top.plan))
    return Finding(
        code=suspicion.code,
        name=pages[suspicion.code].name,
        severity=severity,
        place=suspicion.place,
        evidence=suspicion.evidence,
        numbers=suspicion.numbers,
        costs=costs,
        advice=suspicion.advice,
        fix=fix,
        proof=top.proof if top else None,
    )


def difference(before: Any, after: Any, path: str = "") -> dict[str, Any]:
    """What differs between two plans in their JSON form, by dotted names as plan.change takes them."""
    if isinstance(before, dict) and isinstance(after, dict) and before.get("type") == after.get("type"):
        parts: dict[str, Any] = {}
        for name in after:
            parts |= difference(before.get(name), after[name], f"{path}.{name}" if path else name)
        return parts
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        parts = {}
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            parts |= difference(one, other, f"{path}.{index}")
        return parts
    return {} if before == after else {path: after}

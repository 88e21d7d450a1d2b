"""From suspicions to findings: forks, and what they prove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnose.case import Case
from gammabeta.diagnose.finding import Finding, Page, Proof, Severity
from gammabeta.diagnose.forks import Outcome, forked, runnable
from gammabeta.diagnose.suspicion import Suspicion, Treatment
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

SURE = 0.9
"""Certainty from which a signature convicts without a fork."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A treatment, the plan it makes, and what its forks gave beside the unchanged ones."""

    treatment: Treatment
    plan: Plan
    proof: Proof


def judge(case: Case, suspicions: Sequence[Suspicion], pages: Mapping[str, Page], deep: bool = False) -> list[Finding]:
    """Try every suspicion's treatments, and say which cause is proved, how much it costs and what mends it.

    A suspicion becomes an error or a warning by what its best treatment wins back; without treatments, by its own
    severity where its signature is sure. Where several treatments win, the cause is the one that restores most,
    weighted by how far its signature convicts; what the others show is explained by it and stays a note.
    """
    proofs = tried(case, suspicions, deep)
    best = max((proof.proof.gain for group in proofs for proof in group if proof.proof.confirmed), default=0.0)
    scored: list[tuple[float, Finding]] = []
    for suspicion, group in zip(suspicions, proofs, strict=True):
        confirmed = [one for one in group if one.proof.confirmed]
        top = max(confirmed, key=lambda one: one.proof.gain, default=None)
        weight = 0.4 + 0.6 * suspicion.certainty
        if top is not None:
            score = top.proof.gain / best * weight
            scored.append((score, found(case, suspicion, pages, top, severity_of(suspicion, top.proof.gain))))
        elif not suspicion.treatments and suspicion.severity:
            scored.append((suspicion.certainty * weight, found(case, suspicion, pages, None, suspicion.severity)))
        elif suspicion.certainty >= SURE:
            # a sure signature that costs nothing measurable is worth knowing, no more
            scored.append((0.0, found(case, suspicion, pages, None, suspicion.severity or "note")))
    scored.sort(key=lambda pair: -pair[0])
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
            findings.append(_noted(finding, words))
        if cause is None and finding.severity != "note":
            cause = finding
    return findings


def _noted(finding: Finding, evidence: str) -> Finding:
    from dataclasses import replace

    return replace(finding, severity="note", evidence=evidence)


def severity_of(suspicion: Suspicion, gain: float) -> Severity:
    if suspicion.severity == "error" or gain >= ERROR_GAIN:
        return "error"
    return "warning"


def tried(case: Case, suspicions: Sequence[Suspicion], deep: bool) -> list[list[Tried]]:
    """The forks of every suspicion's treatments, each distinct one once; more seeds where promising."""
    steps = min(case.steps, DEEP_STEPS if deep else MOST_STEPS)
    plans: dict[tuple[str, int], tuple[Treatment, Plan, tuple[Dataset, Dataset | None]]] = {}
    keys: list[list[tuple[str, int]]] = []
    for suspicion in suspicions:
        mine = []
        for treatment in suspicion.treatments:
            made = treated(case, treatment)
            if made is None:
                continue
            plan, rows = made
            key = (dumps(plan), 0 if rows[0] is case.train else id(treatment))
            if key[0] != dumps(case.plan) or key[1]:
                plans.setdefault(key, (treatment, plan, rows))
                mine.append(key)
        keys.append(mine)
    if not plans:
        return [[] for _ in suspicions]
    seeds = [(case.plan.seed + i) % 2**32 for i in range(SEEDS)]
    own = (case.train, case.valid)
    (base,) = forked([case.plan], [own], seeds, steps)
    first = forked([one[1] for one in plans.values()], [one[2] for one in plans.values()], seeds[:1], steps)
    outcomes = dict(zip(plans, first, strict=True))
    promising = [key for key, found in outcomes.items() if gain_of(case, base[0], found[0]) > PROMISING]
    more = forked([plans[key][1] for key in promising], [plans[key][2] for key in promising], seeds[1:], steps)
    for key, found in zip(promising, more, strict=True):
        outcomes[key] = [*outcomes[key], *found]
    proofs = {
        key: Tried(plans[key][0], plans[key][1], proof(case, plans[key][0], base, found))
        for key, found in outcomes.items()
    }
    return [[proofs[key] for key in mine] for mine in keys]


def treated(case: Case, treatment: Treatment) -> tuple[Plan, tuple[Dataset, Dataset | None]] | None:
    """The changed plan and rows; None where the change makes no plan that runs."""
    from gammabeta.errors import GammabetaError

    try:
        plan = treatment.plan(case.plan)
    except GammabetaError:
        return None
    train = treatment.data(case.train)
    valid = None if case.valid is None else treatment.data(case.valid)
    return (plan, (train, valid)) if runnable(plan, train) else None


def value_of(case: Case, outcome: Outcome) -> float:
    """Skill of an outcome: the mean of what its metric and its loss say, each 0 for the best constant answer."""
    if not np.isfinite(outcome.loss):
        return 0.0
    by_metric = max(case.skill(outcome.metric), 0.0)
    by_loss = float(np.clip(1 - outcome.loss / case.constant_loss, 0, 1)) if case.constant_loss > 0 else by_metric
    return 0.5 * (by_metric + by_loss)


def gain_of(case: Case, before: Outcome, after: Outcome) -> float:
    return value_of(case, after) - value_of(case, before)


def proof(case: Case, treatment: Treatment, before: Sequence[Outcome], after: Sequence[Outcome]) -> Proof:
    """What the pairs of runs prove: a gain beyond what the seeds and the number of judging rows explain."""
    pairs = list(zip(before, after, strict=False))
    gains = np.array([gain_of(case, one, other) for one, other in pairs])
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
    fix: Mapping[str, Any] = {}
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

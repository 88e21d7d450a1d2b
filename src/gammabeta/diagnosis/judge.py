"""From suspicions to findings: what the forks prove of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Finding, Page, Severity
from gammabeta.diagnosis.forks import Tell, unheard
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.trials import Tried, beside, branch_of, other_units, tried
from gammabeta.serial import to_json

ERROR_GAIN = 0.05
"""Skill whose loss makes a finding an error; less is a warning."""

ERROR_CHANCE, ERROR_SPREAD = 2.0, 2.92
"""So many standard errors of the judging rows, and of the seeds, an error's gain exceeds: 5 % one-sided for 3 seeds."""

LEFT = 0.1
"""Skill that must still be missing behind the best reference before a second cause is looked for."""

LIKELY = 0.4
"""Certainty from which a suspicion is tried as a second cause though it won nothing by itself."""

MOST_SECOND = 8
"""Treatments tried on top of the first cause's, at most."""

UNEXPLAINED = "GB305"
"""That performance is missing is said only where no cause of it is proved."""

SURE = 0.9
"""Certainty from which a signature convicts without a fork."""


class Scored(NamedTuple):
    """A suspicion that became a finding, how it ranks, and the treatment that proved it."""

    score: float
    finding: Finding
    suspicion: Suspicion
    top: Tried | None


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
    weighted by how far its signature convicts; what the others show is explained by it and stays a note, unless
    performance is still missing and a treatment wins some of it on top of the first.
    """
    proofs = tried(case, suspicions, deep, tell)
    best = max((proof.proof.gain for group in proofs for proof in group if proof.proof.confirmed), default=0.0)
    scored: list[Scored] = []
    for suspicion, group in zip(suspicions, proofs, strict=True):
        top = best_of(group)
        weight = 0.4 + 0.6 * suspicion.certainty
        if top is not None:
            # the surer the signature, the less it matters whether another change wins a little more
            score = (top.proof.gain / best) ** (1.05 - suspicion.certainty) * weight
            severity = severity_of(case, suspicion, top)
        elif suspicion.severity:
            score, severity = suspicion.certainty * weight, suspicion.severity
        elif suspicion.certainty >= SURE:
            # a sure signature that costs nothing measurable is worth knowing, no more
            score, severity = 0.0, "note"
        else:
            continue
        scored.append(Scored(score, found(case, suspicion, pages, top, severity), suspicion, top))
    scored.sort(key=lambda one: -one.score)
    if any(one.finding.severity == "error" for one in scored):
        scored = [one for one in scored if one.finding.code != UNEXPLAINED]
    first = next((one for one in scored if one.finding.severity != "note"), None)
    beyond = second_causes(case, first, suspicions, proofs, pages, tell) if first else {}
    return silenced(scored, first, beyond)


def best_of(group: Sequence[Tried]) -> Tried | None:
    """The treatment that won most of those that are confirmed."""
    return max((one for one in group if one.proof.confirmed), key=lambda one: one.proof.gain, default=None)


def second_causes(
    case: Case,
    first: Scored,
    suspicions: Sequence[Suspicion],
    proofs: Sequence[Sequence[Tried]],
    pages: Mapping[str, Page],
    tell: Tell,
) -> dict[str, Finding]:
    """Findings by code whose treatments win something on top of the first cause's, where much is still missing."""
    if first.top is None:
        return {}
    left = case.skill(case.references.best) - case.skill(first.top.proof.after)
    if not left > max(LEFT, 2 * case.chance):
        return {}
    others: list[tuple[Suspicion, list[Tried]]] = []
    room = MOST_SECOND
    pairs = zip(suspicions, proofs, strict=True)
    for suspicion, group in sorted(pairs, key=lambda pair: -pair[0].certainty):
        top = best_of(group)
        # what won by itself needs one fork; what is only likely, all of its own
        again = [top] if top is not None else list(group) if suspicion.certainty >= LIKELY else []
        if suspicion.code != first.finding.code and again and len(again) <= room:
            others.append((suspicion, again))
            room -= len(again)
    treatments = [[one.treatment for one in again] for _, again in others]
    if not any(branch_of(first.top.branch, one) for group in treatments for one in group):
        return {}
    on_top = beside(case, first.top.branch, first.top.outcomes, treatments, tell)
    beyond: dict[str, Finding] = {}
    for (suspicion, _), group in zip(others, on_top, strict=True):
        top = best_of(group)
        if top is not None and suspicion.code not in beyond:
            finding = found(case, suspicion, pages, top, severity_of(case, suspicion, top), first.top)
            beyond[suspicion.code] = finding
    return beyond


def silenced(scored: Sequence[Scored], first: Scored | None, beyond: Mapping[str, Finding]) -> list[Finding]:
    """The first cause in full, then what wins beyond it; what a weaker fork shows beside it becomes a note."""
    findings: list[Finding] = []
    left = dict(beyond)
    for one in scored:
        finding = left.pop(one.finding.code, one.finding)
        explained = first is not None and one is not first and finding is one.finding and finding.proof is not None
        if explained and finding.severity != "note" and first is not None:
            words = f"{finding.evidence}. {first.finding.code} explains it"
            finding = replace(finding, severity="note", evidence=words)
        findings.append(finding)
    return [*findings, *left.values()]


def severity_of(case: Case, suspicion: Suspicion, top: Tried) -> Severity:
    """An error where the gain is large and neither the judging rows nor the seeds explain it, else a warning."""
    least = max(ERROR_GAIN, ERROR_CHANCE * case.chance, ERROR_SPREAD * top.proof.spread)
    clear = suspicion.severity == "error" or top.proof.gain >= least
    return "error" if clear and not suspicion.meant else "warning"


def found(
    case: Case,
    suspicion: Suspicion,
    pages: Mapping[str, Page],
    top: Tried | None,
    severity: Severity,
    after: Tried | None = None,
) -> Finding:
    """The finding that a suspicion became; after: the first cause's treatment, where it was tried on top of that."""
    costs = suspicion.costs
    fix = suspicion.fix
    if top is not None:
        proof = top.proof
        loss = (
            ""
            if other_units(case, top.branch)
            else f" and the loss from {proof.loss_before:.4g} to {proof.loss_after:.4g}"
        )
        costs = (
            f"with {proof.change}{f' on top of {after.proof.change}' if after else ''}, {proof.metric} goes from "
            f"{proof.before:.4g} to {proof.after:.4g}{loss} ({proof.seeds} pairs of runs of {proof.steps} steps)"
        )
        fix = difference(to_json(case.plan), to_json(top.treatment.plan(case.plan)))
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

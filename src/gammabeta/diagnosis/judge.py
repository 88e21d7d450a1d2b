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

LIKELY = 0.6
"""Certainty from which a suspicion is tried as a second cause: what many troubles show is always left over."""

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
    severity where its signature is sure, and a note where it is measured. Where several treatments win, the cause is
    the one that restores most, weighted by how far its signature convicts; what the others show is explained by it and
    stays a note, unless performance is still missing and a treatment wins some of it on top of the first.
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
        elif suspicion.certainty >= SURE or suspicion.noted:
            # a sure or measured signature that costs nothing measurable is worth knowing, no more
            score, severity = 0.0, "note"
        else:
            continue
        scored.append(Scored(score, found(case, suspicion, pages, top, severity), suspicion, top))
    scored.sort(key=lambda one: -one.score)
    if any(one.finding.severity == "error" for one in scored):
        scored = [one for one in scored if one.finding.code != UNEXPLAINED]
    first = next((one for one in scored if one.finding.severity != "note"), None)
    if first is None or first.top is None:
        # what no fork has proved cannot explain what a fork has
        others = (one.finding for one in scored if one.top is not None and one.suspicion.certainty >= LIKELY)
        beyond = next(others, None)
    else:
        beyond = second_cause(case, first, first.top, suspicions, proofs, pages, tell)
    return silenced(scored, first, beyond)


def best_of(group: Sequence[Tried]) -> Tried | None:
    """The treatment that won most of those that are confirmed."""
    return max((one for one in group if one.proof.confirmed), key=lambda one: one.proof.gain, default=None)


def second_cause(
    case: Case,
    first: Scored,
    cured: Tried,
    suspicions: Sequence[Suspicion],
    proofs: Sequence[Sequence[Tried]],
    pages: Mapping[str, Page],
    tell: Tell,
) -> Finding | None:
    """What wins most on top of cured, the first cause's treatment, where much is still missing; None for nothing."""
    left = case.skill(case.references.best) - case.skill(cured.proof.after)
    if not left > max(LEFT, 2 * case.chance):
        return None
    others: list[tuple[Suspicion, list[Tried]]] = []
    room = MOST_SECOND
    pairs = zip(suspicions, proofs, strict=True)
    for suspicion, group in sorted(pairs, key=lambda pair: -pair[0].certainty):
        top = best_of(group)
        # what won by itself needs one fork; what did not, all of its own
        again = [top] if top is not None else list(group)
        likely = suspicion.code != first.finding.code and suspicion.certainty >= LIKELY
        if likely and again and len(again) <= room:
            others.append((suspicion, again))
            room -= len(again)
    treatments = [[one.treatment for one in again] for _, again in others]
    if not any(branch_of(cured.branch, one) for group in treatments for one in group):
        return None
    on_top = beside(case, cured.branch, cured.outcomes, treatments, tell)
    won = [(suspicion, top) for (suspicion, _), group in zip(others, on_top, strict=True) if (top := best_of(group))]
    if not won:
        return None
    suspicion, top = max(won, key=lambda pair: pair[0].certainty * pair[1].proof.gain)
    return found(case, suspicion, pages, top, severity_of(case, suspicion, top), cured)


def silenced(scored: Sequence[Scored], first: Scored | None, beyond: Finding | None) -> list[Finding]:
    """The first cause in full, then what wins beyond it; what a weaker fork shows beside it becomes a note."""
    findings: list[Finding] = []
    for one in scored:
        finding = one.finding
        if beyond is not None and finding.code == beyond.code:
            continue
        if first is not None and one is not first and finding.proof is not None and finding.severity != "note":
            words = f"{finding.evidence}. {first.finding.code} explains it"
            finding = replace(finding, severity="note", evidence=words)
        findings.append(finding)
        if one is first and beyond is not None:
            findings.append(beyond)
    return findings


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

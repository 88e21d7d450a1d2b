"""From suspicions to findings: what the forks prove of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.cured import cured_run
from gammabeta.diagnosis.finding import Finding, Page, Severity
from gammabeta.diagnosis.forks import Branch, Tell, unheard
from gammabeta.diagnosis.gain import other_units
from gammabeta.diagnosis.rank import LIKELY, rank, weight
from gammabeta.diagnosis.suspicion import Suspicion, Treatment, as_it_is
from gammabeta.diagnosis.trials import Tried, beside, best_of, branch_of, tried
from gammabeta.diagnosis.two_at_once import two_at_once
from gammabeta.serial import to_json

ERROR_GAIN = 0.05
"""Skill whose loss makes a finding an error; less is a warning."""

ERROR_CHANCE, ERROR_SPREAD = 2.0, 2.92
"""So many standard errors of the judging rows, and of the seeds, an error's gain exceeds: 5 % one-sided for 3 seeds."""

LEFT = 0.1
"""Skill that must still be missing behind the best reference before a second cause is looked for."""

MOST_SECOND = 8
"""Treatments tried on top of the first cause's, at most."""

UPSTREAM = "GB101"
EXPLAIN = ("GB105", "GB106", "GB107")
"""Causes without a fork that do explain what a fork of a weak signature wins, or in loss alone, and come before it."""

UNEXPLAINED = "GB305"
"""That performance is missing is said only where no cause of it is proved."""

SURE = 0.9
"""Certainty from which a signature convicts without a fork."""

NON_FINITE = "GB701"
"""What any cause can end in: explained by a first one whose fork wins."""

SYMPTOMS = {"GB201": ("GB206",), "GB207": ("GB502",)}
"""What a cause shows as well, without any fork: units that are equal get no gradient, and an answer that depends on
other rows depends on which they were when statistics were taken."""


Look = Callable[[Case], Sequence[Suspicion]]
"""What is suspected of a case."""


def unseeing(case: Case) -> Sequence[Suspicion]:
    """Suspects nothing."""
    return ()


class Scored(NamedTuple):
    """A suspicion that became a finding, how it ranks, the treatment that proved it, and the case that judged that."""

    score: float
    finding: Finding
    suspicion: Suspicion
    top: Tried | None
    case: Case


def judge(
    case: Case,
    suspicions: Sequence[Suspicion],
    pages: Mapping[str, Page],
    deep: bool = False,
    tell: Tell = unheard,
    look: Look = unseeing,
) -> list[Finding]:
    """Try every suspicion's treatments, and say which cause is proved, how much it costs and what mends it.

    A suspicion becomes an error or a warning by what its best treatment wins back; without treatments, by its own
    severity where its signature is sure, and a note where it is measured. Where several treatments win, the cause is
    the one that restores most, weighted by how far its signature convicts; what the others show is explained by it and
    stays a note, unless performance is still missing and a treatment wins some of it on top of the first. Where none
    wins and much is missing, two likely ones are tried together.

    look: what is suspected of another case: of the run that the first cause's treatment gives
    """
    cases = [case if one.judged is as_it_is else judged_by(case, one) for one in suspicions]
    proofs = proved(case, cases, suspicions, deep, tell)
    tops = [top_of(suspicion, group) for suspicion, group in zip(suspicions, proofs, strict=True)]
    explained = any(tops) or not any(proofs) or any(one.severity == "error" for one in suspicions)
    missing = not explained and case.shortfall > max(LEFT, 2 * case.chance)
    pair = two_at_once(case, suspicions, proofs, tell) if missing else {}
    tops = [pair.get(index, top) for index, top in enumerate(tops)]
    best = max((top.worth for top in tops if top is not None), default=0.0)
    scored: list[Scored] = []
    for index, (here, suspicion, group, top) in enumerate(zip(cases, suspicions, proofs, tops, strict=True)):
        if top is not None:
            score = rank(top.worth, best, suspicion.certainty)
            severity = severity_of(here, suspicion, top)
        elif suspicion.severity:
            score, severity = suspicion.certainty * weight(suspicion.certainty), suspicion.severity
        elif best > 0 and not group and suspicion.certainty >= LIKELY and left_untried(here, suspicion):
            # worth knowing, though what was proved without it decides what comes first
            score, severity = 0.0, "note"
            suspicion = replace(suspicion, costs="not tried: it cannot come before what was proved")
        elif suspicion.certainty >= SURE or suspicion.noted:
            # a sure or measured signature that costs nothing measurable is worth knowing, no more
            score, severity = 0.0, "note"
        else:
            continue
        finding = found(here, suspicion, pages, top, severity)
        if index in pair:
            (other,) = (one for at, one in pair.items() if at != index)
            finding = found(here, suspicion, pages, top, severity, other)
            # one without the other mends nothing
            finding = replace(finding, fix=difference(to_json(case.plan), to_json(pair[index].branch.plan)))
        scored.append(Scored(score, finding, suspicion, top, here))
    scored.sort(key=lambda one: -one.score)
    if any(one.finding.severity == "error" for one in scored):
        scored = [one for one in scored if one.finding.code != UNEXPLAINED]
    first = next((one for one in scored if one.finding.severity != "note"), None)
    if first is not None and first.top is not None and (weak(first) or not first.top.proof.confirmed):
        explaining = (one for one in scored if one.finding.code in EXPLAIN and one.finding.severity != "note")
        first = next(explaining, first)
        scored.sort(key=lambda one: one is not first)
    beyond: Finding | None
    if pair:
        beyond = next(one.finding for one in scored if one.top is not None and one is not first)
    elif first is None or first.top is None:
        beyond = next((one.finding for one in scored if stands_beside(first, one)), None)
    else:
        beyond = second_cause(first, first.top, suspicions, proofs, pages, tell, look)
    return silenced(scored, first, beyond)


def judged_by(case: Case, suspicion: Suspicion) -> Case:
    """The case with the rows that judge changed as the suspicion asks."""
    return replace(case, valid=suspicion.judged(case.judged_on), measured={})


def proved(
    case: Case, cases: Sequence[Case], suspicions: Sequence[Suspicion], deep: bool, tell: Tell
) -> list[list[Tried]]:
    """The forks of every suspicion: none on rows that hold non-finite values, which ruin whatever is tried."""
    if any(one.code == UPSTREAM for one in suspicions) and not all_finite(case):
        return [[] for _ in suspicions]
    usual = [one if here is case else replace(one, treatments=()) for here, one in zip(cases, suspicions, strict=True)]
    groups = tried(case, usual, deep, tell)
    for index, (here, suspicion) in enumerate(zip(cases, suspicions, strict=True)):
        if here is not case:
            (group,) = tried(here, [suspicion], deep, tell)
            groups[index] = balanced(group)
    return groups


def left_untried(case: Case, suspicion: Suspicion) -> bool:
    """Whether one of its treatments changes anything, so that there was something to try."""
    unchanged = Branch(case.plan, case.train, case.valid, case.steps, case.began)
    return any(branch_of(unchanged, one) is not None for one in suspicion.treatments)


def balanced(group: Sequence[Tried]) -> list[Tried]:
    """What was judged by rows that count otherwise, with its metric named so."""
    return [replace(one, proof=replace(one.proof, metric=f"balanced {one.proof.metric}")) for one in group]


def all_finite(case: Case) -> bool:
    """Whether all rows that train and judge are."""
    parts = [part for data in (case.train, case.valid) if data is not None for part in (data.x, data.y)]
    return all(part is None or bool(np.isfinite(np.asarray(part, np.float64)).all()) for part in parts)


def top_of(suspicion: Suspicion, group: Sequence[Tried]) -> Tried | None:
    """The treatment that proves a suspicion: of what is likely and not meant, also one that only lowers the loss."""
    top = best_of(group)
    if top is not None or suspicion.certainty < LIKELY or suspicion.meant:
        return top
    return max((one for one in group if one.proof.by_loss), key=lambda one: one.proof.gain, default=None)


def weak(one: Scored) -> bool:
    """Whether neither its signature is likely nor its fork wins as much as an error."""
    return one.suspicion.certainty < LIKELY and one.finding.severity != "error"


def stands_beside(first: Scored | None, one: Scored) -> bool:
    """Whether a cause that a fork proved stands beside a first one that no fork has: that cannot explain it.

    Either its signature is likely, or it wins as much as an error. Wrong labels and a leak do explain what a weak
    signature shows: less of learning them is worth something by itself.
    """
    if one.top is None:
        return False
    explained = first is not None and first.finding.code in EXPLAIN
    return not weak(one) and not (explained and one.suspicion.certainty < LIKELY)


def second_cause(
    first: Scored,
    cured: Tried,
    suspicions: Sequence[Suspicion],
    proofs: Sequence[Sequence[Tried]],
    pages: Mapping[str, Page],
    tell: Tell,
    look: Look,
) -> Finding | None:
    """What wins most on top of cured, the first cause's treatment; None for nothing.

    Where much is still missing, of what is likely and of what the cured run shows; else of what is sure.
    """
    case = first.case
    left = case.skill(case.references.best) - case.skill(cured.proof.after)
    missing = left > max(LEFT, 2 * case.chance)
    # what won by itself needs one fork; what did not, all of its own
    again = {
        (suspicion.code, suspicion.place): (suspicion, suspicion.treatments if top is None else (top.treatment,))
        for suspicion, top in zip(suspicions, map(best_of, proofs), strict=True)
        if suspicion.judged is as_it_is
    }
    after = cured_run(case, cured.branch) if missing else None
    # the first cause hides what the cured run shows
    for suspicion in () if after is None else look(after):
        key = suspicion.code, suspicion.place
        if key not in again or suspicion.certainty > again[key][0].certainty:
            again[key] = suspicion, suspicion.treatments
    others: list[tuple[Suspicion, Sequence[Treatment]]] = []
    room = MOST_SECOND
    for suspicion, treatments in sorted(again.values(), key=lambda pair: -pair[0].certainty):
        likely = suspicion.code != first.finding.code and suspicion.certainty >= (LIKELY if missing else SURE)
        if likely and treatments and len(treatments) <= room:
            others.append((suspicion, treatments))
            room -= len(treatments)
    groups = [treatments for _, treatments in others]
    if not any(branch_of(cured.branch, one) for group in groups for one in group):
        return None
    on_top = beside(case, cured.branch, cured.outcomes, groups, tell)
    if first.suspicion.judged is not as_it_is:
        on_top = [balanced(group) for group in on_top]
    pairs = zip(others, on_top, strict=True)
    won = [(suspicion, top) for (suspicion, _), group in pairs if (top := top_of(suspicion, group))]
    if not won:
        return None
    suspicion, top = max(won, key=lambda pair: pair[0].certainty * pair[1].proof.gain)
    # what is won on top of the first cause's treatment does not come before it
    severity = "warning" if first.finding.severity == "warning" else severity_of(case, suspicion, top)
    return found(case, suspicion, pages, top, severity, cured)


def silenced(scored: Sequence[Scored], first: Scored | None, beyond: Finding | None) -> list[Finding]:
    """The first cause in full, then what wins beyond it; what a weaker fork shows beside it becomes a note."""
    findings: list[Finding] = []
    for one in scored:
        finding = one.finding
        told_again = beyond is not None and (finding.code, finding.place) == (beyond.code, beyond.place)
        if told_again and one is not first:
            continue
        if first is not None and one is not first and finding.severity != "note" and explains(first.finding, finding):
            words = f"{finding.evidence}. {first.finding.code} explains it"
            finding = replace(finding, severity="note", evidence=words)
        findings.append(finding)
        if one is first and beyond is not None:
            findings.append(beyond)
    return findings


def explains(first: Finding, finding: Finding) -> bool:
    """Whether the first cause explains another: what a fork wins beside it, and its symptoms."""
    symptoms = (*SYMPTOMS.get(first.code, ()), *([NON_FINITE] if first.proof else []))
    return finding.proof is not None or finding.code in symptoms


def severity_of(case: Case, suspicion: Suspicion, top: Tried) -> Severity:
    """An error where the gain is large and neither the judging rows nor the seeds explain it, else a warning."""
    least = max(ERROR_GAIN, ERROR_CHANCE * case.chance, ERROR_SPREAD * top.proof.spread)
    clear = suspicion.severity == "error" or (top.proof.confirmed and top.proof.gain >= least)
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
        short = "" if proof.finished is None else f", short of the whole run, which came to {proof.finished:.4g}"
        costs = (
            f"with {proof.change}{f' on top of {after.proof.change}' if after else ''}, {proof.metric} goes from "
            f"{proof.before:.4g} to {proof.after:.4g}{loss} ({proof.seeds} pairs of runs of {proof.steps} steps{short})"
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

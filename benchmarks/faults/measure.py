"""Train, diagnose, and try the fix: everything that takes time, as JSON-able results."""

import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from cells import Cell
from harm import SEEDS, Trained, harm, outcome, trained
from rivals import RIVALS, Traces
from situation import Situation

from gammabeta.diagnosis import Case, Finding, diagnose, suspicions
from gammabeta.diagnosis.fix import PAIRS
from gammabeta.diagnosis.gain import gain_of
from gammabeta.errors import GammabetaError
from gammabeta.plan import change
from gammabeta.train.fit import met
from gammabeta.train.paired import paired

CHECKED = SEEDS[1 : 1 + PAIRS]
"""Of the runs that try a fix: the same seeds without it are known."""

RESTORED = 0.9
"""Share of what was lost that a fix must win back."""

OF_ROWS = ("label noise", "shifts")
"""What a diagnosis measures of the rows alone: the same in all situations of a cell that leave its rows as they are."""


@cache
def known_of_rows(cell: Cell) -> dict[str, Any]:
    """These facts, and the references, as far as a situation of the cell has measured them."""
    return {}


def diagnosed(s: Situation, made: Trained, cell: Cell | None = None) -> tuple[Case, list[Finding], float]:
    """The case of a run, its findings, and how long they took; less for the rows of a cell that were seen before."""
    case = Case(made.plan, s.train, s.valid, made.run.history, made.params, made.stats, s.test)
    healthy = cell.healthy() if cell else s
    same = cell is not None and (s.train, s.valid, s.test) == (healthy.train, healthy.valid, None)
    known = known_of_rows(cell) if cell is not None and same and made.plan.loss == healthy.plan.loss else {}
    case.measured.update({name: known[name] for name in OF_ROWS if name in known})
    if "references" in known:
        vars(case)["references"] = known["references"]
    began = time.perf_counter()
    findings = diagnose(case)
    seconds = time.perf_counter() - began
    known |= {name: case.measured[name] for name in OF_ROWS if name in case.measured}
    known |= {"references": case.references} if "references" in vars(case) else {}
    return case, findings, seconds


def mended(case: Case, s: Situation, finding: Finding) -> Situation | None:
    """The situation with a finding's fix applied; None where it asks for a hand, such as for better rows."""
    made = s
    if finding.proof is not None:
        for suspicion in suspicions(case, family=finding.code):
            for treatment in suspicion.treatments:
                if treatment.says == finding.proof.change:
                    parts = {name: getattr(s, name) for name in ("train", "valid", "holdout")}
                    new = {name: treatment.data(part) for name, part in parts.items() if part is not None}
                    # what is scored stays: all of its rows, each at its own weight
                    kept = s.holdout if s.holdout.rows != new["holdout"].rows else new["holdout"]
                    new["holdout"] = replace(kept, weights=s.holdout.weights)
                    made = replace(made, **new)
    if not finding.fix and made.train is s.train:
        return None
    try:
        plan = change(case.plan, finding.fix).replace(input_shape=None)
        met(plan, made.train)
    except GammabetaError:
        return None
    return replace(made, plan=plan)


def restored(case: Case, s: Situation, finding: Finding, lost: dict[str, Any]) -> dict[str, Any]:
    """Share of what was lost that the fix wins back, on seeds that no fork has seen; and what the paired check says."""
    better = mended(case, s, finding)
    if better is None:
        return {"kind": "by hand"}
    name = lost["by"]
    runs = [trained(better, seed) for seed in CHECKED]
    value = float(np.mean([one.measured(name) for one in runs]))
    share = (value - lost[name]["faulty"]) / max(lost[name]["lost"], 1e-12)
    found = {"kind": "tried", "after": value, "share": share, "restored": share >= RESTORED}
    if better.train is s.train:
        # the check is of plans alone: rows are mended by hand
        places = [SEEDS.index(seed) for seed in CHECKED]
        other = better.plan.loss != case.plan.loss
        pairs = [(lost["valid"][i], run.valid) for i, run in zip(places, runs, strict=True)]
        check = paired([gain_of(case, outcome(*a), outcome(*b), other) for a, b in pairs])
        before = float(np.mean([lost[name]["runs"][i] for i in places]))
        found["check"] = {"gain": check.gain, "error": check.error, "kept": check.better, "helps": value > before}
    return found


def brief(finding: Finding) -> dict[str, Any]:
    """A finding as a line of the results."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "place": finding.place,
        "evidence": finding.evidence,
        "change": finding.proof.change if finding.proof else "",
        "gain": finding.proof.gain if finding.proof else None,
    }


def looked_at(
    s: Situation, cell: Cell, seed: int = 0, tried: bool = True, known: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Everything about one situation: harm, findings, rivals' alarms, the fix, and how long each took.

    tried: whether harm is proved and the fix is tried; otherwise a fault is taken to hurt
    known: the harm, where it was measured before
    """
    first = trained(s, seed, looking=True)
    began = time.perf_counter()
    lost: dict[str, Any] = {"hurts": bool(s.accepted), "by": ""}
    if s.accepted and tried:
        lost = known or harm(cell, s, first)
    harm_seconds = time.perf_counter() - began
    case, findings, seconds = diagnosed(s, first, cell)
    traces = Traces(case, first.looks)
    result: dict[str, Any] = {
        "accepted": sorted(s.accepted),
        "both": [sorted(codes) for codes in s.both],
        "score": first.score,
        "harm": lost,
        "findings": [brief(finding) for finding in findings],
        "rivals": {name: {k: sorted(v) for k, v in rule(traces).items()} for name, rule in RIVALS.items()},
    }
    began = time.perf_counter()
    causes = [finding for finding in findings if finding.severity != "note"]
    if tried and lost["hurts"] and causes:
        result["fix"] = restored(case, s, causes[0], lost)
    result["seconds"] = {
        "train": round(first.seconds, 2),
        "harm": round(harm_seconds, 2),
        "diagnosis": round(seconds, 2),
        "fix": round(time.perf_counter() - began, 2),
    }
    return result

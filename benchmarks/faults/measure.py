"""Train, see what a fault costs, diagnose, and try the fix: everything that takes time, as JSON-able results."""

import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from cells import Cell
from rivals import RIVALS, Traces
from scipy.stats import ttest_rel
from situation import Situation

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, Finding, diagnose, suspicions
from gammabeta.diagnosis.examine import Examination, examine
from gammabeta.errors import GammabetaError, TrainingError
from gammabeta.plan import Plan, change
from gammabeta.train import fit
from gammabeta.train.evaluate import evaluate
from gammabeta.train.fit import met
from gammabeta.train.metrics import LOWER_IS_BETTER, headline
from gammabeta.train.run import Run
from gammabeta.train.step import program_of

SEEDS = 5
LEAST_SCORE, LEAST_LOSS = 0.03, float(np.log(1.05))
MOST_LOSS = 1e3
RESTORED = 0.9
CHECKS = 10
"""Looks inside the network during a run that the rival rule sets are given."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run, and what it scores on the hold-out: higher is better, the loss capped."""

    plan: Plan
    run: Run
    params: Any
    stats: Any
    score: float
    loss: float
    optimism: float
    looks: tuple[Examination, ...]
    seconds: float


def trained(s: Situation, seed: int, looking: bool = False) -> Trained:
    """Train a situation's plan with a seed of its own, and score the finished model on the hold-out."""
    began = time.perf_counter()
    plan = met(s.plan.replace(seed=seed), s.train)
    made, looks = Run(plan), []
    probe = Case(plan, s.train).probe
    every = max(1, plan.epochs // CHECKS)
    for epoch in fit(plan, s.train, s.valid):
        made = made.then(epoch)
        if looking and (epoch.number % every == 0 or epoch.ended):
            state = epoch.state
            looks.append(examine(plan.layers, plan.loss, state.params, state.stats, probe, False))  # type: ignore[arg-type]
    try:
        params, stats = made.finished(s.train)
    except TrainingError:
        params = stats = None
    if params is not None and s.finish is not None:
        params, stats = s.finish(plan, params, stats)
    score, loss = scored(plan, params, stats, s.holdout)
    on_valid = scored(plan, params, stats, s.valid or s.train)[0]
    seconds = time.perf_counter() - began
    return Trained(plan, made, params, stats, score, loss, on_valid - score, tuple(looks), seconds)


def scored(plan: Plan, params: Any, stats: Any, data: Dataset) -> tuple[float, float]:
    """(headline metric, loss); of a model that could not be trained, what a constant answer would get at best."""
    assert data.y is not None
    worst = 0.0 if data.y.ndim == 2 and not set(np.unique(data.y)) <= {0.0, 1.0} else 1 / (1 + float(data.y.max()))
    if params is None:
        return worst, MOST_LOSS
    found = evaluate(program_of(plan), params, stats, data)
    name, value = headline(plan.loss, found.predicted, data)
    value = -value if name in LOWER_IS_BETTER else value
    if not np.isfinite(value):
        value = worst
    return max(float(value), -1.0), found.loss if 0 < found.loss < MOST_LOSS else MOST_LOSS


@cache
def healthy_runs(cell: Cell) -> tuple[Trained, ...]:
    """The runs that every fault of a cell is compared with."""
    return tuple(trained(cell.healthy(seed), seed) for seed in range(SEEDS))


def harm(cell: Cell, s: Situation, first: Trained) -> dict[str, Any]:
    """What a fault costs over paired seeds: p < 0.05, d >= 0.5, and 3 points of score or 5 % of the loss."""
    healthy = healthy_runs(cell)
    faulty = (first, *(trained(s, seed) for seed in range(1, SEEDS)))
    found: dict[str, Any] = {"hurts": False, "by": ""}
    pairs = {
        "score": ([one.score for one in healthy], [one.score for one in faulty], LEAST_SCORE),
        "loss": ([-np.log(one.loss) for one in healthy], [-np.log(one.loss) for one in faulty], LEAST_LOSS),
    }
    if s.optimism:
        pairs = {"optimism": ([-one.optimism for one in healthy], [-one.optimism for one in faulty], LEAST_SCORE)}
    elif not s.same_loss:
        del pairs["loss"]
    for name, (good, bad, least) in pairs.items():
        lost, p, d = compared(np.array(good), np.array(bad))
        found[name] = {"healthy": float(np.mean(good)), "faulty": float(np.mean(bad)), "lost": lost, "p": p, "d": d}
        if not found["hurts"] and lost >= least and p < 0.05 and d >= 0.5:
            found |= {"hurts": True, "by": name}
    return found


def compared(good: np.ndarray, bad: np.ndarray) -> tuple[float, float, float]:
    """(mean difference, p of the paired t test, Cohen's d with the pooled spread)."""
    differences = good - bad
    lost = float(differences.mean())
    if np.ptp(differences) < 1e-12:
        return lost, (0.0 if abs(lost) > 1e-12 else 1.0), (99.0 if abs(lost) > 1e-12 else 0.0)
    pooled = float(np.sqrt((good.var(ddof=1) + bad.var(ddof=1)) / 2))
    return lost, float(ttest_rel(good, bad).pvalue), min(abs(lost) / max(pooled, 1e-12), 99.0)


def diagnosed(s: Situation, made: Trained) -> tuple[Case, list[Finding], float]:
    """The case of a run, its findings, and how long they took."""
    case = Case(made.plan, s.train, s.valid, made.run.history, made.params, made.stats, s.test)
    began = time.perf_counter()
    return case, diagnose(case), time.perf_counter() - began


def mended(case: Case, s: Situation, finding: Finding) -> Situation | None:
    """The situation with a finding's fix applied; None where it asks for a hand, such as for better rows."""
    made = s
    if finding.proof is not None:
        for suspicion in suspicions(case):
            for treatment in suspicion.treatments:
                if suspicion.code == finding.code and treatment.says == finding.proof.change:
                    parts = {name: getattr(s, name) for name in ("train", "valid", "holdout")}
                    new = {name: treatment.data(part) for name, part in parts.items() if part is not None}
                    if s.holdout.rows != new["holdout"].rows:
                        new["holdout"] = s.holdout
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
    """Share of what was lost that the fix wins back, on two seeds that nothing has seen."""
    better = mended(case, s, finding)
    if better is None:
        return {"kind": "by hand"}
    name = lost["by"]
    runs = [trained(better, seed) for seed in (101, 102)]
    if name == "optimism":
        value = -float(np.mean([one.optimism for one in runs]))
    elif name == "loss":
        value = -float(np.mean(np.log([one.loss for one in runs])))
    else:
        value = float(np.mean([one.score for one in runs]))
    share = (value - lost[name]["faulty"]) / max(lost[name]["lost"], 1e-12)
    return {"kind": "tried", "after": value, "share": share, "restored": share >= RESTORED}


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
    case, findings, seconds = diagnosed(s, first)
    traces = Traces(case, first.looks)
    result: dict[str, Any] = {
        "accepted": sorted(s.accepted),
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

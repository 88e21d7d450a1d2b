"""Train, and see what a fault costs: what does not depend on any rule."""

import time
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from cells import Cell
from scipy.stats import ttest_rel
from situation import Situation

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.examine import Examination, examine
from gammabeta.diagnosis.fix import PAIRS
from gammabeta.diagnosis.forks import Outcome
from gammabeta.diagnosis.gain import gain_of
from gammabeta.errors import TrainingError
from gammabeta.plan import Plan
from gammabeta.train import fit
from gammabeta.train.evaluate import evaluate
from gammabeta.train.fit import met
from gammabeta.train.metrics import LOWER_IS_BETTER, headline
from gammabeta.train.paired import paired
from gammabeta.train.probes import default_probe
from gammabeta.train.run import Run
from gammabeta.train.step import program_of

SEEDS = (0, 3, 4, 5, 6)
"""Of the runs that prove harm: the diagnosed run's, and four that no fork has used."""

SPARE = 7
"""A sixth healthy run, so that three can be compared with three."""

LEAST_SCORE, LEAST_LOSS = 0.03, float(np.log(1.05))
MOST_LOSS = 1e3
CHECKS = 10
"""Looks inside the network during a run that the rival rule sets are given."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run, and what it scores on the hold-out: higher is better, the loss capped; valid: the same there."""

    plan: Plan
    run: Run
    params: Any
    stats: Any
    score: float
    loss: float
    valid: tuple[float, float]
    looks: tuple[Examination, ...]
    seconds: float

    @property
    def optimism(self) -> float:
        """By how much the validation rows promise more than the hold-out gives."""
        return self.valid[0] - self.score

    def measured(self, name: str) -> float:
        """What harm is measured by, higher is better: "score", "loss" (its logarithm) or "optimism"."""
        return {"score": self.score, "loss": -float(np.log(self.loss)), "optimism": -self.optimism}[name]


def trained(s: Situation, seed: int, looking: bool = False) -> Trained:
    """Train a situation's plan with a seed of its own, and score the finished model on the hold-out."""
    began = time.perf_counter()
    plan = met(s.plan.replace(seed=seed), s.train)
    made, looks = Run(plan), []
    probe = Case(plan, s.train).probe
    every = max(1, plan.epochs // CHECKS)
    # only the run that is diagnosed has to be watched
    for epoch in fit(plan, s.train, s.valid, probe=default_probe if looking else None):
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
    on_valid = scored(plan, params, stats, s.valid or s.train)
    seconds = time.perf_counter() - began
    return Trained(plan, made, params, stats, score, loss, on_valid, tuple(looks), seconds)


def scored(plan: Plan, params: Any, stats: Any, data: Dataset) -> tuple[float, float]:
    """(headline metric, loss); of a model that could not be trained, those of guessing and the largest."""
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
    return tuple(trained(cell.healthy(seed), seed) for seed in (*SEEDS, SPARE))


@cache
def useless_kept(cell: Cell) -> tuple[int, int]:
    """(how often the paired check keeps a fix that changes nothing, of how many): healthy runs against healthy runs."""
    s, runs = cell.healthy(0), healthy_runs(cell)
    case = Case.of(s.plan, s.train, s.valid)
    kept = []
    for chosen in combinations(range(len(runs)), PAIRS):
        rest = [one for one in range(len(runs)) if one not in chosen]
        pairs = [(runs[i].valid, runs[j].valid) for i, j in zip(chosen, rest, strict=True)]
        kept.append(paired([gain_of(case, outcome(*a), outcome(*b), False) for a, b in pairs]).better)
    return sum(kept), len(kept)


def outcome(metric: float, loss: float) -> Outcome:
    """What the paired check sees of a run: no finite loss where it is as large as it is counted at most."""
    finite = loss < MOST_LOSS
    loss = loss if finite else np.inf
    return Outcome(loss, metric, np.nan, np.nan, loss, finite, 0, ())


def harm(cell: Cell, s: Situation, first: Trained) -> dict[str, Any]:
    """What a fault costs over paired seeds: p < 0.05, d >= 0.5, and 3 points of score or 5 % of the loss."""
    healthy = healthy_runs(cell)[: len(SEEDS)]
    faulty = (first, *(trained(s, seed) for seed in SEEDS[1:]))
    found: dict[str, Any] = {"hurts": False, "by": "", "valid": [one.valid for one in faulty]}
    found["useless"] = useless_kept(cell)
    found["alone"] = [harm(cell, one, trained(one, SEEDS[0]))["hurts"] for one in s.alone]
    least = {"optimism": LEAST_SCORE} if s.optimism else {"score": LEAST_SCORE, "loss": LEAST_LOSS}
    if not s.same_loss:
        least.pop("loss", None)
    for name, worth in least.items():
        good, bad = (np.array([one.measured(name) for one in runs]) for runs in (healthy, faulty))
        lost, p, d = compared(good, bad)
        found[name] = {"healthy": float(np.mean(good)), "faulty": float(np.mean(bad)), "lost": lost, "p": p, "d": d}
        found[name]["runs"] = bad.tolist()
        if not found["hurts"] and lost >= worth and p < 0.05 and d >= 0.5:
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

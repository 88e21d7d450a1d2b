"""What is tried next: asked of Optuna, told to Optuna."""

import time
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from gammabeta.plan import Plan
from gammabeta.tune.jobs import GRACE, Jobs
from gammabeta.tune.space import Dimension, Space
from gammabeta.tune.trial import RUNGS, Outcome

AT_RANDOM = 4
"""Trials before the sampler believes what it sees."""

KEPT, SHARE_KEPT = 5, 0.5

LEAST_FOR_IMPORTANCE = 8


class Asking:
    """A study seen through a space.

    Trial 0 is the plan that the search starts from. Every second trial keeps the structure of the best one so far and
    half of its numbers: it refines what is good, and shares its compiled program. Of the others every second one keeps
    half of all that the best one has, and every second one keeps nothing. What is not kept is drawn by the sampler.
    """

    def __init__(self, study: optuna.Study, jobs: Jobs, space: Space, base: Plan) -> None:
        self.study, self.jobs, self.space, self.seed = study, jobs, space, base.seed
        first = max(1, base.epochs // RUNGS[0])
        self.study.pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=2)

    def ask(self, number: int, lost: int | None) -> tuple[optuna.Trial, dict[str, Any]]:
        """(Optuna's trial, what was drawn) for trial ``number``; one that was lost is drawn as it was."""
        given = self.given(number)
        keeps = number == 0 or number % 2 == 1
        if lost is not None:
            given |= self.study.get_trials(deepcopy=False)[lost].params
            self.tell(lost, None)
        # a sampler for each trial: what is drawn depends on what was told, not on how often this process was started
        draw = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        self.study.sampler = sampler(given, draw)
        trial = self.study.ask()
        params: dict[str, Any] = {}
        for dimension in self.space.dimensions:
            # what the space cannot say of the plan that is kept stays as it is there
            unsaid = dimension.key not in given and keeps and (number == 0 or dimension.structural)
            if dimension.applies(params) and not unsaid:
                params[dimension.key] = suggested(trial, dimension)
        return trial, params

    def given(self, number: int) -> dict[str, Any]:
        """What is not drawn."""
        if number == 0:
            return dict(self.space.start)
        if number % 4 == 0:
            return {}
        results = [body for job, body in self.jobs.results().items() if job.startswith("trial ")]
        done = [body for body in results if body["ended"] == "done"]
        kept = min(done, key=lambda body: float(body["value"]))["params"] if done else self.space.start
        random = np.random.default_rng([self.seed, number, KEPT])
        keeps = {
            d.key: random.random() < SHARE_KEPT or (d.structural and number % 2 == 1) for d in self.space.dimensions
        }
        drawn = [d.key for d in self.space.dimensions if d.key in kept and (number % 2 == 0 or not d.structural)]
        if drawn and all(keeps[key] for key in drawn):
            # the same plan twice would say nothing
            keeps[str(random.choice(drawn))] = False
        return {key: value for key, value in kept.items() if keeps[key]}

    def tell(self, number: int, outcome: Outcome | None) -> None:
        """Tell Optuna what its trial came to; None: it was not finished."""
        state = {"done": TrialState.COMPLETE}.get(outcome.ended, TrialState.PRUNED) if outcome else TrialState.FAIL
        value = outcome.value if outcome and outcome.ended == "done" else None
        self.study.tell(number, value, state, skip_if_finished=True)

    def reconcile(self) -> None:
        """Bring Optuna's states after what the jobs say, where a process was killed between the two."""
        rows = {row.trial: row for row in self.jobs.rows().values() if row.trial is not None}
        results = self.jobs.results()
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            row = rows.get(trial.number)
            if row is not None and row.result is not None:
                self.tell(trial.number, Outcome.from_json(results[row.job]))
            elif row is None and age(trial) > GRACE:
                self.tell(trial.number, None)

    def close(self) -> None:
        """When every trial is done: what Optuna still takes for running was lost."""
        self.reconcile()
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.tell(trial.number, None)

    def importances(self) -> dict[str, float]:
        """Share of the spread of the losses that each key explains, the largest first; {} where trials are too few."""
        finished = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(finished) < LEAST_FOR_IMPORTANCE:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = optuna.importance.get_param_importances(
                    self.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
                )
            except (ValueError, RuntimeError, ZeroDivisionError):
                return {}
        return {key: float(value) for key, value in found.items() if np.isfinite(value)}


def sampler(given: Mapping[str, Any], seed: int) -> optuna.samplers.BaseSampler:
    """Draws what is not given.

    Optuna's own queue for given values is of no use here: two who ask at once can get the same trial from it.
    """
    drawing = optuna.samplers.TPESampler(seed=seed, n_startup_trials=AT_RANDOM)
    with warnings.catch_warnings():
        # its interface may change: the version is pinned
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler(dict(given), drawing)


def suggested(trial: optuna.Trial, dimension: Dimension) -> Any:
    """A value for one dimension."""
    if dimension.scale == "choice":
        return trial.suggest_categorical(dimension.key, dimension.values)
    low, high = dimension.values
    if dimension.whole:
        return trial.suggest_int(dimension.key, low, high, log=dimension.scale == "log")
    return trial.suggest_float(dimension.key, low, high, log=dimension.scale == "log")


def age(trial: Any) -> float:
    """Seconds since a trial began."""
    begun = trial.datetime_start
    return time.time() - begun.timestamp() if isinstance(begun, datetime) else 0.0

"""The search: trials asked for, trained, pruned and told; the best of them repeated on fresh seeds; a winner."""

import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gammabeta.data import Dataset, Schema
from gammabeta.errors import PlanError, TrainingError, UsageError
from gammabeta.plan import Plan
from gammabeta.train.together import at_once, together
from gammabeta.tune.asking import Asking
from gammabeta.tune.jobs import Claim
from gammabeta.tune.ranking import Place, candidates, fresh_seeds, ranked
from gammabeta.tune.space import Space, ready
from gammabeta.tune.storage import Opened, opened, subject
from gammabeta.tune.trial import Outcome, Problem, folds_for, trained

STUDY = "gammabeta"
SEARCHING, REPEATING = 0.65, 0.95
"""Shares of the time limit after which no trial begins or goes on, and no repeat."""

ENOUGH = 1.5
"""What is asked for over what the first trial takes at the speed of its epochs so far: reading and measuring count too.
"""

WAIT = 0.1
"""Seconds between two looks for a job, while others work on the last ones."""


@dataclass(frozen=True)
class Standing:
    """Where a search is.

    phase: "searching", "repeating" the best on fresh seeds, or "measuring" them on the validation rows
    done, of: jobs of the phase; pruned: trials that were ended early
    best, first: the lowest validation loss so far, and that of the plan it started from; metric, score: of the best
    left: seconds that the phase will still take, at most; NaN while unknown
    """

    phase: str
    done: int
    of: int
    pruned: int
    best: float
    first: float
    metric: str
    score: float
    left: float


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to.

    plan: the winner, with its network as it was described; trial: its number, 0 is the plan the search started from
    outcomes, params: of every trial that is done, by its number; ranking: see :class:`Place`
    plain: the validation loss of the candidates on the one split that fit uses, with the plan's own seed
    importances: share of the spread of losses that each key explains (PED-ANOVA); {} where there are too few trials
    asked: how many trials were wanted; stopped: whether it was interrupted or ran out of time before all were done
    phase: "over", or that of the search while it is under way, see :class:`Standing`
    """

    plan: Plan
    trial: int
    base: Plan
    space: Space
    outcomes: Mapping[int, Outcome]
    params: Mapping[int, Mapping[str, Any]]
    ranking: tuple[Place, ...]
    plain: Mapping[int, float]
    importances: Mapping[str, float]
    folds: int
    asked: int
    stopped: bool
    seconds: float
    problem: Problem = field(repr=False)
    phase: str = "over"

    @property
    def programs(self) -> int:
        """How many training programs all trials needed."""
        return len({outcome.program for outcome in self.outcomes.values() if outcome.program})


Tell = Callable[[Standing], None]
Hear = Callable[[Found], object]


def search(
    plan: Plan,
    schema: Schema,
    train: Dataset,
    valid: Dataset | None = None,
    *,
    space: Space | None = None,
    trials: int = 30,
    time_limit: float | None = None,
    storage: str | None = None,
    study: str = STUDY,
    workers: int | None = None,
    on_progress: Tell = lambda standing: None,
    on_found: Hear | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    place: str = "storage",
) -> Found:
    """Look for a better plan than ``plan`` by the loss on rows that it is not trained on.

    plan: with its network as an architecture, such as ``advise`` gives it; it is trial 0, so that nothing worse wins
    schema, train, valid: as for model.learn; test rows have no business here
    space: what is varied; None: :func:`ready`; trials: how many, trial 0 among them
    time_limit: seconds for everything; trials under way at 65 % of it are given back
    storage: a database URL that Optuna knows; None: a temporary file. What is done there is not done again, and several
        processes may work on it; study: the name of the search in it
    workers: trials at once, each on a thread; None: one for each core, on an accelerator 8, whose steps are one program
    on_progress: called after every job; on_found: the same, with what is found so far; should_stop: asked all the time

    With one worker and no time limit the same plan, rows and space give the same trials. Trials are pruned at 1/8, 1/4
    and 1/2 of their epochs, with statistics settled, unless among the better half. The best three and trial 0 are
    trained on three fresh seeds; the best mean wins, unless it is worse than trial 0 on the validation rows.
    Raises UsageError for impossible numbers and for a time limit in which trial 0 is not done, TrainingError where no
    trial gave a network.
    """
    if trials < 1:
        raise UsageError(f"trials: found {trials}, expected at least 1.")
    if time_limit is not None and not time_limit > 0:
        raise UsageError(f"time_limit: found {time_limit}, expected more than 0 seconds.")
    if workers is not None and workers < 1:
        raise UsageError(f"workers: found {workers}, expected at least 1.")
    space = ready(plan) if space is None else space
    losses = ("loss", "loss.label_smoothing", "class_weights")
    common = any(d.name in losses or d.name.endswith("label_smoothing") for d in space.dimensions)
    problem = Problem(schema, train, valid, folds_for(train, valid), common, plan.class_weights)
    with database(storage) as url:
        found = opened(url, study, subject(plan, space, train, valid), place)
        try:
            at_a_time = workers or at_once()
            return Search(
                plan, space, problem, trials, found, at_a_time, time_limit, on_progress, on_found, should_stop
            ).run()
        finally:
            found.close()


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The URL, or that of a file which lasts as long as this."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="gammabeta-search-") as folder:
        yield f"sqlite:///{Path(folder) / 'search.db'}"


class Search:
    """A search while it runs; :func:`search` is its only user."""

    def __init__(
        self,
        base: Plan,
        space: Space,
        problem: Problem,
        trials: int,
        opened: Opened,
        workers: int,
        time_limit: float | None,
        on_progress: Tell,
        on_found: Hear | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self.base, self.space, self.problem, self.trials = base, space, problem, trials
        self.study, self.jobs = opened
        self.workers, self.limit = workers, time_limit
        self.on_progress, self.on_found, self.should_stop = on_progress, on_found, should_stop
        self.asking = Asking(self.study, self.jobs, space, base)
        self.lock = threading.RLock()
        self.broken = threading.Event()
        self.began = time.perf_counter()
        self.cut = Outcome("stopped")

    def run(self) -> Found:
        """All phases; each goes on where an earlier process stopped."""
        with self.jobs.alive():
            self.asking.reconcile()
            self.perform("searching", [f"trial {n}" for n in range(self.trials)], self.trial, SEARCHING)
            outcomes = self.outcomes()
            self.refuse_nothing(outcomes)
            chosen = candidates(outcomes)
            seeds = fresh_seeds(self.base.seed)
            repeats = [f"repeat {n} {seed}" for seed in seeds for n in chosen] if len(chosen) > 1 else []
            self.perform("repeating", repeats, self.repeat, REPEATING)
            plain = {n: outcomes[n].value for n in chosen}
            if self.problem.folds > 1 and self.problem.valid is not None:
                finals = [f"final {n} {self.base.seed}" for n in chosen]
                self.perform("measuring", finals if len(chosen) > 1 else [], self.final, 1.0)
                results = self.jobs.results()
                plain = {
                    n: Outcome.from_json(results[job]).value
                    for n, job in zip(chosen, finals, strict=True)
                    if job in results
                }
            if len(outcomes) >= self.trials:
                self.asking.close()
            return self.found(outcomes, seeds, plain)

    def found(
        self, outcomes: Mapping[int, Outcome], seeds: Sequence[int], plain: Mapping[int, float], phase: str = "over"
    ) -> Found:
        """The ranking and its winner; while nothing is ranked, the plan that the search starts from."""
        results = self.jobs.results()
        chosen = candidates(outcomes)
        repeats = {
            n: [Outcome.from_json(results[job]) for seed in seeds if (job := f"repeat {n} {seed}") in results]
            for n in chosen
        }
        ranking = ranked(outcomes, repeats)
        # a better mean that is worse on the one split that fit uses would end worse than fit alone
        allowed = [p.trial for p in ranking if not plain.get(p.trial, math.nan) > plain.get(0, math.inf)]
        winner = next(iter(allowed or [place.trial for place in ranking]), 0)
        params = {n: results[f"trial {n}"]["params"] for n in outcomes}
        return Found(
            plan=self.base if winner == 0 else self.space.planned(self.base, params[winner]),
            trial=winner,
            base=self.base,
            space=self.space,
            outcomes=outcomes,
            params=params,
            ranking=ranking,
            plain=dict(plain),
            importances=self.asking.importances(),
            folds=self.problem.folds,
            asked=self.trials,
            stopped=self.should_stop() or len(outcomes) < self.trials,
            seconds=time.perf_counter() - self.began,
            problem=self.problem,
            phase=phase,
        )

    def outcomes(self) -> dict[int, Outcome]:
        """Of every trial that is done, by its number."""
        results = self.jobs.results()
        numbers = (int(job.split()[1]) for job in results if job.startswith("trial "))
        return {n: Outcome.from_json(results[f"trial {n}"]) for n in sorted(numbers)}

    def refuse_nothing(self, outcomes: Mapping[int, Outcome]) -> None:
        """Raise where there is nothing to choose from."""
        if any(outcome.ended == "done" for outcome in outcomes.values()):
            return
        if 0 not in outcomes and not self.should_stop():
            epochs = self.base.epochs * self.problem.folds
            left = (epochs - self.cut.epochs) * self.cut.epoch_seconds
            more = "several times as much"
            if math.isfinite(left):
                more = f"at least {math.ceil(ENOUGH * (self.cut.seconds + left))} s"
            raise UsageError(
                f"time limit: not even the plan that the search starts from was done in the {self.limit:.3g} s for it "
                f"({self.cut.epochs} of at most {epochs} epochs in {self.cut.seconds:.1f} s); give {more}, or set "
                f"fewer epochs."
            )
        if self.should_stop():
            raise TrainingError("search: it was stopped before its first trial was done; nothing is lost but that.")
        said = next((outcome.why for outcome in outcomes.values() if outcome.why), "the loss was no longer finite")
        raise TrainingError(
            f"search: none of {len(outcomes)} trials gave a usable network ({said}); look at the plan and the data "
            f"with a fit first."
        )

    def deadline(self, share: float) -> bool:
        """Whether a share of the time limit is over."""
        return self.limit is not None and time.perf_counter() - self.began >= share * self.limit

    def perform(self, phase: str, wanted: Sequence[str], do: Callable[[Claim, float], None], share: float) -> None:
        """Do every job that nobody else does, on all workers, and wait for those of others."""
        if not wanted:
            return
        began, before = time.perf_counter(), len({*wanted} & {*self.jobs.results()})
        self.tell(phase, wanted, began, before, share)

        def over() -> bool:
            if self.broken.is_set() or self.should_stop() or self.deadline(1.0):
                return True
            # the plan that the search starts from may take all of the time: without it there is nothing
            return self.deadline(share) and not (phase == "searching" and not self.jobs.results())

        def work() -> None:
            while not over():
                with self.lock:
                    claim = self.jobs.claim(wanted)
                if claim is None:
                    if {*wanted} <= {*self.jobs.results()}:
                        return
                    time.sleep(WAIT)
                    continue
                try:
                    with joined():
                        do(claim, share)
                except BaseException:
                    self.broken.set()
                    raise
                finally:
                    self.jobs.release(claim.job)
                with self.lock:
                    self.tell(phase, wanted, began, before, share)

        joined = together(self.workers)
        with ThreadPoolExecutor(self.workers) as pool:
            working = [pool.submit(work) for _ in range(self.workers)]
            try:
                for each in working:
                    each.result()
            except BaseException:
                self.broken.set()
                raise

    def stopping(self, share: float) -> Callable[[], bool]:
        return lambda: self.broken.is_set() or self.should_stop() or self.deadline(share)

    def trial(self, claim: Claim, share: float) -> None:
        """One trial: asked for, trained, written down, told."""
        number = int(claim.job.split()[1])
        with self.lock:
            trial, params = self.asking.ask(number, claim.lost)
            self.jobs.began(claim.job, trial.number)

        def hear(epoch: int, value: float) -> bool:
            with self.lock:
                trial.report(value, epoch)
                return trial.should_prune() and number != 0

        try:
            plan = self.base if number == 0 else self.space.planned(self.base, params)
        except PlanError as error:
            # what was drawn does not go together, such as a batch_size below micro_batch_size
            outcome = Outcome("impossible", why=str(error))
        else:
            outcome = trained(self.problem, plan, hear, self.stopping(1.0 if number == 0 else share))
        with self.lock:
            if outcome.ended == "stopped":
                self.cut = outcome if number == 0 else self.cut
                self.asking.tell(trial.number, None)
            elif self.jobs.finish(claim.job, {**outcome.to_json(), "params": params}):
                self.asking.tell(trial.number, outcome)
            else:
                self.asking.tell(trial.number, None)

    def repeat(self, claim: Claim, share: float, folds: int | None = None) -> None:
        """A trial's plan again, with another seed."""
        _, number, seed = claim.job.split()
        params = self.jobs.results()[f"trial {number}"]["params"]
        plan = self.base if number == "0" else self.space.planned(self.base, params)
        outcome = trained(self.problem, plan.replace(seed=int(seed)), should_stop=self.stopping(share), folds=folds)
        if outcome.ended != "stopped":
            self.jobs.finish(claim.job, outcome.to_json())

    def final(self, claim: Claim, share: float) -> None:
        """A trial's plan on the one split that fit uses."""
        self.repeat(claim, share, folds=1)

    def tell(self, phase: str, wanted: Sequence[str], began: float, before: int, share: float) -> None:
        """Say where the search is."""
        done = len({*wanted} & {*self.jobs.results()})
        outcomes = self.outcomes()
        best = min((o for o in outcomes.values() if o.ended == "done"), key=lambda o: o.value, default=None)
        if self.on_found is not None:
            self.on_found(self.found(outcomes, fresh_seeds(self.base.seed), {}, phase))
        spent = time.perf_counter() - began
        left = spent / (done - before) * (len(wanted) - done) if done > before else math.nan
        if self.limit is not None:
            rest = max(share * self.limit - (time.perf_counter() - self.began), 0.0)
            left = rest if math.isnan(left) else min(left, rest)
        self.on_progress(
            Standing(
                phase,
                done,
                len(wanted),
                sum(o.ended == "pruned" for o in outcomes.values()),
                best.value if best else math.nan,
                outcomes[0].value if 0 in outcomes else math.nan,
                best.metric if best else "",
                best.score if best else math.nan,
                left,
            )
        )

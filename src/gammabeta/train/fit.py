"""The loop: a generator that yields an immutable epoch."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from gammabeta.compiling import give_back
from gammabeta.data.dataset import Dataset
from gammabeta.errors import DataError, PlanError, UsageError
from gammabeta.nn import Dense, Probe, Sequential, bare
from gammabeta.plan import Plan
from gammabeta.serial import lift, without_nan
from gammabeta.train.batches import batch_count, chunks, epoch_batches
from gammabeta.train.counted import counted
from gammabeta.train.devices import spread
from gammabeta.train.evaluate import evaluate, shared_length
from gammabeta.train.metrics import METRICS, better, headline, measure, task_of, undefined
from gammabeta.train.probes import Signals, default_probe, flattened, probe_every
from gammabeta.train.statistics import settled
from gammabeta.train.step import (
    Program,
    Start,
    State,
    advance,
    calibrated,
    fresh_state,
    learning_rate,
    probed,
    program_of,
    scale_of,
    started,
)
from gammabeta.train.together import steps_of_this_thread

WATCHED_ROWS = 8_192
"""Rows of train and of valid that are measured after every epoch, at most: the same ones each time."""

SUBSETS = 3

Phase = Literal["compiling", "training", "measuring"]
Ended = Literal["", "epochs", "early stopping", "time limit", "stopped", "non-finite loss"]


@dataclass(frozen=True)
class Progress:
    """Where a fit is inside an epoch: ``done`` of ``steps`` steps of the whole run; loss of the latest batches."""

    phase: Phase
    epoch: int
    done: int
    steps: int
    loss: float


@dataclass(frozen=True, eq=False)
class Epoch:
    """What one epoch came to, or the steps of it up to a measurement.

    number: of the pass over the training rows, from 1
    train, valid: "loss", the headline metric, and the metric that early stopping watches where it is another, in this
        order; in predicting mode, on the same rows each time, which count as in training
    losses: (steps,), of each batch before its step, in training mode
    signals: what the probes last measured, by name; "step" says when
    best: whether it is the best so far; ended: why the run is over, "" while it goes on
    """

    number: int
    state: State = field(repr=False)
    train: Mapping[str, float]
    valid: Mapping[str, float]
    losses: np.ndarray = field(repr=False)
    signals: Mapping[str, float] = field(repr=False)
    learning_rate: float
    seconds: float
    compile_seconds: float
    best: bool
    ended: Ended = ""

    @property
    def steps(self) -> int:
        """Steps made since the beginning of the run."""
        return int(self.state.step)

    def to_json(self) -> dict[str, Any]:
        """The epoch as one line of the history: numbers only, no arrays; NaN as null."""
        with np.errstate(over="ignore", invalid="ignore"):
            step_loss = {"mean": float(np.mean(self.losses)), "spread": float(np.std(self.losses))}
        body = {
            "epoch": self.number,
            "steps": self.steps,
            "train": dict(self.train),
            "valid": dict(self.valid),
            "step_loss": step_loss,
            "learning_rate": self.learning_rate,
            "seconds": round(self.seconds, 4),
            "compile_seconds": round(self.compile_seconds, 4),
            "best": self.best,
            "ended": self.ended,
            # six digits: float32 has no more, and the history is written every epoch
            "signals": {name: float(f"{value:.6g}") for name, value in self.signals.items()},
        }
        line: dict[str, Any] = without_nan(body)
        return line


def fit(
    plan: Plan,
    train: Dataset,
    valid: Dataset | None = None,
    *,
    start: Start | None = None,
    probe: Probe | None = default_probe,
    measure_every: int | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    time_limit: float | None = None,
) -> Iterator[Epoch]:
    """Train as the plan says; ``for epoch in fit(plan, train, valid)`` and whatever stands behind the colon.

    train, valid: encoded by one schema; without valid, the training rows decide which epoch is best
    start: params and stats to start from, such as graft gives them; None: fresh ones by the plan's seed, calibrated
    probe: measured on every layer, each 800th step, in short runs three times; None measures nothing
    measure_every: steps between two measurements inside an epoch, >= 1, for those who count steps; None measures at
        the end of every epoch only. The training is the same either way
    on_progress: called several times an epoch; should_stop: asked as often, ends the run cleanly when true
    time_limit: seconds; the stated exception to "same seed, same numbers"

    Statistics of batch norm are settled on the watched training rows before each measurement, so that both sides are
    measured with what would normalize a finished model. Raises PlanError where plan and data, or plan
    and start, do not fit.
    """
    began = time.perf_counter()
    if train.y is None or train.rows == 0:
        raise DataError("fit: the training rows have no target, expected one; name it with target=.")
    if measure_every is not None and measure_every < 1:
        raise UsageError(f"fit: measure_every is {measure_every}, expected at least 1, or None.")
    give_back()
    plan = met(plan, train)
    train, valid = counted(plan, train), None if valid is None else counted(plan, valid, train)
    program = program_of(plan)
    watched, shape = subset(train, plan.seed), tuple(train.x.shape[1:])
    state = started(plan, shape, start) if start else calibrated(plan, fresh_state(plan, shape), watched)
    watched_valid = None if valid is None or valid.rows == 0 else subset(valid, plan.seed)
    length = shared_length(watched, watched_valid)
    metric = plan.early_stopping.metric if plan.early_stopping else "loss"
    refuse_undefined(metric, watched_valid or watched)
    patience = plan.early_stopping.patience if plan.early_stopping else plan.epochs
    best, best_epoch = float("nan"), 0
    signals = Signals()
    watched_losses: list[float] = []

    def interruption() -> Ended:
        if should_stop():
            return "stopped"
        return "time limit" if time_limit is not None and time.perf_counter() - began >= time_limit else ""

    for number in range(1, plan.epochs + 1):
        reduction = plan.schedule.after(watched_losses)
        pieces = train_epoch(
            plan, program, state, train, number, probe, on_progress, interruption, reduction, measure_every
        )
        clock = time.perf_counter()
        for made in pieces:
            state, signals = made.state, made.signals if made.signals.names else signals
            stats = settled(program.network, state.params, state.stats, watched, plan.batch_size)
            on_train = measured(program, state.params, stats, watched, length, metric)
            on_valid = measured(program, state.params, stats, watched_valid, length, metric) if watched_valid else {}
            value = (on_valid or on_train).get(metric, float("nan"))
            is_best = made.ended != "non-finite loss" and better(metric, value, best)
            if is_best:
                best, best_epoch = value, number
            ended = made.ended
            if not ended and made.whole and number == plan.epochs:
                ended = "epochs"
            elif not ended and on_valid and number - best_epoch >= patience:
                ended = "early stopping"
            yield Epoch(
                number=number,
                state=state._replace(stats=stats),
                train=on_train,
                valid=on_valid,
                losses=made.losses,
                signals=flattened(signals),
                learning_rate=reduction
                * learning_rate_at(program, int(state.step) - 1, steps_in(plan, train.rows) * plan.epochs),
                seconds=time.perf_counter() - clock,
                compile_seconds=made.compile_seconds,
                best=is_best,
                ended=ended,
            )
            if ended:
                return
            clock = time.perf_counter()
        watched_losses.append((on_valid or on_train)["loss"])


class Trained(NamedTuple):
    """What a pass over the training rows gave up to here; ``whole`` when it is at its end."""

    state: State
    losses: np.ndarray
    signals: Signals
    compile_seconds: float
    whole: bool
    ended: Ended


def train_epoch(
    plan: Plan,
    program: Program,
    state: State,
    data: Dataset,
    number: int,
    probe: Probe | None,
    on_progress: Callable[[Progress], None],
    interruption: Callable[[], Ended],
    reduction: float = 1.0,
    measure_every: int | None = None,
) -> Iterator[Trained]:
    """Train on every batch of epoch ``number``, chunk by chunk; between two chunks it can be interrupted."""
    skeleton, numbers = lift(program)
    steps_per_epoch = steps_in(plan, data.rows)
    steps, done = steps_per_epoch * plan.epochs, (number - 1) * steps_per_epoch
    end, every = number * steps_per_epoch, measure_every or steps
    compile_seconds = 0.0
    losses: list[np.ndarray] = []
    signals = Signals()
    scale = scale_of(data)
    probing = probe_every(steps)
    rest = (steps, np.uint32(plan.seed), reduction)
    # rows that are spread over devices are a batch of their own
    step = partial(steps_of_this_thread() if plan.devices == 1 else advance, skeleton, numbers)
    look = partial(probed, skeleton, numbers, probe=probe) if probe else None
    for whole, real in chunks(data, epoch_batches(data.rows, plan.batch_size, plan.seed, number)):
        chunk = spread(whole, plan.devices)
        if done == 0:
            start = time.perf_counter()
            on_progress(Progress("compiling", number, done, steps, float("nan")))
            with ThreadPoolExecutor(1) as beside:
                looking = beside.submit(look, state, chunk, scale, 0, *rest) if look else None
                # a span of no batches compiles and trains nothing
                jax.block_until_ready(step(state, chunk, scale, (0, 0), *rest))
                signals = looking.result() if looking else signals
            compile_seconds = time.perf_counter() - start
            on_progress(Progress("training", number, done, steps, float("nan")))
        first = 0
        while first < real:
            last = min(real, first + every - done % every)
            if look:
                last = min(last, first + probing - done % probing)
                if done and done % probing == 0:
                    signals = look(state, chunk, scale, first, *rest)
            state, part = step(state, chunk, scale, (first, last), *rest)
            losses.append(np.asarray(part)[first:last])
            done += last - first
            first = last
            on_progress(Progress("training", number, done, steps, float(np.mean(losses[-1]))))
            ended = interruption() if np.isfinite(losses[-1]).all() else "non-finite loss"
            if ended or done == end or done % every == 0:
                on_progress(Progress("measuring", number, done, steps, float(np.mean(losses[-1]))))
                yield Trained(state, np.concatenate(losses), signals, compile_seconds, done == end, ended)
                losses, compile_seconds = [], 0.0
            if ended:
                return


def steps_in(plan: Plan, rows: int) -> int:
    """How many steps an epoch has."""
    return batch_count(rows, plan.batch_size)


def learning_rate_at(program: Program, step: int, steps: int) -> float:
    """The learning rate of a step of a run of ``steps`` steps."""
    skeleton, numbers = lift(program)
    return float(learning_rate(skeleton.optimizer, skeleton.schedule, numbers, step, steps))


def met(plan: Plan, data: Dataset) -> Plan:
    """The plan with its network written out for the data; PlanError where the two do not fit."""
    assert data.y is not None
    plan.loss.refuse(data.y)
    plan = plan.replace(loss=plan.loss.fitted(data.y, data.weights))
    outputs = outputs_of(plan, data)
    refuse_unmeasured(plan, 1 if data.y.ndim == 1 else data.y.shape[1])
    return plan.expanded(tuple(data.x.shape[1:]), outputs, data.rows)


def refuse_unmeasured(plan: Plan, targets: int) -> None:
    """Raise PlanError where early stopping watches a metric that the plan's task does not have."""
    task = task_of(plan.loss, targets)
    legal = ("loss", *METRICS[task])
    if plan.early_stopping and plan.early_stopping.metric not in legal:
        raise PlanError(
            f"plan.early_stopping.metric: {plan.early_stopping.metric} is not measured for this task, {task}, expected "
            f"one of {', '.join(legal)}."
        )


def refuse_undefined(metric: str, data: Dataset) -> None:
    """Raise PlanError where the rows that judge leave the metric undefined: no epoch would be the best."""
    why = undefined(metric, np.asarray(data.y), data.weights)
    if why:
        raise PlanError(
            f"plan.early_stopping.metric: {metric} says nothing on the {data.rows} rows that judge, for {why}; choose "
            f"other validation rows, or metric=loss."
        )


def outputs_of(plan: Plan, data: Dataset) -> int:
    """How many outputs the targets of ``data`` need."""
    assert data.y is not None
    if data.y.ndim == 2:
        return plan.loss.outputs(int(data.y.shape[1]))
    last = bare(plan.network.layers[-1]) if isinstance(plan.network, Sequential) and plan.network.layers else None
    classes = int(np.max(data.y)) + 1
    return max(classes, last.units) if isinstance(last, Dense) else classes


def measured(
    program: Program, params: Any, stats: Any, data: Dataset, length: int | None = None, metric: str = "loss"
) -> dict[str, float]:
    """Loss, headline metric and the metric asked for, in predicting mode."""
    found = evaluate(program, params, stats, data, length)
    name, value = headline(program.loss, found.predicted, data)
    numbers = {"loss": found.loss, name: value}
    return numbers if metric in numbers else {**numbers, metric: measure(metric, program.loss, found.predicted, data)}


def subset(data: Dataset, seed: int) -> Dataset:
    """At most 8,192 rows of ``data``, the same ones for the same seed."""
    if data.rows <= WATCHED_ROWS:
        return data
    chosen = np.random.default_rng([seed, SUBSETS]).choice(data.rows, WATCHED_ROWS, replace=False)
    return data.take(np.sort(chosen))

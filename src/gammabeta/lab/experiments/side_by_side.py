"""C23: the same image network side by side: scikit-learn, gammabeta, and PyTorch and Keras where they are installed.

Two hidden layers of ReLU units, Adam at the common rate of 0.001 (nobody's best), the same batches and epochs, no
normalization: what all four can build. Three tasks on the same images: which of the classes; three labels that do not
exclude each other (the class is even, is above four, is drawn with a loop); and a number, the share of pixels with ink.
Then gammabeta once more as it would do it itself, with batch norm. Seconds are those of one thread of BLAS and OpenMP.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLUE, GREEN, ORANGE, PINK, YELLOW
from gammabeta.lab.estimate import Estimate, difference_of, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.rivals import NEEDS, RIVALS, Job, answers, installed
from gammabeta.lab.samples import images, labels
from gammabeta.lab.training import scaled, values, where
from gammabeta.nn import PREDICTING, BatchNorm, Loss, Mlp, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import Adam, Constant
from gammabeta.plan import Plan
from gammabeta.train import run

TASKS: dict[Any, tuple[Loss, str]] = {
    "classes": (SoftmaxCrossEntropy(), "right classes (%)"),
    "labels": (SigmoidCrossEntropy(), "right labels (%)"),
    "number": (SquaredError(), "r2 (%)"),
}
COLORS = {"scikit-learn": YELLOW, "gammabeta": BLUE, "PyTorch": ORANGE, "Keras": PINK, "gammabeta, batch norm": GREEN}
CLOSE = 0.02
"""How far from the others gammabeta may be and still do the same."""


def by_gammabeta(job: Job, normalization: BatchNorm | None = None) -> np.ndarray:
    plan = Plan(
        network=Mlp(job.hidden, normalization=normalization),
        loss=TASKS[job.task][0],
        optimizer=Adam(job.rate),
        schedule=Constant(),
        epochs=job.epochs,
        batch_size=job.batch,
        seed=job.seed,
    )
    train = Dataset(job.x, job.y)
    made = run(plan, train, probe=None)
    params, stats = made.finished(train)
    return answers(job, np.asarray(made.plan.layers.apply(params, stats, job.valid_x, PREDICTING)[0]))


SIDES: dict[str, Callable[[Job], np.ndarray]] = {
    "gammabeta": by_gammabeta,
    **RIVALS,
    "gammabeta, batch norm": partial(by_gammabeta, normalization=BatchNorm()),
}


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rows: int,
    epochs: int,
    hidden: Sequence[int],
    sides: Sequence[str] = tuple(SIDES),
) -> list[Row]:
    """Score and seconds of every task, side and seed; one at a time, so that none waits for another."""
    sample = images(data, rows)
    x, valid_x = (scaled(part).reshape(part.rows, -1) for part in sample[:2])
    of_task = dict(zip(TASKS, zip(*(targets(part, sample.train) for part in sample[:2]), strict=True), strict=True))

    def one(case: tuple[int, Any, str]) -> list[Row]:
        seed, task, side = case
        y, valid_y = of_task[task]
        outputs = sample.schema.outputs if task == "classes" else y.shape[1]
        job = Job(task, x, y, valid_x, outputs, tuple(hidden), epochs, batch=64, rate=0.001, seed=seed)
        if side in NEEDS:
            importlib.import_module(NEEDS[side])
        # steps this small gain nothing from a second thread, and on a busy machine two took 30 times as long
        with threadpool_limits(1):
            began = time.perf_counter()
            found = SIDES[side](job)
            seconds = time.perf_counter() - began
        truth = valid_y.reshape(len(valid_y), -1)
        wrong = np.mean((found - truth) ** 2) / np.var(truth) if task == "number" else np.mean(found != truth)
        return [{"task": task, "side": side, "seed": seed, "score": float(1 - wrong), "seconds": seconds}]

    here = [side for side in sides if side not in NEEDS or installed(side)]
    return sweep(one, list(product(range(seeds), TASKS, here)), at_once=1)


def targets(part: Dataset, train: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes, labels, and the share of pixels with ink in units of its spread over the training rows."""
    digits = np.asarray(part.y)
    ink, usual = (np.asarray(each.x > 127).mean(axis=(1, 2, 3))[:, None] for each in (part, train))
    return digits, labels(digits), ((ink - usual.mean()) / usual.std()).astype(np.float32)


def of(rows: Sequence[Row], task: str, side: str, key: str) -> list[float]:
    return [row[key] for row in where(rows, task=task, side=side)]


def judge(rows: Sequence[Row]) -> Verdict:
    rivals = [side for side in values(rows, "side") if not side.startswith("gammabeta")]
    numbers: dict[str, Estimate] = {
        f"{task}: gammabeta - {rival}": difference_of(
            of(rows, task, "gammabeta", "score"), of(rows, task, rival, "score")
        )
        for task in TASKS
        for rival in rivals
    }
    means = {task: {side: np.mean(of(rows, task, side, "score")) for side in values(rows, "side")} for task in TASKS}
    told = "; ".join(
        f"{task} {', '.join(f'{side} {mean:.1%}' for side, mean in found.items())}" for task, found in means.items()
    )
    seconds = ", ".join(
        f"{side} {np.median(of(rows, 'classes', side, 'seconds')):.2f}" for side in values(rows, "side")
    )
    absent = [side for side in NEEDS if side not in rivals]
    says = (
        f"{told}. Seconds for the classes (median over the seeds; the first run compiles): {seconds}; "
        f"gammabeta's first run {of(rows, 'classes', 'gammabeta', 'seconds')[0]:.2f}."
        + (f" Not here: {' and '.join(absent)}." if absent else "")
    )
    same = all(found.low > -CLOSE for found in numbers.values())
    worse = any(found.high < -CLOSE for found in numbers.values())
    return Verdict(True if same else False if worse else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    grid = figure.subplots(2, len(TASKS), sharey=True)
    sides = values(rows, "side")
    slowest = max(row["seconds"] for row in rows)
    quickest = min(row["seconds"] for row in rows)
    for column, (task, (_, name)) in enumerate(TASKS.items()):
        score, seconds = grid[0][column], grid[1][column]
        for place, side in enumerate(sides):
            found, took = 100 * np.asarray(of(rows, task, side, "score")), of(rows, task, side, "seconds")
            about = mean_of(list(found))
            score.plot(found, [place] * len(found), ".", ms=6, color=COLORS[side], alpha=0.5)
            score.plot(about.value, place, "o", ms=9, color=COLORS[side])
            above = {"textcoords": "offset points", "size": 8.5, "ha": "center"}
            score.annotate(f"{about.value:.1f}", (about.value, place), (0, 7), **above)
            middle = float(np.median(took))
            seconds.plot((middle, max(took)), (place, place), color=COLORS[side], lw=1.2)
            seconds.plot(middle, place, "o", ms=9, color=COLORS[side])
            seconds.plot(max(took), place, "|", ms=12, mew=2, color=COLORS[side])
            seconds.annotate(f"{middle:.2g}", (middle, place), (0, 7), **above)
        score.set(xlabel=name, title=task, ylim=(len(sides) - 0.4, -0.7))
        seconds.set(xscale="log", xlim=(0.6 * quickest, 1.6 * slowest), ylim=(len(sides) - 0.4, -0.7))
        seconds.set_xlabel("seconds: median, and the slowest")
        for axes in (score, seconds):
            axes.set_yticks(range(len(sides)), sides)
            axes.grid(axis="y", visible=False)
        score.margins(x=0.12)


EXPERIMENT = Experiment(
    claim="C23",
    title="The same image network in gammabeta learns what it learns elsewhere",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rows": 300, "epochs": 3, "hidden": (16,), "sides": ("scikit-learn", "gammabeta")},
        "quick": {"seeds": 3, "rows": 1_000, "epochs": 8, "hidden": (64, 32), "sides": ("scikit-learn", "gammabeta")},
        "full": {"seeds": 5, "rows": 10_000, "epochs": 30, "hidden": (128, 64)},
    },
    figure_size=(12, 5.6),
)

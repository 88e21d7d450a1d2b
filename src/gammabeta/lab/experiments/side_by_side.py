"""C23: the same image network side by side: scikit-learn, gammabeta, and PyTorch and Keras where they are installed.

Two hidden layers of ReLU units, Adam at the common rate of 0.001 (nobody's best), the same batches and epochs, no
normalization: what all four can build. Three
tasks on the same images: which of the classes; three labels that do not exclude each other (the class is even, is above
four, is drawn with a loop: 0, 6, 8 or 9); and a number, the share of pixels with ink. Then gammabeta once more as it
would do it itself, with batch norm.
"""

import importlib
import importlib.util
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLUE, GREEN, ORANGE, PINK, YELLOW
from gammabeta.lab.estimate import Estimate, difference_of, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import PREDICTING, BatchNorm, Loss, Mlp, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import Adam, Constant
from gammabeta.plan import Plan
from gammabeta.train import run

RATE, BATCH = 0.001, 64
LOOPS = (0, 6, 8, 9)
COLORS = {"scikit-learn": YELLOW, "gammabeta": BLUE, "PyTorch": ORANGE, "Keras": PINK, "gammabeta, batch norm": GREEN}
TASKS: dict[str, tuple[Loss, str]] = {
    "classes": (SoftmaxCrossEntropy(), "right classes (%)"),
    "labels": (SigmoidCrossEntropy(), "right labels (%)"),
    "number": (SquaredError(), "r2 (%)"),
}
NEEDS = {"PyTorch": "torch", "Keras": "keras"}
CLOSE = 0.02
"""How far from the others gammabeta may be and still do the same."""


class Job(NamedTuple):
    """Rows, scaled alike for all; y as the task wants it."""

    task: str
    x: np.ndarray
    y: np.ndarray
    valid_x: np.ndarray
    outputs: int
    hidden: tuple[int, ...]
    epochs: int
    seed: int


def by_scikit_learn(job: Job) -> np.ndarray:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if job.task == "number" else MLPClassifier
    made = kind(
        hidden_layer_sizes=job.hidden,
        alpha=0,
        batch_size=BATCH,
        learning_rate_init=RATE,
        max_iter=job.epochs,
        n_iter_no_change=job.epochs,
        random_state=job.seed,
    )
    with warnings.catch_warnings():
        # it stops where all were told to stop
        warnings.simplefilter("ignore", ConvergenceWarning)
        made.fit(job.x, job.y[:, 0] if job.task == "number" else job.y)
    return np.asarray(made.predict(job.valid_x)).reshape(len(job.valid_x), -1)


def by_gammabeta(job: Job, normalization: BatchNorm | None = None) -> np.ndarray:
    plan = Plan(
        network=Mlp(job.hidden, normalization=normalization),
        loss=TASKS[job.task][0],
        optimizer=Adam(RATE),
        schedule=Constant(),
        epochs=job.epochs,
        batch_size=BATCH,
        seed=job.seed,
    )
    train = Dataset(job.x, job.y)
    made = run(plan, train, probe=None)
    params, stats = made.finished(train)
    return answers(job.task, np.asarray(made.plan.layers.apply(params, stats, job.valid_x, PREDICTING)[0]))


def by_gammabeta_with_batch_norm(job: Job) -> np.ndarray:
    return by_gammabeta(job, BatchNorm())


def by_torch(job: Job) -> np.ndarray:
    import torch
    from torch import nn

    torch.manual_seed(job.seed)
    sizes = (job.x.shape[1], *job.hidden)
    layers: list[Any] = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    network = nn.Sequential(*layers, nn.Linear(sizes[-1], job.outputs))
    loss = {"classes": nn.CrossEntropyLoss(), "labels": nn.BCEWithLogitsLoss(), "number": nn.MSELoss()}[job.task]
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    x, y = torch.from_numpy(job.x), torch.from_numpy(job.y.astype(np.int64) if job.task == "classes" else job.y)
    for _ in range(job.epochs):
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            optimizer.zero_grad()
            loss(network(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return answers(job.task, network(torch.from_numpy(job.valid_x)).numpy())


def by_keras(job: Job) -> np.ndarray:
    import keras  # type: ignore[import-not-found, unused-ignore]

    keras.utils.set_random_seed(job.seed)
    hidden = [keras.layers.Dense(units, activation="relu") for units in job.hidden]
    network = keras.Sequential([keras.Input(job.x.shape[1:]), *hidden, keras.layers.Dense(job.outputs)])
    loss = {
        "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "labels": keras.losses.BinaryCrossentropy(from_logits=True),
        "number": keras.losses.MeanSquaredError(),
    }[job.task]
    network.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss)
    network.fit(job.x, job.y, batch_size=BATCH, epochs=job.epochs, verbose=0)
    return answers(job.task, np.asarray(network.predict(job.valid_x, verbose=0)))


SIDES: dict[str, Callable[[Job], np.ndarray]] = {
    "scikit-learn": by_scikit_learn,
    "gammabeta": by_gammabeta,
    "PyTorch": by_torch,
    "Keras": by_keras,
    "gammabeta, batch norm": by_gammabeta_with_batch_norm,
}


def answers(task: str, outputs: np.ndarray) -> np.ndarray:
    """What a network's outputs say, (rows, answers)."""
    if task == "classes":
        return np.asarray(np.argmax(outputs, axis=1))[:, None]
    return np.asarray(outputs > 0) if task == "labels" else outputs


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
    here = [side for side in sides if side not in NEEDS or installed(NEEDS[side])]
    alone = threading.Lock()
    parts = (sample.train, sample.valid)
    x, valid_x = (((part.x - part.offset) * part.factor).reshape(part.rows, -1) for part in parts)
    ink = [np.mean(part.x > 127, axis=(1, 2, 3), dtype=np.float64) for part in parts]
    spread = ink[0].std()

    def target(task: str, part: int) -> np.ndarray:
        y = np.asarray(parts[part].y)
        if task == "classes":
            return y
        columns = (
            (y % 2 == 0, y > 4, np.isin(y, LOOPS)) if task == "labels" else ((ink[part] - ink[0].mean()) / spread,)
        )
        return np.stack(columns, axis=1).astype(np.float32)

    def one(case: tuple[int, str, str]) -> list[Row]:
        seed, task, side = case
        y, valid_y = target(task, 0), target(task, 1)
        outputs = sample.schema.outputs if task == "classes" else y.shape[1]
        job = Job(task, x.astype(np.float32), y, valid_x.astype(np.float32), outputs, tuple(hidden), epochs, seed)
        with alone:
            if side in NEEDS:
                importlib.import_module(NEEDS[side])
            began = time.perf_counter()
            found = SIDES[side](job)
            seconds = time.perf_counter() - began
        wrong = (
            np.mean((found - valid_y) ** 2) / np.var(valid_y)
            if task == "number"
            else np.mean(found != (valid_y[:, None] if task == "classes" else valid_y))
        )
        return [{"task": task, "side": side, "seed": seed, "score": float(1 - wrong), "seconds": seconds}]

    return sweep(one, list(product(range(seeds), TASKS, here)))


def installed(name: str) -> bool:
    found = importlib.util.find_spec(name)
    # a folder that happens to have the name has no origin
    return found is not None and found.origin is not None


def of(rows: Sequence[Row], task: str, side: str, key: str) -> list[float]:
    return [row[key] for row in rows if (row["task"], row["side"]) == (task, side)]


def sides_in(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["side"] for row in rows))


def judge(rows: Sequence[Row]) -> Verdict:
    rivals = [side for side in sides_in(rows) if not side.startswith("gammabeta")]
    numbers: dict[str, Estimate] = {
        f"{task}: gammabeta - {rival}": difference_of(
            of(rows, task, "gammabeta", "score"), of(rows, task, rival, "score")
        )
        for task in TASKS
        for rival in rivals
    }
    means = {task: {side: np.mean(of(rows, task, side, "score")) for side in sides_in(rows)} for task in TASKS}
    told = "; ".join(
        f"{task} {', '.join(f'{side} {mean:.1%}' for side, mean in found.items())}" for task, found in means.items()
    )
    seconds = ", ".join(f"{side} {np.median(of(rows, 'classes', side, 'seconds')):.2f}" for side in sides_in(rows))
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
    sides = sides_in(rows)
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
        "quick": {"seeds": 3, "rows": 1_000, "epochs": 10, "hidden": (64, 32), "sides": tuple(SIDES)[:4]},
        "full": {"seeds": 5, "rows": 10_000, "epochs": 30, "hidden": (128, 64)},
    },
    figure_size=(12, 5.6),
)

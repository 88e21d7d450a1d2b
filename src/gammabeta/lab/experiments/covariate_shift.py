"""C19: covariate shift: the same relation of x and y, inputs from elsewhere, and the network fails.

Two shifts. The images come darker and with less contrast (pixel -> 0.5 pixel + 60): what they show is the same. And a
curve, y = sin(2 x) + x / 2, is learned where x is N(-1, 1) and asked for where x is N(3, 0.7). Each network answers
elsewhere as it is, with its batch norm's statistics re-estimated on inputs from there (no answers needed), and trained
again from the start on as many rows with answers from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLUE, GRAY, GREEN, ORANGE, PINK
from gammabeta.lab.estimate import Estimate, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import PREDICTING, Mlp, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import AdamW
from gammabeta.plan import Plan
from gammabeta.train import run

CONTRAST, BRIGHTNESS = 0.5, 60
STAGES = ("at home", "elsewhere", "re-estimated", "retrained")
COLORS = (GRAY, ORANGE, BLUE, GREEN)
TASKS = {"images": "images, half the contrast", "curve": "curve, another part of x"}


def measure(data: Path | None, sweep: Sweep, *, seeds: int, rows: int, epochs: int) -> list[Row]:
    """r2 or accuracy of every stage; of the curve also what the first network answers at 120 places."""
    sample = images(data, rows)
    images_plan = Plan(network=Mlp((64, 64)), loss=SoftmaxCrossEntropy(), optimizer=AdamW(0.003), epochs=epochs)
    curve_plan = Plan(network=Mlp((64, 64)), loss=SquaredError(), optimizer=AdamW(0.003), epochs=epochs)

    def one(case: tuple[str, int]) -> list[Row]:
        task, seed = case
        if task == "images":
            home, home_valid = sample.train, sample.valid
            away, away_valid = dimmed(home), dimmed(home_valid)
        else:
            home, home_valid = curve(rows, -1, 1, seed), curve(1_000, -1, 1, 1_000 + seed)
            away, away_valid = curve(rows, 3, 0.7, 2_000 + seed), curve(1_000, 3, 0.7, 3_000 + seed)
        plan = (images_plan if task == "images" else curve_plan).replace(seed=seed)
        first, second = run(plan, home, home_valid, probe=None), run(plan, away, away_valid, probe=None)
        # the moments of the new rows in place of the old ones; no weight moves and no answer is read
        as_it_is, moved = first.finished(home), first.finished(away)
        layers = first.plan.layers
        found = {
            "at home": score(layers, *as_it_is, home_valid),
            "elsewhere": score(layers, *as_it_is, away_valid),
            "re-estimated": score(layers, *moved, away_valid),
            "retrained": score(layers, *second.finished(away), away_valid),
        }
        made: list[Row] = [{"task": task, "seed": seed, "stage": stage, "score": s} for stage, s in found.items()]
        if task == "curve" and seed == 0:
            places = np.linspace(-4, 5.5, 120)
            answers = [
                np.asarray(layers.apply(*state, x=places[:, None].astype(np.float32), call=PREDICTING)[0])[:, 0]
                for state in (as_it_is, moved, second.finished(away))
            ]
            made += [
                {"task": task, "seed": seed, "x": x, **dict(zip(STAGES[1:], map(float, each), strict=True))}
                for x, *each in zip(places, *answers, strict=True)
            ]
        return made

    return sweep(one, [(task, seed) for task in TASKS for seed in range(seeds)])


def dimmed(data: Dataset) -> Dataset:
    """The same images in another light."""
    return replace(data, x=np.round(data.x * CONTRAST + BRIGHTNESS).astype(np.uint8))


def relation(x: Any) -> Any:
    return np.sin(2 * x) + x / 2


def curve(rows: int, mean: float, spread: float, seed: int) -> Dataset:
    chance = np.random.default_rng(seed)
    x = chance.normal(mean, spread, (rows, 1))
    y = relation(x) + chance.normal(scale=0.1, size=x.shape)
    return Dataset(x.astype(np.float32), y.astype(np.float32))


def score(layers: Any, params: Any, stats: Any, data: Dataset) -> float:
    """Accuracy, or r2."""
    x = data.x if data.offset is None else ((data.x - data.offset) * data.factor).astype(np.float32)
    outputs, y = np.asarray(layers.apply(params, stats, x, PREDICTING)[0]), np.asarray(data.y)
    if y.ndim == 1:
        return float(np.mean(outputs.argmax(axis=1) == y))
    return float(1 - np.mean((outputs - y) ** 2) / np.var(y))


def scores(rows: Sequence[Row], task: str, stage: str) -> list[float]:
    return [row["score"] for row in rows if row["task"] == task and row.get("stage") == stage]


def judge(rows: Sequence[Row]) -> Verdict:
    numbers: dict[str, Estimate] = {
        f"{task}, {stage}": mean_of(scores(rows, task, stage)) for task in TASKS for stage in STAGES
    }
    told = {task: ", ".join(f"{stage} {numbers[f'{task}, {stage}'].value:.3g}" for stage in STAGES) for task in TASKS}
    fails = all(numbers[f"{task}, elsewhere"].high < numbers[f"{task}, at home"].low for task in TASKS)
    mended = {
        (task, stage): numbers[f"{task}, {stage}"].low > numbers[f"{task}, elsewhere"].high
        for task in TASKS
        for stage in STAGES[2:]
    }
    helped = {stage: [task for task in TASKS if mended[task, stage]] for stage in STAGES[2:]}
    says = (
        f"Accuracy of the images: {told['images']}. r2 of the curve: {told['curve']}. New statistics surely help "
        f"{listed(helped['re-estimated'])}, retraining {listed(helped['retrained'])}."
    )
    if helped["re-estimated"] == ["images"] and "curve" in helped["retrained"]:
        says += (
            " A shift that changes inputs as a whole is made good by statistics, one into unknown inputs only by rows "
            "with answers."
        )
    holds = fails and mended["images", "re-estimated"] and all(mended[task, "retrained"] for task in TASKS)
    against = any(numbers[f"{task}, elsewhere"].low > numbers[f"{task}, at home"].high for task in TASKS)
    return Verdict(True if holds else False if against else None, says, numbers)


def listed(tasks: Sequence[str]) -> str:
    return {0: "neither", 1: f"the {''.join(tasks)} only"}.get(len(tasks), "both")


def draw(rows: Sequence[Row], figure: Any) -> None:
    shift, bars = figure.subplots(1, 2, width_ratios=(1.25, 1))
    places = [row for row in rows if "x" in row]
    x = np.asarray([row["x"] for row in places])
    for mean, spread, color, name in ((-1, 1, GRAY, "home"), (3, 0.7, PINK, "elsewhere")):
        density = np.exp(-(((x - mean) / spread) ** 2) / 2) / spread
        shift.fill_between(x, -4.4, -4.4 + density, color=color, alpha=0.35, lw=0)
        shift.text(mean, -4.3 + 1 / spread, name, ha="center", size=9)
    shift.plot(x, relation(x), color=GRAY, lw=4, alpha=0.4, label="the relation, the same everywhere")
    looks = (
        ("trained at home", ORANGE, "--"),
        ("statistics re-estimated", BLUE, "-."),
        ("retrained elsewhere", GREEN, "-"),
    )
    for stage, (name, color, dashes) in zip(STAGES[1:], looks, strict=True):
        shift.plot(x, [row[stage] for row in places], label=name, color=color, ls=dashes)
    shift.set(xlabel="x", ylabel="y", ylim=(-4.4, 9), title="a curve, learned on the left and asked on the right")
    shift.legend(loc="upper left", ncols=2, fontsize=9)
    for group, task in enumerate(TASKS):
        for number, (stage, color) in enumerate(zip(STAGES, COLORS, strict=True)):
            values = scores(rows, task, stage)
            at: float = group + (number - 1.5) * 0.2
            average = float(np.mean(values))
            look = {"color": color, "alpha": 0.85, "hatch": ("", "//", "\\\\", "")[number]}
            bars.bar(at, max(average, -1), 0.18, label=stage if group == 0 else None, **look)
            bars.plot([at] * len(values), np.maximum(values, -1), ".", ms=4, color="#1f2328")
            bars.text(at, max(*values, 0) + 0.04, f"{average:.3g}", size=8.5, ha="center")
    bars.axhline(0, color=GRAY, lw=1)
    bars.set(ylim=(-1.05, 1.5), ylabel="accuracy, r2 (cut at -1)", title="every seed, and the mean")
    bars.set_xticks(range(len(TASKS)), list(TASKS.values()))
    bars.grid(axis="x", visible=False)
    bars.legend(ncols=2, loc="upper center", fontsize=9)


EXPERIMENT = Experiment(
    claim="C19",
    title="The same relation, inputs from elsewhere: a network fails until it is re-estimated or retrained",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rows": 300, "epochs": 4},
        "quick": {"seeds": 4, "rows": 1_000, "epochs": 15},
        "full": {"seeds": 10, "rows": 10_000, "epochs": 30},
    },
    figure_size=(12, 4.8),
)

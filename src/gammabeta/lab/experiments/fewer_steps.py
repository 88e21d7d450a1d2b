"""C1: with batch norm the same accuracy comes in fewer steps.

The network of Ioffe & Szegedy 2015, section 4.1: three hidden layers of 100 sigmoid units, batches of 60, plain
descent. Each side trains at every rate of one grid, and is judged at the rate where its median over the seeds is best;
the same at equal rates stands beside it.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.lab.drawing import WITH, WITHOUT
from gammabeta.lab.estimate import ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import BatchNorm, Mlp, SoftmaxCrossEntropy
from gammabeta.optim import Constant, Sgd
from gammabeta.plan import Plan
from gammabeta.train import fit

SIDES = {"with": BatchNorm(), "without": None}


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rates: Sequence[float],
    steps: int,
    every: int,
    goal: float,
    goal_of_given: float = 0.97,
    every_of_given: int = 100,
) -> list[Row]:
    """Accuracy over the steps up to the goal, for every side, rate and seed; given images have a goal of their own."""
    sample = images(data)
    if data is not None:
        goal, every = goal_of_given, every_of_given

    def one(case: tuple[str, float, int]) -> list[Row]:
        side, rate, seed = case
        plan = Plan(
            network=Mlp((100, 100, 100), activation="sigmoid", normalization=SIDES[side]),
            loss=SoftmaxCrossEntropy(),
            optimizer=Sgd(rate),
            schedule=Constant(),
            epochs=steps,  # more than will be needed: the loop below ends the run
            batch_size=60,
            seed=seed,
        )
        rows: list[Row] = []
        for epoch in fit(plan, sample.train, sample.valid, probe=None, measure_every=every):
            found = {"step": epoch.steps, "accuracy": epoch.valid["accuracy"], "goal": goal}
            rows.append({"side": side, "rate": rate, "seed": seed, **found})
            if epoch.valid["accuracy"] >= goal or epoch.steps >= steps:
                break
        return rows

    return sweep(one, list(product(SIDES, rates, range(seeds))))


def steps_to_goal(rows: Sequence[Row]) -> dict[tuple[str, float], list[float]]:
    """Of every seed, by side and rate; infinite where the goal was not reached."""
    found: dict[tuple[str, float], dict[int, float]] = {}
    for row in rows:
        seeds = found.setdefault((row["side"], row["rate"]), {})
        seeds[row["seed"]] = min(
            seeds.get(row["seed"], np.inf), row["step"] if row["accuracy"] >= row["goal"] else np.inf
        )
    return {key: list(seeds.values()) for key, seeds in found.items()}


def best_rate(found: dict[tuple[str, float], list[float]], side: str) -> float:
    return min((rate for name, rate in found if name == side), key=lambda rate: float(np.median(found[side, rate])))


def judge(rows: Sequence[Row]) -> Verdict:
    found = steps_to_goal(rows)
    rate = {side: best_rate(found, side) for side in SIDES}
    steps = {side: found[side, rate[side]] for side in SIDES}
    ratio = ratio_of(steps["with"], steps["without"])
    medians = {rate: tuple(float(np.median(found[side, rate])) for side in SIDES) for _, rate in found}
    equal = {rate: pair[0] / pair[1] for rate, pair in sorted(medians.items()) if np.isfinite(pair).all()}
    beside = ", ".join(f"{value:.2f} at {rate:g}" for rate, value in equal.items())
    says = (
        f"{rows[0]['goal']:.0%} of the validation rows are right after {np.median(steps['with']):.0f} steps with batch "
        f"norm (rate {rate['with']:g}) and {np.median(steps['without']):.0f} without (rate {rate['without']:g}), a "
        f"ratio of {ratio}. At equal rates the ratio is {beside or 'not known: one side never gets there'}."
    )
    known = np.isfinite(ratio.value)
    return Verdict(
        ratio.high < 1 if known and ratio.n > 1 and (ratio.high < 1 or ratio.low > 1) else None, says, {"ratio": ratio}
    )


def curves(rows: Sequence[Row], side: str, rate: float) -> Iterator[tuple[list[int], list[float]]]:
    """(steps, accuracies) of every seed."""
    mine = [row for row in rows if row["side"] == side and row["rate"] == rate]
    for seed in sorted({row["seed"] for row in mine}):
        run = [row for row in mine if row["seed"] == seed]
        yield [row["step"] for row in run], [row["accuracy"] for row in run]


def draw(rows: Sequence[Row], figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    found = steps_to_goal(rows)
    for side, look in (("with", WITH), ("without", WITHOUT)):
        rate = best_rate(found, side)
        for index, (steps, accuracies) in enumerate(curves(rows, side, rate)):
            name = f"{side} batch norm, rate {rate:g}" if index == 0 else None
            left.plot(steps, accuracies, label=name, alpha=0.8, **look)
        rates = sorted(r for name, r in found if name == side)
        medians = [float(np.median(found[side, r])) for r in rates]
        right.plot(
            rates, [np.nan if np.isinf(m) else m for m in medians], marker="o", label=f"{side} batch norm", **look
        )
    left.axhline(rows[0]["goal"], color="#59636e", lw=1)
    left.set(
        xscale="log", xlabel="steps", ylabel="validation accuracy", title="every seed, at the best rate of each side"
    )
    right.set(xscale="log", yscale="log", xlabel="learning rate", ylabel=f"steps to {rows[0]['goal']:.0%}")
    right.set_title("median over the seeds; a gap: not reached")


EXPERIMENT = Experiment(
    claim="C1",
    title="With batch norm the same accuracy comes in fewer steps",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rates": (1.0,), "steps": 150, "every": 24, "goal": 0.8},
        "quick": {"seeds": 3, "rates": (0.1, 0.3, 1.0), "steps": 3_000, "every": 8, "goal": 0.95},
        "full": {"seeds": 5, "rates": (0.1, 0.3, 1.0, 3.0, 10.0), "steps": 8_000, "every": 8, "goal": 0.95},
    },
)

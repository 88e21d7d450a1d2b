"""C2: batch norm allows higher learning rates.

Three hidden layers of 100 units, batches of 60, plain descent, a fixed number of steps at every rate of one grid. A
rate is usable where nine tenths of the accuracy come out that the same side has at its best rate. Batch norm stands
before the activation, as in Ioffe & Szegedy 2015.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.lab.drawing import WITH, WITHOUT, band, legend_below
from gammabeta.lab.estimate import ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import after, descent, values, where
from gammabeta.nn import BatchNorm, Mlp

SIDES = {"with": BatchNorm(), "without": None}
USABLE = 0.9


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, activations: Sequence[Any], rates: Sequence[float], steps: int
) -> list[Row]:
    """Final validation accuracy and loss for every activation, side, rate and seed."""
    sample = images(data)

    def one(case: tuple[Any, str, float, int]) -> list[Row]:
        activation, side, rate, seed = case
        network = Mlp((100, 100, 100), activation, SIDES[side], position="before")
        plan = descent(network, rate, seed)
        last = after(steps, plan, sample.train, sample.valid)
        found = {name: last.valid[name] for name in ("accuracy", "loss")}
        return [{"activation": activation, "side": side, "rate": rate, "seed": seed, "steps": last.steps, **found}]

    return sweep(one, list(product(activations, SIDES, rates, range(seeds))))


def accuracies(rows: Sequence[Row], activation: str, side: str) -> np.ndarray:
    """(seeds, rates)"""
    mine = where(rows, activation=activation, side=side)
    return np.array([[row["accuracy"] for row in where(mine, seed=seed)] for seed in values(mine, "seed")])


def highest_usable(rows: Sequence[Row], activation: str, side: str) -> list[float]:
    """Of every seed."""
    found, rates = accuracies(rows, activation, side), np.array(values(rows, "rate"))
    return [float(max(rates[run >= USABLE * run.max()])) for run in found]


def judge(rows: Sequence[Row]) -> Verdict:
    numbers, says = {}, []
    rates = values(rows, "rate")
    for activation in values(rows, "activation"):
        highest = {side: highest_usable(rows, activation, side) for side in SIDES}
        ratio = ratio_of(highest["with"], highest["without"])
        numbers[f"{activation}: ratio of the highest usable rates"] = ratio
        end = " (the grid's end: at least)" if np.median(highest["with"]) == max(rates) else ""
        says.append(
            f"{activation}: usable up to a rate of {np.median(highest['with']):g} with batch norm{end} and of "
            f"{np.median(highest['without']):g} without, a ratio of {ratio}; the best accuracy of all rates is "
            f"{np.median(accuracies(rows, activation, 'with'), axis=0).max():.1%} with and "
            f"{np.median(accuracies(rows, activation, 'without'), axis=0).max():.1%} without."
        )
    ratios = numbers.values()
    holds = True if all(ratio.low > 1 for ratio in ratios) else None
    return Verdict(False if any(ratio.high < 1 for ratio in ratios) else holds, " ".join(says), numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    activations = values(rows, "activation")
    rates = values(rows, "rate")
    for axes, activation in zip(np.ravel(figure.subplots(1, len(activations), sharey=True)), activations, strict=True):
        for side, look in (("with", WITH), ("without", WITHOUT)):
            name = f"{side} batch norm" if activation == activations[-1] else ""
            band(axes, rates, accuracies(rows, activation, side), name, marker="o", **look)
            rate = np.median(highest_usable(rows, activation, side))
            middle = np.median(accuracies(rows, activation, side), axis=0)[rates.index(float(rate))]
            axes.plot(rate, middle, "o", ms=15, mfc="none", mew=1.5, color=look["color"])
        axes.set(xscale="log", xlabel="learning rate", title=f"{activation} (ring: highest usable)")
    figure.axes[0].set(ylabel=f"validation accuracy after {max(values(rows, 'steps')):,} steps", ylim=(0, 1.03))
    legend_below(figure, figure.axes[-1])


EXPERIMENT = Experiment(
    claim="C2",
    title="Batch norm allows higher learning rates",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "activations": ("relu",), "rates": (0.1, 1.0, 10.0), "steps": 60},
        "quick": {"seeds": 3, "activations": ("relu",), "rates": (0.1, 1.0, 3.0, 10.0, 30.0), "steps": 150},
        "full": {
            "seeds": 5,
            "activations": ("sigmoid", "tanh", "relu"),
            "rates": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
            "steps": 1_000,
        },
    },
)

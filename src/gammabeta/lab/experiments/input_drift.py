"""C11: the distribution of a layer's inputs drifts without batch norm and stays with it.

Figure 1 of Ioffe & Szegedy 2015: three hidden layers of 100 sigmoid units, batches of 60, plain descent; batch norm
stands before the sigmoid. What is followed is the input of the last hidden layer's sigmoid on the validation rows:
its 15th, 50th and 85th percentile over training. The drift of a unit is how far its median moves from one measurement
to the next, in units of half the distance of its outer percentiles, both on average over training.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.lab.drawing import WITH, WITHOUT
from gammabeta.lab.estimate import ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import best, descent, scaled, values, where
from gammabeta.nn import Activation, BatchNorm, Call, Mlp, Passage, Sequential
from gammabeta.train import fit

SIDES = {"with": BatchNorm(), "without": None}
WATCHED = 2_048
"""Validation rows that the percentiles are of, at most."""


def percentiles(passed: Passage) -> Mapping[str, Any]:
    """A probe: (3, units) of a layer's output."""
    return {"percentiles": jnp.percentile(passed.y.reshape(len(passed.y), -1), jnp.array([15, 50, 85]), axis=0)}


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, rates: Sequence[float], steps: int, every: int
) -> list[Row]:
    """Accuracy, drift and the percentiles of a typical unit for every side, rate and seed, each ``every`` steps."""
    sample = images(data)
    shape = sample.train.input_shape
    watched = scaled(sample.valid)[:WATCHED]

    def one(case: tuple[str, float, int]) -> list[Row]:
        side, rate, seed = case
        network = Mlp((100, 100, 100), "sigmoid", SIDES[side], position="before").expand(shape, sample.schema.outputs)
        # more epochs than will be needed: the loop ends the run
        plan = descent(network, rate, seed).replace(epochs=steps)
        steps_made, accuracies, found = [], [], []
        for epoch in fit(plan, sample.train, sample.valid, probe=None, measure_every=every):
            if epoch.steps % every:
                continue
            steps_made.append(epoch.steps)
            accuracies.append(epoch.valid["accuracy"])
            found.append(np.asarray(inputs_of_last_sigmoid(network, epoch.state.params, epoch.state.stats, watched)))
            if epoch.steps >= steps:
                break
        return summary(np.stack(found), steps_made, accuracies, {"side": side, "rate": rate, "seed": seed})

    return sweep(one, list(product(SIDES, rates, range(seeds))))


@partial(jax.jit, static_argnames="network")
def inputs_of_last_sigmoid(network: Sequential, params: Any, stats: Any, x: Any) -> Any:
    """(3, units)"""
    _, seen = network.apply(params, stats, x, Call(probe=percentiles))
    last = max(index for index, layer in enumerate(network.layers) if isinstance(layer, Activation))
    return seen[last - 1].probes["percentiles"]


def summary(found: np.ndarray, steps: Sequence[int], accuracies: Sequence[float], case: Row) -> list[Row]:
    """A row per measurement, from percentiles (measurements, 3, units); the typical unit's drift is the median's."""
    low, middle, high = found.transpose(1, 0, 2)
    drift = np.abs(np.diff(middle, axis=0)).mean(axis=0) / np.maximum((high - low).mean(axis=0) / 2, 1e-12)
    unit = int(np.argsort(drift)[len(drift) // 2])
    return [
        {
            **case,
            "step": steps[time],
            "accuracy": accuracies[time],
            "drift": float(np.mean(drift)),
            "unit": unit,
            **{f"p{p}": float(found[time, place, unit]) for place, p in enumerate((15, 50, 85))},
        }
        for time in range(len(found))
    ]


def at_best_rate(rows: Sequence[Row], side: str) -> list[Row]:
    """The rows of the rate with the most accurate end."""
    mine = where(rows, side=side)
    ends = where(mine, step=max(row["step"] for row in mine))
    return where(mine, rate=best(ends, "rate", lambda row: float(row["accuracy"])))


def drifts(rows: Sequence[Row]) -> list[float]:
    """Of every seed: the mean over the units."""
    return [where(rows, seed=seed)[0]["drift"] for seed in values(rows, "seed")]


def judge(rows: Sequence[Row]) -> Verdict:
    chosen = {side: at_best_rate(rows, side) for side in SIDES}
    ratio = ratio_of(drifts(chosen["with"]), drifts(chosen["without"]))
    first, second, *_ = values(rows, "step")
    at = {
        rate: [np.median(drifts(where(rows, side=side, rate=rate))) for side in SIDES] for rate in values(rows, "rate")
    }
    equal = [f"{with_it / without:.2f} at {rate:g}" for rate, (with_it, without) in at.items()]
    says = (
        f"In {second - first} steps the median of a unit's input moves by {np.median(drifts(chosen['with'])):.3f} of "
        f"its spread with batch norm (rate {chosen['with'][0]['rate']:g}) and by "
        f"{np.median(drifts(chosen['without'])):.3f} without (rate {chosen['without'][0]['rate']:g}), a ratio of "
        f"{ratio}, on average over training and the layer's 100 units. At equal rates the ratio is {', '.join(equal)}."
    )
    decided = ratio.high < 1 or ratio.low > 1
    return Verdict(ratio.high < 1 if decided else None, says, {"ratio of the drifts": ratio})


def draw(rows: Sequence[Row], figure: Any) -> None:
    left, *others = figure.subplots(1, 3)
    for axes, (side, look) in zip(others, (("without", WITHOUT), ("with", WITH)), strict=True):
        chosen = at_best_rate(rows, side)
        for seed in values(chosen, "seed"):
            run = where(chosen, seed=seed)
            name = f"{side} batch norm, rate {run[0]['rate']:g}" if seed == 0 else None
            steps, accuracies = ([row[key] for row in run] for key in ("step", "accuracy"))
            left.plot(steps, accuracies, lw=1.2, label=name, **look)
        run = where(chosen, seed=0)
        steps = [row["step"] for row in run]
        for percent in (15, 50, 85):
            line = [row[f"p{percent}"] for row in run]
            axes.plot(steps, line, color=look["color"], lw=2.2 if percent == 50 else 1.1)
            axes.annotate(
                f"{percent} %", (steps[-1], line[-1]), (3, 0), textcoords="offset points", va="center", size=8
            )
        axes.fill_between(
            steps, [row["p15"] for row in run], [row["p85"] for row in run], color=look["color"], alpha=0.12
        )
        axes.set(xlabel="steps", title=f"{side} batch norm")
    reach = [limit for axes in others for limit in axes.get_ylim()]
    for axes in others:
        axes.set(ylim=(min(reach), max(reach)))
    left.set(xlabel="steps", ylabel="validation accuracy", ylim=(0, 1.02), title="every seed")
    left.legend(loc="lower right")
    others[0].set(ylabel="input of a typical unit's sigmoid,\nlast hidden layer")


EXPERIMENT = Experiment(
    claim="C11",
    title="The inputs of a layer drift without batch norm and stay with it",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rates": (0.5,), "steps": 72, "every": 24},
        "quick": {"seeds": 3, "rates": (0.3, 1.0), "steps": 600, "every": 20},
        "full": {"seeds": 5, "rates": (0.03, 0.1, 0.3, 1.0, 3.0), "steps": 3_600, "every": 60},
    },
    figure_size=(12, 4.2),
)

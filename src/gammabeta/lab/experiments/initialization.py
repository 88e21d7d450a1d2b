"""C7: zero and constant weights do not learn, standard normal ones vanish or explode with depth, Xavier and He do not.

Networks of equal layers without batch norm. Before training: the spread of what each hidden layer gives, and the norm
of each layer's gradient, on one batch. Then a fixed number of steps of plain descent, each initialization at its own
best rate of one grid. The constant is 1 / units, at which nothing vanishes or explodes: what fails is not the scale.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLACK, legend_below, style
from gammabeta.lab.estimate import Estimate, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import after, best, descent, drawn, scaled, values, where
from gammabeta.nn import (
    Activation,
    Call,
    ConstantWeights,
    Dense,
    Flatten,
    HeNormal,
    Initializer,
    Sequential,
    SoftmaxCrossEntropy,
    StandardNormal,
    XavierNormal,
    Zeros,
)
from gammabeta.train import Start

WIDTH, BATCH = 100, 60
STARTS: dict[str, Initializer] = {
    "zeros": Zeros(),
    "constant": ConstantWeights(1 / WIDTH),
    "standard normal": StandardNormal(),
    "Xavier": XavierNormal(),
    "He": HeNormal(),
}
SUITED = {"relu": "He", "tanh": "Xavier"}
HALF, TAME, ROUNDING = 0.5, 10, 1e-6
"""What counts as learning: half of the rows right; and as neither vanishing nor exploding: within a factor of 10.
The classes' gradients cancel behind constant weights: below ROUNDING is what float32 leaves of 0."""


def network(activation: Any, initializer: Initializer, depth: int, outputs: int) -> Sequential:
    hidden = (Dense(WIDTH, initializer=initializer), Activation(activation)) * depth
    return Sequential((Flatten(), *hidden, Dense(outputs, initializer=initializer)))


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    activations: Sequence[Any],
    starts: Sequence[str] = tuple(STARTS),
    depth: int,
    rates: Sequence[float],
    steps: int,
) -> list[Row]:
    """Spreads and gradients layer by layer, then the accuracy at every rate, for every activation, start and seed."""
    sample = images(data)

    def one(case: tuple[Any, str]) -> list[Row]:
        activation, name = case
        # one network for all, so that it is compiled once: what differs is where it starts
        layers, differently = (
            network(activation, initializer, depth, sample.schema.outputs) for initializer in (Zeros(), STARTS[name])
        )
        rows: list[Row] = []
        for seed in range(seeds):
            of = {"activation": activation, "start": name, "seed": seed}
            start = drawn(differently, sample.train, seed)
            flows = flow(layers, start, sample.train, seed)
            rows += [{**of, "layer": layer, **found} for layer, found in enumerate(flows, 1)]
            for rate in rates:
                plan = descent(layers, rate, seed, BATCH)
                accuracy = after(steps, plan, sample.train, sample.valid, start=start).valid["accuracy"]
                rows.append({**of, "rate": rate, "accuracy": accuracy, "steps": steps})
        return rows

    return sweep(one, list(product(activations, starts)))


def flow(layers: Sequential, start: Start, data: Dataset, seed: int) -> list[dict[str, float]]:
    """Spread of the output and norm of the gradient of every hidden layer, on one batch, before any step."""
    batch = data.take(np.random.default_rng(seed).choice(data.rows, BATCH, replace=False))
    x = scaled(batch)

    def objective(params: Any) -> tuple[Any, Any]:
        y, seen = layers.apply(params, start.stats, x, Call(probe=lambda passed: {"spread": jnp.std(passed.y)}))
        return jnp.mean(SoftmaxCrossEntropy().rows(y, batch.y)), seen

    grads, seen = jax.grad(objective, has_aux=True)(start.params)
    return [
        {"spread": float(seen[place + 1].probes["spread"]), "gradient": float(jnp.linalg.norm(grads[place]["weight"]))}
        for place, layer in enumerate(layers.layers[:-1])
        if isinstance(layer, Dense)
    ]


def learned(rows: Sequence[Row], activation: str, start: str) -> tuple[float, list[float]]:
    """(best rate, accuracies of the seeds at it): by their mean, so that a rate at which some are lost is not best."""
    runs = [row for row in where(rows, activation=activation, start=start) if "rate" in row]
    rate = best(runs, "rate", lambda row: float(row["accuracy"]), np.mean)
    return rate, [row["accuracy"] for row in where(runs, rate=rate)]


def per_layer(rows: Sequence[Row], activation: str, start: str, name: str) -> np.ndarray:
    """(seeds, layers)"""
    mine = [row for row in where(rows, activation=activation, start=start) if "layer" in row]
    return np.array([[row[name] for row in where(mine, seed=seed)] for seed in values(mine, "seed")])


def change(rows: Sequence[Row], activation: str, start: str, name: str) -> float:
    """Factor over the hidden layers, in the direction it flows: outputs forward, gradients back."""
    found = per_layer(rows, activation, start, name)
    first, last = (found[:, 0], found[:, -1]) if name == "spread" else (found[:, -1], found[:, 0])
    return float(np.median(last / np.where(first == 0, np.nan, first)))


def judge(rows: Sequence[Row]) -> Verdict:
    numbers: dict[str, Estimate] = {}
    says: list[str] = []
    held: list[bool] = []
    refuted: list[bool] = []
    for activation in values(rows, "activation"):
        of = {start: learned(rows, activation, start) for start in values(rows, "start")}
        right = {start: mean_of(accuracies) for start, (_, accuracies) in of.items()}
        numbers |= {f"{activation}, {start}: accuracy": estimate for start, estimate in right.items()}
        flows = {start: [change(rows, activation, start, name) for name in ("spread", "gradient")] for start in of}
        tame = {start: all(1 / TAME < factor < TAME for factor in factors) for start, factors in flows.items()}
        dumb, suited = [right[start] for start in ("zeros", "constant") if start in right], SUITED[activation]
        held.append(
            max(found.high for found in dumb) < HALF < right[suited].low
            and tame[suited]
            and not tame["standard normal"]
        )
        refuted.append(
            max(found.low for found in dumb) > HALF
            or right[suited].high < HALF
            or not tame[suited]
            or tame["standard normal"]
        )
        factors = ", ".join(
            f"{start} {flows[start][0]:.2g} and {flows[start][1]:.2g}"
            for start in flows
            if start not in ("zeros", "constant")
        )
        says.append(
            f"{activation}: right are {', '.join(f'{start} {found.value:.0%}' for start, found in right.items())}; "
            f"over the hidden layers the spread grows forward and the gradient backward by factors of {factors}."
        )
    return Verdict(True if all(held) else False if any(refuted) else None, " ".join(says), numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    activations = values(rows, "activation")
    panels = figure.subplots(len(activations), 3, squeeze=False, width_ratios=(1, 1, 0.8))
    for (spreads, gradients, bars), activation in zip(panels, activations, strict=True):
        starts = values(where(rows, activation=activation), "start")
        ticks, still = [], []
        for index, start in enumerate(starts):
            for axes, name in ((spreads, "spread"), (gradients, "gradient")):
                found = np.median(per_layer(rows, activation, start, name), axis=0)
                layers = np.arange(1, len(found) + 1)
                label = "" if axes is gradients else start
                flows = np.where(found > ROUNDING, found, np.nan)
                axes.plot(layers, flows, marker="o", ms=4, label=label, **style(index))
                axes.set(yscale="log", xlabel="hidden layer")
                axes.xaxis.get_major_locator().set_params(integer=True)
            rate, accuracies = learned(rows, activation, start)
            bars.barh(index, np.mean(accuracies), color=style(index)["color"], height=0.6)
            bars.plot(accuracies, [index] * len(accuracies), "o", ms=3, color=BLACK)
            ticks.append(f"{start}, rate {rate:g}")
            if found.max() <= ROUNDING:
                still.append(start)
        spreads.set(title=f"{activation}: spread of the output")
        spreads.margins(y=0.1)
        none = f" (0: {', '.join(still)})" if still else ""
        gradients.set(title=f"{activation}: norm of the gradient{none}")
        gradients.margins(y=0.1)
        bars.set_yticks(range(len(starts)), ticks)
        bars.set(xlim=(0, 1), xlabel="validation accuracy")
        bars.set_title(f"after {max(row.get('steps', 0) for row in rows):,} steps")
        bars.invert_yaxis()
        bars.grid(axis="y", visible=False)
    legend_below(figure, panels[0][0])


EXPERIMENT = Experiment(
    claim="C7",
    title="Zero and constant weights do not learn; standard normal explodes or vanishes; Xavier and He do not",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {
            "seeds": 2,
            "activations": ("relu",),
            "starts": ("zeros", "standard normal", "He"),
            "depth": 3,
            "rates": (0.1,),
            "steps": 60,
        },
        "quick": {"seeds": 2, "activations": ("relu",), "depth": 10, "rates": (0.01, 0.1), "steps": 150},
        "full": {
            "seeds": 5,
            "activations": ("relu", "tanh"),
            "depth": 15,
            "rates": (0.001, 0.01, 0.03, 0.1, 0.3),
            "steps": 700,
        },
    },
    figure_size=(12, 5),
)

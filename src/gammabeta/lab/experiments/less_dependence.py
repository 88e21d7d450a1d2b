"""C3: batch norm reduces the dependence on initialization and on the choice of activation.

Three hidden layers of 100 units, all weights drawn from N(0, s^2), a fixed number of steps of plain descent: the
accuracy for every activation and every s, with batch norm before the activation and without. Each cell stands at its
own best rate of one grid.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.lab.estimate import difference_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import after, best, descent, drawn, values, where
from gammabeta.nn import Activation, BatchNorm, Dense, Flatten, Layer, ScaledNormal, Sequential

SIDES: dict[str, tuple[Layer, ...]] = {"with": (BatchNorm(),), "without": ()}


def network(activation: Any, side: str, scale: float, outputs: int) -> Sequential:
    normal = ScaledNormal(scale)
    hidden = (Dense(100, initializer=normal), *SIDES[side], Activation(activation)) * 3
    return Sequential((Flatten(), *hidden, Dense(outputs, initializer=normal)))


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    activations: Sequence[Any],
    scales: Sequence[float],
    rates: Sequence[float],
    steps: int,
) -> list[Row]:
    """Final validation accuracy for every activation, side, scale, rate and seed."""
    sample = images(data)
    outputs = sample.schema.outputs

    def one(case: tuple[Any, str, float, float, int]) -> list[Row]:
        activation, side, scale, rate, seed = case
        layers = network(activation, side, scale, outputs)
        start = drawn(layers, sample.train, seed)
        accuracy = after(steps, descent(layers, rate, seed), sample.train, sample.valid, start=start).valid["accuracy"]
        named = {"activation": activation, "side": side, "scale": scale, "rate": rate, "seed": seed}
        return [{**named, "steps": steps, "accuracy": accuracy}]

    return sweep(one, list(product(activations, SIDES, scales, rates, range(seeds))))


def table(rows: Sequence[Row], side: str) -> np.ndarray:
    """Accuracies (seeds, activations, scales), each cell at its own best rate."""
    found = []
    for activation, scale in product(values(rows, "activation"), values(rows, "scale")):
        cell = where(rows, side=side, activation=activation, scale=scale)
        rate = best(cell, "rate", lambda row: float(row["accuracy"]))
        found.append([row["accuracy"] for row in where(cell, rate=rate)])
    shape = (-1, len(values(rows, "activation")), len(values(rows, "scale")))
    return np.array(found).T.reshape(shape)


def judge(rows: Sequence[Row]) -> Verdict:
    tables = {side: table(rows, side) for side in SIDES}
    over_cells = {side: np.std(found, axis=(1, 2)) for side, found in tables.items()}
    less = difference_of(list(over_cells["without"]), list(over_cells["with"]))
    worst = {side: np.min(np.median(found, axis=0)) for side, found in tables.items()}
    cells = tables["with"][0].size
    says = (
        f"Over {cells} pairs of activation and scale of the initial weights the accuracy after {rows[0]['steps']:,} "
        f"steps has a standard deviation of {np.mean(over_cells['with']):.3f} with batch norm and "
        f"{np.mean(over_cells['without']):.3f} without, a difference of {less}; the worst pair comes to "
        f"{worst['with']:.0%} with and {worst['without']:.0%} without."
    )
    decided = less.low > 0 or less.high < 0
    return Verdict(less.low > 0 if decided else None, says, {"standard deviation over the pairs, less": less})


def draw(rows: Sequence[Row], figure: Any) -> None:
    both = figure.subplots(1, 2, sharey=True)
    scales, activations = values(rows, "scale"), values(rows, "activation")
    for axes, side in zip(both, ("without", "with"), strict=True):
        found = np.median(table(rows, side), axis=0)
        picture = axes.imshow(found, cmap="viridis", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(found):
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", color="black" if value > 0.6 else "white")
        axes.set_xticks(range(len(scales)), [f"{scale:g}" for scale in scales])
        axes.set_yticks(range(len(activations)), activations)
        axes.set(xlabel="standard deviation of the initial weights", title=f"{side} batch norm")
        axes.grid(visible=False)
    figure.colorbar(picture, ax=list(both), label="validation accuracy", pad=0.02)


EXPERIMENT = Experiment(
    claim="C3",
    title="Batch norm reduces the dependence on initialization and activation",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "activations": ("relu",), "scales": (0.01, 0.3), "rates": (0.3,), "steps": 60},
        "quick": {
            "seeds": 2,
            "activations": ("sigmoid", "relu"),
            "scales": (0.01, 1.0),
            "rates": (0.03, 0.3),
            "steps": 100,
        },
        "full": {
            "seeds": 5,
            "activations": ("sigmoid", "tanh", "relu", "elu"),
            "scales": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
            "rates": (0.01, 0.1, 1.0),
            "steps": 500,
        },
    },
    figure_size=(11, 3.6),
)

"""C17: batch norm regularizes and lowers the need for dropout; which shares are good ones.

Three hidden layers of 128 ReLU units on few rows, dropout behind every hidden layer, with batch norm before the
activations and without: validation accuracy and loss for every share that is dropped, each share of each side at its
own best rate of one grid. Best is the share of the least validation loss, good are shares of nearly that loss. The
notes call 0.5 to 0.8 good, and do not say whether of the units that are dropped or kept: both are measured.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.lab.drawing import GRAY, WITH, WITHOUT, band
from gammabeta.lab.estimate import Estimate, difference_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import best, drawn, values, where
from gammabeta.nn import Activation, BatchNorm, Dense, Dropout, Flatten, Layer, Sequential, SoftmaxCrossEntropy
from gammabeta.optim import Adam, Cosine
from gammabeta.plan import Plan
from gammabeta.train import fit

SIDES: dict[str, tuple[Layer, ...]] = {"without": (), "with": (BatchNorm(),)}
LOOKS = {"with": WITH, "without": WITHOUT}
NOTED = {"dropped": (0.5, 0.8), "kept": (0.2, 0.5)}
"""The notes' good shares as shares that are dropped, in both readings."""
NEARLY = 1.1
"""How many times the least loss is still good."""


def network(side: str, share: float, outputs: int) -> Sequential:
    # dropout of 0 stays a layer: all shares are one program
    hidden = (Dense(128), *SIDES[side], Activation("relu"), Dropout(share)) * 3
    return Sequential((Flatten(), *hidden, Dense(outputs)))


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    shares: Sequence[float],
    rates: Sequence[float],
    rows: int,
    epochs: int,
) -> list[Row]:
    """Final validation accuracy and loss for every side, share, rate and seed; each seed draws other training rows."""
    sample = images(data)
    outputs = sample.schema.outputs

    def one(case: tuple[str, float, float, int]) -> list[Row]:
        side, share, rate, seed = case
        chosen = np.random.default_rng(seed).permutation(sample.train.rows)[:rows]
        train, layers = sample.train.take(chosen), network(side, share, outputs)
        plan = Plan(
            network=layers,
            loss=SoftmaxCrossEntropy(),
            optimizer=Adam(rate),
            schedule=Cosine(),
            epochs=epochs,
            batch_size=50,
            seed=seed,
        )
        *_, last = fit(plan, train, sample.valid, probe=None, start=drawn(layers, train, seed))
        found = {name: last.valid[name] for name in ("accuracy", "loss")}
        return [{"side": side, "share": share, "rate": rate, "seed": seed, "rows": len(chosen), **found}]

    return sweep(one, list(product(SIDES, shares, rates, range(seeds))))


def table(rows: Sequence[Row], side: str, name: str) -> np.ndarray:
    """(seeds, shares), each share at the rate of its least median loss."""
    columns = []
    for share in values(rows, "share"):
        cell = where(rows, side=side, share=share)
        rate = best(cell, "rate", lambda row: -float(row["loss"]))
        columns.append([row[name] for row in where(cell, rate=rate)])
    return np.array(columns).T


def noted(rows: Sequence[Row], side: str, reading: str) -> Estimate:
    """The loss over the notes' good shares, over the loss of the best share."""
    shares, found = np.array(values(rows, "share")), table(rows, side, "loss")
    low, high = NOTED[reading]
    inside = found[:, (low <= shares) & (shares <= high)].mean(axis=1)
    return ratio_of(list(inside), list(found[:, np.median(found, axis=0).argmin()]))


def good(rows: Sequence[Row], side: str) -> str:
    """The shares whose median loss is nearly the least."""
    middle = np.median(table(rows, side, "loss"), axis=0)
    return ", ".join(
        f"{share:g}" for share, loss in zip(values(rows, "share"), middle, strict=True) if loss < NEARLY * middle.min()
    )


def judge(rows: Sequence[Row]) -> Verdict:
    shares = np.array(values(rows, "share"))
    losses = {side: table(rows, side, "loss") for side in SIDES}
    right = {side: np.median(table(rows, side, "accuracy"), axis=0) for side in SIDES}
    best_share = {side: list(shares[found.argmin(axis=1)]) for side, found in losses.items()}
    saved = {side: list(found[:, 0] - found.min(axis=1)) for side, found in losses.items()}
    less = difference_of(best_share["without"], best_share["with"])
    regular = difference_of(list(losses["without"][:, 0]), list(losses["with"][:, 0]))
    of_notes = {reading: {side: noted(rows, side, reading) for side in LOOKS} for reading in NOTED}
    numbers = {
        "best share, smaller with batch norm by": less,
        "loss that dropout saves, less with batch norm by": difference_of(saved["without"], saved["with"]),
        "loss without any dropout, less with batch norm by": regular,
        **{
            f"loss at 0.5 to 0.8 {reading} / at the best share, {side}": ratio
            for reading, found in of_notes.items()
            for side, ratio in found.items()
        },
    }
    readings = "; ".join(
        f"{found['with'].value:.2f} times the least loss with batch norm ({found['with'].low:.2f} to "
        f"{found['with'].high:.2f}) and {found['without'].value:.2f} times without ({found['without'].low:.2f} to "
        f"{found['without'].high:.2f}) where that share is {reading}"
        for reading, found in of_notes.items()
    )
    says = (
        f"The share with the least validation loss is {np.mean(best_share['with']):.2f} with batch norm and "
        f"{np.mean(best_share['without']):.2f} without: smaller by {less}. Dropout saves {np.mean(saved['with']):.3f} "
        f"of loss with batch norm and {np.mean(saved['without']):.3f} without. Accuracy without dropout is "
        f"{right['with'][0]:.1%} with and {right['without'][0]:.1%} without batch norm, at the best share "
        f"{right['with'].max():.1%} and {right['without'].max():.1%}. Good shares, within {NEARLY - 1:.0%} of the "
        f"least loss, are {good(rows, 'with')} with and {good(rows, 'without')} without; the notes' 0.5 to 0.8 "
        f"comes to {readings}."
    )
    held, refuted = less.low > 0 and regular.low > 0, less.high < 0 or regular.high < 0
    return Verdict(True if held else False if refuted else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    shares = values(rows, "share")
    for axes, name in zip(figure.subplots(1, 2), ("wrong", "loss"), strict=True):
        for side, look in LOOKS.items():
            found = table(rows, side, "loss") if name == "loss" else 1 - table(rows, side, "accuracy")
            band(axes, shares, found, f"{side} batch norm" if name == "loss" else "", marker="o", **look)
            middle = np.median(found, axis=0)
            axes.plot(shares[middle.argmin()], middle.min(), "o", ms=15, mfc="none", mew=1.5, color=look["color"])
        axes.axvspan(*NOTED["dropped"], color=GRAY, alpha=0.1, lw=0)
        axes.set(yscale="log", xlabel="share that is dropped (gray: the notes' good ones)")
    figure.axes[0].set(ylabel="share of validation rows that are wrong", title="rings: the best shares")
    figure.axes[1].set(
        ylabel="validation loss", title=f"{rows[0]['rows']} training rows; median and range of the seeds"
    )


EXPERIMENT = Experiment(
    claim="C17",
    title="Batch norm regularizes and lowers the need for dropout",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "shares": (0.0, 0.5), "rates": (0.003,), "rows": 200, "epochs": 10},
        "quick": {
            "seeds": 2,
            "shares": (0.0, 0.5, 0.8),
            "rates": (0.002, 0.008),
            "rows": 500,
            "epochs": 10,
        },
        "full": {
            "seeds": 8,
            "shares": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
            "rates": (0.0005, 0.002, 0.008),
            "rows": 500,
            "epochs": 40,
        },
    },
    figure_size=(10, 4.3),
)

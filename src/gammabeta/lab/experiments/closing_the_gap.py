"""C10: dropout, L2, noise and early stopping each close the overfitting gap; dropout before batch norm shifts variance.

A network of two hidden layers of 128 ReLU units on few rows. Each method takes the strength of its grid that has the
least loss on the validation rows; the gap is that of the loss on fresh rows, which chose nothing, to the loss on the
training rows. Then dropout of every share before a dense layer with batch norm: the variance that batch norm remembers
from training over the variance of what it sees in prediction, where nothing is dropped (Li 2019).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLACK, BLUE, GREEN, ORANGE, band
from gammabeta.lab.estimate import Estimate, difference_of, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import Sample, images
from gammabeta.lab.training import best, drawn, scaled, values, where
from gammabeta.nn import (
    PREDICTING,
    Activation,
    BatchNorm,
    Call,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Sequential,
    SoftmaxCrossEntropy,
)
from gammabeta.optim import Adam, Constant
from gammabeta.plan import Plan
from gammabeta.train import fit

METHODS = ("none", "dropout", "L2", "noise", "early stopping")


def planned(outputs: int, epochs: int, seed: int, dropout: float = 0.0, noise: float = 0.0, l2: float = 0.0) -> Plan:
    # what is not used stays at 0, so that all methods are one program
    hidden = (Dense(128), Activation("relu"), Dropout(dropout)) * 2
    return Plan(
        network=Sequential((Flatten(), GaussianNoise(noise), *hidden, Dense(outputs))),
        loss=SoftmaxCrossEntropy(),
        optimizer=Adam(0.003),
        schedule=Constant(),
        epochs=epochs,
        batch_size=20,
        l2=l2,
        seed=seed,
    )


def parts(sample: Sample, rows: int, seed: int) -> tuple[Dataset, Dataset]:
    """Few rows to train on, and fresh ones."""
    order = np.random.default_rng(seed).permutation(sample.train.rows)
    return sample.train.take(order[:rows]), sample.train.take(order[rows : rows + 2_000])


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rows: int,
    epochs: int,
    grids: dict[str, Sequence[float]],
    shares: Sequence[float],
) -> list[Row]:
    """Loss on training, validation and fresh rows by method, strength and seed; the variances by share and seed."""
    sample = images(data)
    outputs = sample.schema.outputs

    def one(case: tuple[str, float, int]) -> list[Row]:
        method, strength, seed = case
        train, fresh = parts(sample, rows, seed)
        plan = planned(outputs, epochs, seed, **({} if method == "none" else {method.lower(): strength}))
        start = drawn(plan.layers, train, seed)
        made = list(fit(plan, train, sample.valid, probe=None, start=start))
        ends = {method: made[-1]}
        if method == "none":
            ends["early stopping"] = min(made, key=lambda epoch: epoch.valid["loss"])
        return [
            {
                "method": name,
                "strength": float(epoch.number) if name == "early stopping" else strength,
                "seed": seed,
                "train": epoch.train["loss"],
                "valid": epoch.valid["loss"],
                **on_fresh(plan, epoch.state, fresh),
            }
            for name, epoch in ends.items()
        ]

    def shifted(case: tuple[float, int]) -> list[Row]:
        share, seed = case
        train, _ = parts(sample, rows, seed)
        norm = BatchNorm(estimator="ema", update_rate=0.02)
        layers = (Flatten(), Dense(128), Activation("relu"), Dropout(share), Dense(128), norm, Activation("relu"))
        plan = planned(outputs, epochs, seed).replace(network=Sequential((*layers, Dense(outputs))))
        *_, last = fit(plan, train, sample.valid, probe=None, start=drawn(plan.layers, train, seed))
        _, seen = plan.layers.apply(last.state.params, last.state.stats, scaled(train), Call(observing=True))
        ratio = np.median(np.asarray(last.state.stats[5].var) / np.asarray(seen[5].moments.var))
        return [{"share": share, "seed": seed, "ratio": float(ratio)}]

    cases = [("none", 0.0, seed) for seed in range(seeds)]
    cases += [(method, x, seed) for method, grid in grids.items() for x in grid for seed in range(seeds)]
    return sweep(one, cases) + sweep(shifted, [(share, seed) for share in shares for seed in range(seeds)])


def on_fresh(plan: Plan, state: Any, rows: Dataset) -> dict[str, float]:
    y, _ = plan.layers.apply(state.params, state.stats, scaled(rows), PREDICTING)
    right = np.argmax(np.asarray(y), axis=1) == rows.y
    return {"fresh": float(np.mean(plan.loss.rows(y, rows.y))), "accuracy": float(np.mean(right))}


def chosen(rows: Sequence[Row], method: str) -> list[Row]:
    """Of every seed, at the strength of the least validation loss; of early stopping each seed stops where it does."""
    mine = where(rows, method=method)
    if method == "early stopping":
        return mine
    return where(mine, strength=best(mine, "strength", lambda row: -float(row["valid"])))


def measured(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if "method" in row]


def shifts(rows: Sequence[Row]) -> dict[float, list[float]]:
    """The ratios of the seeds, by share."""
    mine = [row for row in rows if "ratio" in row]
    return {share: [row["ratio"] for row in where(mine, share=share)] for share in values(mine, "share")}


def judge(rows: Sequence[Row]) -> Verdict:
    found = {method: chosen(measured(rows), method) for method in METHODS}
    gaps = {method: [row["fresh"] - row["train"] for row in runs] for method, runs in found.items()}
    numbers: dict[str, Estimate] = {
        f"gap that {method} closes": difference_of(gaps["none"], gaps[method]) for method in METHODS[1:]
    }
    closed = list(numbers.values())
    share, ratios = max(shifts(rows).items())
    numbers[f"variance in training over prediction, dropout {share:g}"] = shift = mean_of(ratios)
    each = ", ".join(
        f"{method} {np.mean(gaps[method]):.3f} (fresh rows {np.mean([row['fresh'] for row in runs]):.3f}, "
        f"{np.mean([row['accuracy'] for row in runs]):.1%} right)"
        for method, runs in found.items()
    )
    says = (
        f"Gap of the loss between fresh rows and training rows: {each}. With dropout of {share:g} before it batch norm "
        f"remembers a variance {shift} times that which it meets in prediction."
    )
    holds = True if all(gap.low > 0 for gap in closed) and shift.low > 1 else None
    return Verdict(False if any(gap.high < 0 for gap in closed) or shift.high < 1 else holds, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    ticks = []
    for index, method in enumerate(METHODS):
        runs = chosen(measured(rows), method)
        for at, name, color in ((-0.2, "train", GREEN), (0.2, "fresh", ORANGE)):
            found = [row[name] for row in runs]
            label = {"train": "training rows", "fresh": "fresh rows"}[name] if index == 0 else ""
            left.bar(index + at, np.mean(found), 0.38, color=color, label=label)
            left.plot([index + at] * len(found), found, "o", ms=3, color=BLACK)
        strength = np.median([row["strength"] for row in runs])
        named = {"none": "", "early stopping": f"epoch {strength:g}"}.get(method, f"{strength:g}")
        ticks.append(f"{method}\n{named}")
    left.set_xticks(range(len(METHODS)), ticks)
    left.set(ylim=(0, 1.2 * left.get_ylim()[1]), ylabel="loss", title="the gap, each method at its best strength")
    left.grid(axis="x", visible=False)
    left.legend(loc="upper left", ncols=2)
    ratios = shifts(rows)
    band(right, list(ratios), np.array(list(ratios.values())).T, "", marker="o", color=BLUE)
    right.axhline(1, color=BLACK, lw=1)
    right.set(xlabel="share dropped before batch norm", ylabel="variance in training / in prediction")
    right.set_title("variance shift")


EXPERIMENT = Experiment(
    claim="C10",
    title="Dropout, L2, noise and early stopping each close the gap; dropout shifts batch norm's variance",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {
            "seeds": 2,
            "rows": 60,
            "epochs": 5,
            "grids": {"dropout": (0.5,), "L2": (0.03,), "noise": (1.0,)},
            "shares": (0.0, 0.5),
        },
        "quick": {
            "seeds": 3,
            "rows": 200,
            "epochs": 20,
            "grids": {"dropout": (0.2, 0.5), "L2": (0.01, 0.03), "noise": (0.5, 1.0)},
            "shares": (0.0, 0.6),
        },
        "full": {
            "seeds": 8,
            "rows": 200,
            "epochs": 100,
            "grids": {
                "dropout": (0.1, 0.3, 0.5, 0.7),
                "L2": (0.001, 0.003, 0.01, 0.03, 0.1),
                "noise": (0.1, 0.3, 0.6, 1.0, 1.5),
            },
            "shares": (0.0, 0.1, 0.3, 0.5, 0.7, 0.8),
        },
    },
    figure_size=(11, 4.3),
)

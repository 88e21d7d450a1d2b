"""C4: batch norm as the first layer replaces input scaling.

Tables whose columns differ in scale by orders of magnitude, given to the network as they are (the package's own input
encoder, which would scale them, is left aside): as raw numbers, scaled by the training rows' mean and standard
deviation, and raw with batch norm as the first layer. Two hidden layers of 32 ReLU units, plain descent, each side at
its own best rate of one grid. Every seed is another split of the rows.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLACK, BLUE, GREEN, ORANGE
from gammabeta.lab.estimate import difference_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.training import after, best, descent, values, where
from gammabeta.nn import BatchNorm, Mlp

SIDES = {"raw": ORANGE, "scaled": GREEN, "batch norm first": BLUE}
AS_GOOD = 0.02
"""How much less accurate still counts as a replacement."""


@cache
def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of scikit-learn's wine or breast cancer, or of its digits with column j multiplied by 10^(j mod 7 - 3)."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        x = x * 10.0 ** (np.arange(x.shape[1]) % 7 - 3)
    return x, y


def divided(name: str, scaled: bool, seed: int) -> tuple[Dataset, Dataset]:
    """Training and validation rows, 3 to 2, with the same shares of the classes."""
    from sklearn.model_selection import train_test_split

    x, y = table(name)
    train_x, valid_x, train_y, valid_y = train_test_split(x, y, test_size=0.4, stratify=y, random_state=seed)
    center, spread = (train_x.mean(axis=0), train_x.std(axis=0)) if scaled else (0.0, 1.0)
    spread = np.where(spread == 0, 1, spread)  # digits have pixels that are always empty

    def rows(x: np.ndarray, y: np.ndarray) -> Dataset:
        return Dataset(((x - center) / spread).astype(np.float32), y.astype(np.int32))

    return rows(train_x, train_y), rows(valid_x, valid_y)


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, tables: Sequence[str], rates: Sequence[float], steps: int
) -> list[Row]:
    """Final validation accuracy for every table, side, rate and seed; ``data`` plays no part."""

    def one(case: tuple[str, str, int]) -> list[Row]:
        name, side, seed = case
        train, valid = divided(name, side == "scaled", seed)
        first = BatchNorm() if side == "batch norm first" else None
        rows: list[Row] = []
        for rate in rates:
            plan = descent(Mlp((32, 32), normalization=first, position="first"), rate, seed, 32)
            accuracy = after(steps, plan, train, valid).valid["accuracy"]
            rows.append({"table": name, "side": side, "rate": rate, "seed": seed, "steps": steps, "accuracy": accuracy})
        return rows

    return sweep(one, list(product(tables, SIDES, range(seeds))))


def at_best_rate(rows: Sequence[Row], name: str, side: str) -> tuple[float, list[float]]:
    """(rate, accuracies of the seeds)"""
    mine = where(rows, table=name, side=side)
    rate = best(mine, "rate", lambda row: float(row["accuracy"]))
    return rate, [row["accuracy"] for row in where(mine, rate=rate)]


def judge(rows: Sequence[Row]) -> Verdict:
    numbers, says = {}, []
    for name in values(rows, "table"):
        found = {side: at_best_rate(rows, name, side) for side in SIDES}
        numbers[f"{name}: batch norm first - scaled"] = difference_of(found["batch norm first"][1], found["scaled"][1])
        numbers[f"{name}: batch norm first - raw"] = difference_of(found["batch norm first"][1], found["raw"][1])
        accuracies = ", ".join(f"{np.mean(each):.1%} {side} (rate {rate:g})" for side, (rate, each) in found.items())
        says.append(f"{name.replace('_', ' ')}: {accuracies}.")
    lost = [found for key, found in numbers.items() if key.endswith("scaled")]
    says.append(
        f"Batch norm first counts as a replacement where it loses less than {100 * AS_GOOD:g} points to scaling."
    )
    holds = True if all(found.low > -AS_GOOD for found in lost) else None
    return Verdict(False if any(found.high < -AS_GOOD for found in lost) else holds, " ".join(says), numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    names = values(rows, "table")
    for axes, name in zip(np.ravel(figure.subplots(1, len(names), sharey=True)), names, strict=True):
        x, _ = table(name)
        spreads = x.std(axis=0)
        reach = np.log10(spreads.max() / spreads[spreads > 0].min())
        ticks = []
        for index, (side, color) in enumerate(SIDES.items()):
            rate, accuracies = at_best_rate(rows, name, side)
            axes.bar(index, np.mean(accuracies), color=color, width=0.6)
            apart = index + np.linspace(-0.12, 0.12, len(accuracies))
            axes.plot(apart, accuracies, "o", ms=4, color=BLACK)
            ticks.append(f"{side.replace(' first', '')}\n{'first, ' * side.endswith('first')}rate {rate:g}")
        axes.set_xticks(range(len(SIDES)), ticks, size=9)
        axes.set_title(f"{name.replace('_', ' ')}: spreads of $10^{{{reach:.1f}}}$")
        axes.grid(axis="x", visible=False)
    figure.axes[0].set(ylabel=f"validation accuracy after {rows[0]['steps']:,} steps", ylim=(0, 1.02))


EXPERIMENT = Experiment(
    claim="C4",
    title="Batch norm as the first layer replaces input scaling",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "tables": ("wine",), "rates": (0.1,), "steps": 60},
        "quick": {"seeds": 3, "tables": ("wine", "digits"), "rates": (1e-4, 0.03, 0.3), "steps": 120},
        "full": {
            "seeds": 10,
            "tables": ("wine", "breast_cancer", "digits"),
            "rates": (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0),
            "steps": 500,
        },
    },
    figure_size=(10, 4.2),
)

"""C15: where batch norm hurts: tiny batches, and regression where the absolute scale matters.

Left: a classifier of images at batches of 2 to 32 rows, with batch norm, without, and with layer norm; each sees
the same number of rows, at its own best rate. "Ghosts" are batches of 32 rows whose statistics come from few: the noise
of tiny batches in the statistics alone, not in the gradient. Right: rows x = s u in batches of 32, with a direction u
and a length s between 1/10 and 10; the answer is s. What divides by the spread of a batch divides by the rows that
happen to be in it. That harm shows only once the length is nearly learned: with as few epochs as the images have, the
ratio of the errors was 0.82 (0.61 to 1.09), undecided, and it was tripling the epochs that decided it.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import WITH, WITHOUT, style
from gammabeta.lab.estimate import Estimate, difference_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import BatchNorm, LayerNorm, Mlp, Normalization, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import AdamW, OneCycle
from gammabeta.plan import Plan
from gammabeta.train import fit

LARGE = 32
LENGTHS, LONGER = 1_500, 3
"""Rows of the second task, and how many times the epochs: it takes longer to learn."""
SIDES: dict[str, Normalization | None] = {"batch norm": BatchNorm(), "none": None, "layer norm": LayerNorm()}
LOOKS = {"batch norm": WITH, "none": WITHOUT, "layer norm": style(2), "ghosts": style(3)}


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rates: Sequence[float],
    sizes: Sequence[int],
    rows: int,
    epochs: int,
    hidden: Sequence[int],
    sides: Sequence[str] = tuple(SIDES),
) -> list[Row]:
    """Error at the end for every task, side, batch size (of the statistics), rate and seed."""
    classes = images(data, rows)
    lengths = scaled_rows(LENGTHS, 0), scaled_rows(2_000, 1)

    def one(case: tuple[str, str, int, float, int]) -> list[Row]:
        task, side, size, rate, seed = case
        train, valid = (classes.train, classes.valid) if task == "images" else lengths
        plan = Plan(
            network=Mlp(tuple(hidden), normalization=BatchNorm(ghost_size=size) if side == "ghosts" else SIDES[side]),
            loss=SoftmaxCrossEntropy() if task == "images" else SquaredError(),
            optimizer=AdamW(rate),
            schedule=OneCycle(),
            epochs=epochs if task == "images" else LONGER * epochs,
            batch_size=LARGE if side == "ghosts" else size,
            seed=seed,
        )
        *_, last = fit(plan, train, valid, probe=None)
        error = 1 - last.valid["accuracy"] if task == "images" else float(np.sqrt(last.valid["loss"]))
        here = {"task": task, "side": side, "size": size, "rate": rate, "seed": seed}
        return [{**here, "error": float(np.nan_to_num(error, nan=np.inf))}]

    wanted = [
        *product(("images",), sides, sizes),
        *product(("length",), sides, (LARGE,)),
        *product(("images",), ("ghosts",), [size for size in sizes if size < LARGE]),
    ]
    return sweep(one, [(*case, rate, seed) for case in wanted for rate in rates for seed in range(seeds)])


def scaled_rows(rows: int, seed: int) -> Dataset:
    """Eight inputs of a length between 1/10 and 10, evenly spread over its logarithm; the target is that length."""
    chance = np.random.default_rng(seed)
    u = chance.normal(size=(rows, 8))
    length = 10 ** chance.uniform(-1, 1, size=(rows, 1))
    x = length * u / np.linalg.norm(u, axis=1, keepdims=True)
    # the mean and the spread of the length itself, so that an error of 1 is knowing nothing
    mean, mean_square = 9.9 / np.log(100), 99.99 / 2 / np.log(100)
    y = (length - mean) / np.sqrt(mean_square - mean**2)
    return Dataset(x.astype(np.float32), y.astype(np.float32))


def best(rows: Sequence[Row], task: str, side: str, size: int) -> tuple[float, list[float]]:
    """(rate, errors of every seed) where the mean is least; errors in percent for images, of the spread for lengths."""
    found: dict[float, list[float]] = {}
    for row in rows:
        if (row["task"], row["side"], row["size"]) == (task, side, size):
            found.setdefault(row["rate"], []).append(row["error"])
    return min(found.items(), key=lambda item: float(np.mean(item[1])))


def sizes_of(rows: Sequence[Row], side: str) -> list[int]:
    return sorted({row["size"] for row in rows if (row["task"], row["side"]) == ("images", side)})


def judge(rows: Sequence[Row]) -> Verdict:
    tiny, *_, large = sizes_of(rows, "batch norm")
    wrong = {
        (side, size): best(rows, "images", side, size) for side in ("batch norm", "none") for size in (tiny, large)
    }
    length = {side: best(rows, "length", side, LARGE) for side in ("batch norm", "none")}
    numbers: dict[str, Estimate] = {
        f"wrong images, batch norm - none, batches of {size}": difference_of(
            wrong["batch norm", size][1], wrong["none", size][1]
        )
        for size in (tiny, large)
    }
    by_tiny, by_large = numbers.values()
    off = numbers["error of the length, batch norm / none"] = ratio_of(length["batch norm"][1], length["none"][1])
    ghosts = best(rows, "images", "ghosts", tiny)[1]
    few = numbers[f"wrong images, statistics of {tiny} - of {large}"] = difference_of(
        ghosts, wrong["batch norm", large][1]
    )
    alone = numbers[f"wrong images, statistics of {tiny} - batches of {tiny}"] = difference_of(
        ghosts, wrong["batch norm", tiny][1]
    )
    layer = [
        np.mean(best(rows, "images", side, tiny)[1]) for side in SIDES if side == "layer norm" and sizes_of(rows, side)
    ]

    def told(rate: float, found: Sequence[float]) -> str:
        return f"{np.mean(found):.1%} (rate {rate:g})"

    def points(found: Estimate) -> str:
        return f"{100 * found.value:+.2f} points ({100 * found.low:+.2f} to {100 * found.high:+.2f})"

    says = (
        f"In batches of {tiny} rows {told(*wrong['batch norm', tiny])} of the images are wrong with batch norm, "
        f"{told(*wrong['none', tiny])} without{''.join(f', {found:.1%} with layer norm' for found in layer)}: "
        f"{points(by_tiny)}; in batches of {large} {points(by_large)}. Statistics of {tiny} rows within batches of "
        f"{LARGE} alone {worded(few, 'cost', 'help', 'make no sure difference')}: {np.mean(ghosts):.1%} wrong, "
        f"{points(few)} from statistics of the whole batch, and "
        f"{worded(alone, 'more', 'less', 'not surely more or less')} than batches of {tiny} rows: {points(alone)}. "
        f"The length of a row is off by {told(*length['batch norm'])} of its spread with batch norm and "
        f"{told(*length['none'])} without, in batches of {LARGE}: {off.value:.2f} times ({off.low:.2f} to "
        f"{off.high:.2f})."
    )
    helps = by_tiny.high < 0 or off.high < 1
    return Verdict(True if by_tiny.low > 0 and off.low > 1 else False if helps else None, says, numbers)


def worded(found: Estimate, more: str, less: str, unknown: str) -> str:
    return more if found.low > 0 else less if found.high < 0 else unknown


def draw(rows: Sequence[Row], figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    for side, look in LOOKS.items():
        sizes = sizes_of(rows, side)
        found = [100 * np.asarray(best(rows, "images", side, size)[1]) for size in sizes]
        if not found:
            continue
        name = f"batches of {LARGE}, statistics of so few" if side == "ghosts" else side
        left.fill_between(
            np.log2(sizes), np.min(found, axis=1), np.max(found, axis=1), color=look["color"], alpha=0.13, lw=0
        )
        left.plot(np.log2(sizes), np.mean(found, axis=1), marker="o", label=name, **look)
        rates = sorted({row["rate"] for row in rows if (row["task"], row["side"]) == ("length", side)})
        errors = [
            [100 * r["error"] for r in rows if (r["task"], r["side"], r["rate"]) == ("length", side, rate)]
            for rate in rates
        ]
        if errors:
            right.fill_between(
                rates, np.min(errors, axis=1), np.max(errors, axis=1), color=look["color"], alpha=0.13, lw=0
            )
            right.plot(rates, np.mean(errors, axis=1), marker="o", label=side, **look)
    left.set(yscale="log", xlabel="rows in a batch", ylabel="validation images that are wrong (%)")
    left.set_xticks(np.log2(sizes_of(rows, "batch norm")), [str(size) for size in sizes_of(rows, "batch norm")])
    left.set_title("tiny batches: each at its own best rate")
    right.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="error (% of the target's spread)")
    right.set_title(f"absolute size: the length of a row, batches of {LARGE}")


EXPERIMENT = Experiment(
    claim="C15",
    title="Where batch norm hurts: tiny batches, and answers that are absolute sizes",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {
            "seeds": 2,
            "rates": (0.01,),
            "sizes": (2, 32),
            "rows": 100,
            "epochs": 2,
            "hidden": (24,),
            "sides": ("batch norm", "none"),
        },
        "quick": {
            "seeds": 2,
            "rates": (0.003, 0.03),
            "sizes": (2, 32),
            "rows": 300,
            "epochs": 4,
            "hidden": (48,),
            "sides": ("batch norm", "none"),
        },
        "full": {
            "seeds": 7,
            "rates": (0.001, 0.003, 0.01, 0.03, 0.1),
            "sizes": (2, 4, 8, 16, 32),
            "rows": 1_400,
            "epochs": 20,
            "hidden": (48, 48),
        },
    },
    figure_size=(11, 4.6),
)

"""C20: SGD with momentum first, Adam a good choice; and one common rate starves weights with small gradients.

Seven optimizers train the same network at every rate of one grid, and each is judged at its own best. Beside it a
linear problem of five yes-or-no inputs, from one that half of the rows have to one that a row in a thousand has, all of
the same importance: how much of each weight is learned, again at each optimizer's own best rate.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import GRAY, style
from gammabeta.lab.estimate import Estimate, mean_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import Dense, Mlp, Sequential, SoftmaxCrossEntropy, SquaredError, Zeros
from gammabeta.optim import Adagrad, Adam, AdamW, Constant, Momentum, Nesterov, Optimizer, RMSProp, Sgd
from gammabeta.plan import Plan
from gammabeta.train import fit

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": Sgd(),
    "momentum": Momentum(),
    "Nesterov": Nesterov(),
    "AdaGrad": Adagrad(),
    "RMSProp": RMSProp(),
    "Adam": Adam(),
    "AdamW": AdamW(),
}
ON_RARE = ("SGD", "momentum", "AdaGrad", "Adam")
FREQUENCIES = (0.5, 0.1, 0.02, 0.005, 0.001)
GOOD = 1.25
"""How many times the least loss of all is still a good choice."""


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rates: Sequence[float],
    steps: int,
    hidden: Sequence[int],
    optimizers: Sequence[str] = tuple(OPTIMIZERS),
) -> list[Row]:
    """Rows of "network": validation loss at the end; rows of "rare": that, and the learned share of every weight."""
    sample = images(data, 10_000)
    linear = rare_inputs(20_000, 0), rare_inputs(20_000, 1)

    def one(case: tuple[str, str, float, int]) -> list[Row]:
        problem, name, rate, seed = case
        rare = problem == "rare"
        plan = Plan(
            network=Sequential((Dense(1, bias=False, initializer=Zeros()),))
            if rare
            else Mlp(tuple(hidden), normalization=None),
            loss=SquaredError() if rare else SoftmaxCrossEntropy(),
            optimizer=OPTIMIZERS[name].replace(learning_rate=rate),
            schedule=Constant(),
            epochs=steps,
            batch_size=64,
            seed=seed,
        )
        train, valid = linear if rare else (sample.train, sample.valid)
        for epoch in fit(plan, train, valid, probe=None, measure_every=steps):
            if epoch.steps >= steps or epoch.ended:
                break
        row = {"problem": problem, "optimizer": name, "rate": rate, "seed": seed, "loss": epoch.valid["loss"]}
        if rare:
            learned = np.asarray(epoch.state.params[0]["weight"])[:, 0]
            row |= {f"weight of {share}": float(value) for share, value in zip(FREQUENCIES, learned, strict=True)}
        return [row]

    cases = [("network", *case) for case in product(optimizers, rates, range(seeds))]
    return sweep(
        one, cases + [("rare", *case) for case in product(ON_RARE, rates, range(seeds)) if case[0] in optimizers]
    )


def rare_inputs(rows: int, seed: int) -> Dataset:
    """y = the sum of all inputs and a little noise: every weight should become 1."""
    chance = np.random.default_rng(seed)
    x = (chance.random((rows, len(FREQUENCIES))) < FREQUENCIES).astype(np.float32)
    y = x.sum(axis=1, keepdims=True) + chance.normal(scale=0.1, size=(rows, 1))
    return Dataset(x, y.astype(np.float32))


def losses(rows: Sequence[Row], problem: str, name: str) -> dict[float, list[float]]:
    """Of every seed, by rate; infinite where it diverged."""
    found: dict[float, list[float]] = {}
    for row in rows:
        if (row["problem"], row["optimizer"]) == (problem, name):
            found.setdefault(row["rate"], []).append(float(np.nan_to_num(row["loss"], nan=np.inf)))
    return found


def best(rows: Sequence[Row], problem: str, name: str) -> tuple[float, list[float]]:
    """(rate, losses) where the median over the seeds is least."""
    return min(losses(rows, problem, name).items(), key=lambda item: float(np.median(item[1])))


def learned(rows: Sequence[Row], name: str) -> np.ndarray:
    """The share of every weight (seeds, weights) that was learned, at the best rate."""
    rate = best(rows, "rare", name)[0]
    mine = [row for row in rows if (row["problem"], row["optimizer"], row["rate"]) == ("rare", name, rate)]
    return np.asarray([[row[f"weight of {share}"] for share in FREQUENCIES] for row in mine])


def names(rows: Sequence[Row], problem: str) -> list[str]:
    return list(dict.fromkeys(row["optimizer"] for row in rows if row["problem"] == problem))


def judge(rows: Sequence[Row]) -> Verdict:
    found = {name: best(rows, "network", name) for name in names(rows, "network")}
    medians = {name: float(np.median(each)) for name, (_, each) in found.items()}
    first = min(medians, key=lambda name: medians[name])
    numbers: dict[str, Estimate] = {
        "momentum / SGD": ratio_of(found["momentum"][1], found["SGD"][1]),
        f"Adam / {first}": ratio_of(found["Adam"][1], found[first][1]),
        **{
            f"share of the rarest weight, {name}": mean_of(list(learned(rows, name)[:, -1]))
            for name in names(rows, "rare")
        },
    }
    gain, near = list(numbers.values())[:2]
    starved, fed = (numbers[f"share of the rarest weight, {name}"] for name in ("SGD", "Adam"))
    listed = ", ".join(f"{name} {medians[name]:.3f} (rate {found[name][0]:g})" for name in found)
    says = (
        f"Validation loss, each at its own best rate: {listed}. Momentum's is {gain.value:.2f} times SGD's "
        f"({gain.low:.2f} to {gain.high:.2f}), Adam's {near.value:.2f} times that of the best, {first} ({near.low:.2f} "
        f"to {near.high:.2f}). Of the weight whose input a row in a thousand has, SGD learns {starved.value:.0%} in "
        f"the same steps, Adam {fed.value:.0%}, of the most frequent one {learned(rows, 'SGD')[:, 0].mean():.0%} and "
        f"{learned(rows, 'Adam')[:, 0].mean():.0%}."
    )
    parts = (gain.high < 1, near.high < GOOD, starved.high < fed.low)
    against = gain.low > 1 or near.low > GOOD or fed.high < starved.low
    return Verdict(True if all(parts) else False if against else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    network, rare = figure.subplots(1, 2, width_ratios=(1.3, 1))
    ends = []
    for name in names(rows, "network"):
        look = style(list(OPTIMIZERS).index(name))
        found = losses(rows, "network", name)
        medians = np.asarray([np.median(each) for each in found.values()])
        rate, each = best(rows, "network", name)
        network.plot(list(found), np.where(np.isfinite(medians), medians, np.nan), label=name, **look)
        network.plot(rate, np.median(each), marker="o", ms=8, color=look["color"])
        ends.append(float(np.median(each)))
    network.set(
        xscale="log", yscale="log", ylim=(0.8 * min(ends), 12), xlabel="learning rate", ylabel="validation loss"
    )
    network.set_title("a network on images; the dot: each one's best rate")
    network.legend(ncols=4, loc="upper left", fontsize=9)
    for name in names(rows, "rare"):
        look = style(list(OPTIMIZERS).index(name))
        shares = learned(rows, name)
        rare.plot(FREQUENCIES, np.median(shares, axis=0), marker="o", label=name, **look)
        rare.fill_between(FREQUENCIES, shares.min(axis=0), shares.max(axis=0), color=look["color"], alpha=0.12, lw=0)
    rare.axhline(1, color=GRAY, lw=1)
    rare.set(xscale="log", ylim=(-0.05, 1.25), xlabel="share of the rows that have the input")
    rare.set_ylabel("share of its weight that is learned")
    rare.set_title("weights of rare inputs, each at its best rate")
    rare.legend(loc="lower right")


EXPERIMENT = Experiment(
    claim="C20",
    title="Momentum first, Adam a good choice; one common rate starves weights with small gradients",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {
            "seeds": 2,
            "rates": (0.03, 0.3),
            "steps": 60,
            "hidden": (16,),
            "optimizers": ("SGD", "momentum", "Adam"),
        },
        "quick": {
            "seeds": 3,
            "rates": (0.003, 0.01, 0.03, 0.1, 0.3),
            "steps": 150,
            "hidden": (32,),
            "optimizers": ("SGD", "momentum", "AdaGrad", "Adam"),
        },
        "full": {
            "seeds": 7,
            "rates": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            "steps": 1_000,
            "hidden": (64, 64),
        },
    },
    figure_size=(12, 4.8),
)

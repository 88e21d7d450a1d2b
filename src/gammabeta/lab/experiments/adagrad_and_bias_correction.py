"""C9: AdaGrad's rate decays to nothing; bias correction matters in Adam's first steps.

The first two pictures are the rules themselves on a stream of gradients N(0, 1): what one unit of gradient is worth at
each step, and how long Adam's steps are with and without correction, beside the factor by hand, (1 - b1^t) / sqrt(1 -
b2^t). The third is a network on images in its first steps, both forms at every rate of one grid.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.lab.drawing import GRAY, style
from gammabeta.lab.estimate import exactly, mean_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.nn import Mlp, SoftmaxCrossEntropy
from gammabeta.optim import Adagrad, Adam, Constant, Optimizer, RMSProp
from gammabeta.plan import Plan
from gammabeta.train import fit

SIDES = {"corrected": Adam(), "uncorrected": Adam(bias_correction=False)}
RULES: dict[str, Optimizer] = {"AdaGrad": Adagrad(), "RMSProp": RMSProp(), **SIDES}
B1, B2 = Adam().b1, Adam().b2


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, stream: int, rates: Sequence[float], steps: int
) -> list[Row]:
    """Rows of "rule": what it makes of gradient number ``step``; rows of "side": a network's loss after it."""
    found = directions(seeds, stream)
    rows: list[Row] = [{"rule": "AdaGrad", "at_zero": first_of_nothing()}]
    kept = np.unique(np.geomspace(1, stream, 60).round().astype(int))
    rows += [
        {"rule": rule, "seed": seed, "step": int(step), **{key: value[seed, step - 1] for key, value in each.items()}}
        for rule, each in found.items()
        for seed in range(seeds)
        for step in kept
    ]
    sample = images(data, 2_000)

    def one(case: tuple[str, float, int]) -> list[Row]:
        side, rate, seed = case
        plan = Plan(
            network=Mlp((64, 64), normalization=None),
            loss=SoftmaxCrossEntropy(),
            optimizer=SIDES[side].replace(learning_rate=rate),
            schedule=Constant(),
            epochs=steps,
            batch_size=64,
            seed=seed,
        )
        runs: list[Row] = []
        for epoch in fit(plan, sample.train, sample.valid, probe=None, measure_every=2):
            runs.append({"side": side, "rate": rate, "seed": seed, "step": epoch.steps, "loss": epoch.valid["loss"]})
            if epoch.steps >= steps:
                break
        return runs

    return rows + sweep(one, list(product(SIDES, rates, range(seeds))))


def directions(seeds: int, stream: int) -> dict[str, dict[str, np.ndarray]]:
    """By rule: "worth" (seeds, stream) of one unit of gradient, "length" of the step at learning rate 1."""
    gradients = jnp.asarray(np.random.default_rng(0).normal(size=(stream, seeds)))
    found = {}
    for name, optimizer in RULES.items():
        rule = optimizer.direction()

        def step(slots: Any, g: Any, rule: Any = rule) -> Any:
            direction, slots = rule.update(g, slots, g)
            return slots, direction

        taken = np.asarray(jax.lax.scan(step, rule.init(gradients[0]), gradients)[1]).T
        found[name] = {"worth": taken / np.asarray(gradients).T, "length": np.abs(taken)}
    return found


def first_of_nothing() -> float:
    """AdaGrad's first step with epsilon 0 where the gradient is 0."""
    rule = Adagrad(epsilon=0.0).direction()
    direction, _ = rule.update(jnp.zeros(1), rule.init(jnp.zeros(1)), jnp.zeros(1))
    return float(direction[0])


def factor(step: Any) -> Any:
    """By hand: how much longer Adam's step is without the correction."""
    return (1 - B1**step) / np.sqrt(1 - B2**step)


def of_rule(rows: Sequence[Row], rule: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values (seeds, steps))"""
    mine = [row for row in rows if row.get("rule") == rule and key in row]
    steps = sorted({row["step"] for row in mine})
    return np.asarray(steps), np.reshape([row[key] for row in mine], (-1, len(steps)))


def curve(rows: Sequence[Row], side: str, rate: float) -> tuple[list[int], np.ndarray]:
    """(steps, losses (seeds, steps))"""
    mine = [row for row in rows if row.get("side") == side and row["rate"] == rate]
    steps = sorted({row["step"] for row in mine})
    return steps, np.asarray(
        [[row["loss"] for row in mine if row["seed"] == seed] for seed in sorted({row["seed"] for row in mine})]
    )


def last(rows: Sequence[Row], side: str) -> dict[float, list[float]]:
    """The loss of every seed at the end, by rate."""
    rates = sorted({row["rate"] for row in rows if row.get("side") == side})
    return {rate: list(np.nan_to_num(curve(rows, side, rate)[1][:, -1], nan=np.inf)) for rate in rates}


def judge(rows: Sequence[Row]) -> Verdict:
    steps, worth = of_rule(rows, "AdaGrad", "worth")
    late = steps >= 10
    slope = mean_of([float(np.polyfit(np.log(steps[late]), np.log(each[late]), 1)[0]) for each in worth])
    left = float(np.median(worth[:, -1]))
    kept = float(np.median(of_rule(rows, "RMSProp", "worth")[1][:, -1]))
    long = of_rule(rows, "uncorrected", "length")[1] / of_rule(rows, "corrected", "length")[1]
    off = float(np.max(np.abs(long / factor(steps) - 1)))
    loss = {side: last(rows, side) for side in SIDES}
    rate = {side: min(found, key=lambda r: float(np.median(found[r]))) for side, found in loss.items()}
    common = ratio_of(loss["uncorrected"][rate["corrected"]], loss["corrected"][rate["corrected"]])
    own = ratio_of(loss["uncorrected"][rate["uncorrected"]], loss["corrected"][rate["corrected"]])
    ending = max(row["step"] for row in rows if "side" in row)
    zero = next(row["at_zero"] for row in rows if "at_zero" in row)
    says = (
        f"AdaGrad's rate falls as step^{slope.value:.2f} (interval {slope.low:.2f} to {slope.high:.2f}): after "
        f"{steps[-1]:,} gradients of spread 1 a weight has {left:.3f} of the learning rate, with RMSProp "
        f"{kept:.2f}. With epsilon 0 and no gradient yet AdaGrad's step is {zero:g}. "
        f"Uncorrected, Adam's first step is {np.median(long[:, 0]):.3f} times "
        f"as long and the longest {factor(steps).max():.2f} times (largest deviation from the hand-made factor "
        f"{off:.0e}). A network's loss after {ending} steps is then {common.value:.2f} times ({common.low:.2f} to "
        f"{common.high:.2f}) the corrected form's at that one's best rate {rate['corrected']:g}, and {own.value:.2f} "
        f"times ({own.low:.2f} to {own.high:.2f}) at its own best rate {rate['uncorrected']:g}."
    )
    decays = slope.low < slope.high < 0 and left < 0.1 and np.isnan(zero)
    matters = off < 1e-3 and common.low > 1
    numbers = {
        "AdaGrad's slope": slope,
        "first step uncorrected / corrected": exactly(np.median(long[:, 0])),
        "loss uncorrected / corrected, corrected's best rate": common,
        "loss uncorrected / corrected, own best rates": own,
    }
    against = slope.low > 0 or common.high < 1
    return Verdict(True if decays and matters else False if against else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    decay, lengths, network = figure.subplots(1, 3)
    for index, rule in enumerate(("AdaGrad", "RMSProp")):
        steps, worth = of_rule(rows, rule, "worth")
        decay.plot(steps, np.median(worth, axis=0), label=rule, **style(index))
    decay.plot(steps, 1 / np.sqrt(steps), color=GRAY, lw=1, ls=":", label="1 / √step")
    decay.set(xscale="log", yscale="log", xlabel="step", ylabel="rate of a weight / learning rate")
    decay.set_title("AdaGrad's rate only falls")
    steps, plain = of_rule(rows, "uncorrected", "length")
    _, corrected = of_rule(rows, "corrected", "length")
    lengths.plot(steps, np.median(plain / corrected, axis=0), "o", ms=4, color=style(1)["color"], label="measured")
    fine = np.geomspace(1, steps[-1], 300)
    lengths.plot(fine, factor(fine), color=GRAY, lw=1, label="(1 - 0.9ᵗ) / √(1 - 0.999ᵗ)")
    lengths.axhline(1, color=GRAY, lw=0.8)
    lengths.annotate(f"first step {factor(1):.2f}", (1, factor(1)), (2.2, 2.2), size=9, arrowprops={"arrowstyle": "-"})
    lengths.set(xscale="log", ylim=(0, 7.5), xlabel="step", ylabel="length uncorrected / corrected")
    lengths.set_title("Adam's step without correction")
    for index, side in enumerate(SIDES):
        found = last(rows, side)
        rates = list(found)
        network.plot(rates, [np.median(found[rate]) for rate in rates], marker="o", label=side, **style(index))
        for rate in rates:
            network.plot([rate] * len(found[rate]), found[rate], ".", ms=4, alpha=0.6, color=style(index)["color"])
    ending = max(row["step"] for row in rows if "side" in row)
    network.set(xscale="log", yscale="log", xlabel="learning rate", ylabel=f"validation loss after {ending} steps")
    network.set_title("a network, seeds and medians")


EXPERIMENT = Experiment(
    claim="C9",
    title="AdaGrad's rate decays to nothing; bias correction matters in Adam's first steps",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "stream": 300, "rates": (0.003, 0.01), "steps": 10},
        "quick": {"seeds": 5, "stream": 10_000, "rates": (0.001, 0.003, 0.01, 0.03, 0.1), "steps": 20},
        "full": {"seeds": 10, "stream": 100_000, "rates": (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1), "steps": 40},
    },
    figure_size=(13, 4.2),
)

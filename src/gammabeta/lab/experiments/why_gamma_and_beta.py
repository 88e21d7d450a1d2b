"""C18: why gamma and beta: without them sigmoid works in its linear part and ReLU loses half.

Batch norm before the activation, once whole and once plain, without gamma and beta. Two hidden layers of 100 units on
images: what reaches the activations after training. And one hidden layer of 16 units on a wave of one input, where
plain normalization makes all units the same but for their sign.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLUE, GRAY, ORANGE
from gammabeta.lab.estimate import difference_of, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import after, scaled, where
from gammabeta.nn import PREDICTING, Activation, BatchNorm, Mlp, Sequential, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import Adam, Constant
from gammabeta.plan import Plan

SIDES = {"plain": BatchNorm(scale=False, shift=False), "whole": BatchNorm()}
COLORS = {"plain": ORANGE, "whole": BLUE}
NAMES = {"plain": "without gamma and beta", "whole": "with gamma and beta"}
BINS = np.linspace(-5, 5, 51)
POINTS = np.linspace(-3, 3, 200)


def wave(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(2 * x) * 2**0.5)


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, hidden: tuple[int, ...], steps: int, wave_steps: int
) -> list[Row]:
    """What reaches the activations and how much is learned, for every activation, side and seed; the learned waves."""
    sample = images(data)

    def on_images(case: tuple[str, Any, str, int]) -> list[Row]:
        what, activation, side, seed = case
        layers = Mlp(hidden, activation, SIDES[side], position="before")
        plan = planned(layers.expand(sample.train.input_shape, sample.schema.outputs), SoftmaxCrossEntropy(), seed)
        last = after(steps, plan, sample.train, sample.valid)
        x = scaled(sample.valid)[:1_000]
        inputs = inputs_of_activations(plan.layers, last.state.params, last.state.stats, x)
        line = np.corrcoef(inputs, 1 / (1 + np.exp(-inputs)))[0, 1] ** 2
        of = {"what": what, "activation": activation, "side": side, "seed": seed, "score": last.valid["accuracy"]}
        found = [{**of, "line": float(line), "lost": float(np.mean(inputs <= 0))}]
        shares = np.histogram(inputs, BINS)[0] / inputs.size
        at = zip((BINS[1:] + BINS[:-1]) / 2, shares, strict=True)
        return found + [{**of, "what": "bin", "x": float(x), "y": float(share)} for x, share in at if seed == 0]

    def on_wave(case: tuple[str, Any, str, int]) -> list[Row]:
        what, activation, side, seed = case
        draw = np.random.default_rng(seed)
        x = draw.uniform(-3, 3, (4_096, 1)).astype(np.float32)
        rows = Dataset(x, wave(x).astype(np.float32))
        plan = planned(Mlp((16,), activation, SIDES[side], position="before").expand((1,), 1), SquaredError(), seed)
        valid = Dataset(POINTS[:, None].astype(np.float32), wave(POINTS)[:, None])
        last = after(wave_steps, plan, rows, valid)
        of = {"what": what, "activation": activation, "side": side, "seed": seed, "score": last.valid["r2"]}
        points = POINTS[:, None].astype(np.float32)
        y, _ = plan.layers.apply(last.state.params, last.state.stats, points, PREDICTING)
        at = zip(POINTS, np.asarray(y)[:, 0], strict=True)
        return [of] + [{**of, "what": "point", "x": float(x), "y": float(y)} for x, y in at if seed == 0]

    cases = list(product(("sigmoid", "relu"), SIDES, range(seeds)))
    both = [("images", *case) for case in cases] + [("wave", *case) for case in cases if case[0] == "sigmoid"]
    return sweep(lambda case: on_images(case) if case[0] == "images" else on_wave(case), both)


def planned(layers: Sequential, loss: Any, seed: int) -> Plan:
    return Plan(network=layers, loss=loss, optimizer=Adam(0.01), schedule=Constant(), batch_size=64, seed=seed)


def inputs_of_activations(layers: Any, params: Any, stats: Any, x: Any) -> np.ndarray:
    """What reaches the activations, in predicting mode, flat."""
    found = []
    for layer, part, memory in zip(layers.layers, params, stats, strict=True):
        if isinstance(layer, Activation):
            found.append(np.asarray(x).ravel())
        x, _ = layer.apply(part, memory, x, PREDICTING)
    return np.concatenate(found)


def of(rows: Sequence[Row], what: str, activation: str, side: str, name: str) -> list[float]:
    """Of every seed."""
    return [row[name] for row in where(rows, what=what, activation=activation, side=side)]


def judge(rows: Sequence[Row]) -> Verdict:
    line = {side: mean_of(of(rows, "images", "sigmoid", side, "line")) for side in SIDES}
    lost = {side: mean_of(of(rows, "images", "relu", side, "lost")) for side in SIDES}
    right = {
        activation: {side: mean_of(of(rows, "images", activation, side, "score")) for side in SIDES}
        for activation in ("sigmoid", "relu")
    }
    fit_of = {side: of(rows, "wave", "sigmoid", side, "score") for side in SIDES}
    gain = difference_of(fit_of["whole"], fit_of["plain"])
    numbers = {
        "share of a sigmoid that a straight line explains, plain": line["plain"],
        "share of a sigmoid that a straight line explains, whole": line["whole"],
        "share that ReLU loses, plain": lost["plain"],
        "share that ReLU loses, whole": lost["whole"],
        "R2 on the wave, gained by gamma and beta": gain,
    }
    on_images = ", ".join(
        f"{found['plain'].value:.1%} plain and {found['whole'].value:.1%} whole ({name})"
        for name, found in right.items()
    )
    says = (
        f"Without gamma and beta a straight line explains {line['plain'].value:.1%} of what the sigmoids do, with them "
        f"{line['whole'].value:.1%}; ReLU loses {lost['plain'].value:.0%} without and {lost['whole'].value:.0%} with "
        f"them. On the wave of one input 16 sigmoids reach an R2 of {np.mean(fit_of['plain']):.2f} without and "
        f"{np.mean(fit_of['whole']):.2f} with them; on images they change less: right are {on_images}."
    )
    linear, half = line["plain"].low > 0.95, lost["plain"].low > 0.4 and lost["plain"].high < 0.6
    refuted = line["plain"].high < 0.95 or lost["plain"].high < 0.4 or lost["plain"].low > 0.6 or gain.high < 0
    return Verdict(False if refuted else True if linear and half and gain.low > 0 else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    *inputs, last = figure.subplots(1, 3)
    for axes, activation in zip(inputs, ("sigmoid", "relu"), strict=True):
        for side, color in COLORS.items():
            bins = where(rows, what="bin", activation=activation, side=side)
            x, y = [row["x"] for row in bins], [row["y"] for row in bins]
            axes.fill_between(x, y, step="mid", alpha=0.25, color=color)
            axes.step(x, y, where="mid", color=color, lw=1.5, ls="-" if side == "whole" else "--")
        top = 1.25 * max(row["y"] for row in where(rows, what="bin", activation=activation))
        curve = 1 / (1 + np.exp(-BINS)) if activation == "sigmoid" else np.maximum(BINS, 0) / BINS.max()
        axes.plot(BINS, top * curve, color=GRAY, lw=1, label=f"{activation}, scaled")
        axes.set(xlabel=f"what reaches the {activation}", ylim=(0, top))
        axes.legend(loc="upper left")
    inputs[0].set(ylabel="share of the values", title="images, after training: sigmoid")
    inputs[1].set(title="images, after training: ReLU")
    last.plot(POINTS, wave(POINTS), color=GRAY, lw=1, label="the wave")
    for side, color in COLORS.items():
        points = where(rows, what="point", side=side)
        x, y = [row["x"] for row in points], [row["y"] for row in points]
        last.plot(x, y, color=color, label=NAMES[side], ls="-" if side == "whole" else "--")
    last.set(xlabel="x", ylim=(-1.8, 3.2), title="one input, 16 sigmoids")
    last.legend(loc="upper right")


EXPERIMENT = Experiment(
    claim="C18",
    title="Why gamma and beta: without them sigmoid is nearly linear and ReLU loses half",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "hidden": (30,), "steps": 48, "wave_steps": 64},
        "quick": {"seeds": 2, "hidden": (60,), "steps": 200, "wave_steps": 1_000},
        "full": {"seeds": 8, "hidden": (100, 100), "steps": 1_500, "wave_steps": 10_000},
    },
    figure_size=(12, 4.2),
    compiles_most=True,
)

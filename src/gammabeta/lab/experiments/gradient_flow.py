"""C16: batch norm improves gradient flow, and pays more in deeper networks.

Networks of equal layers of 64 units, with batch norm before the activation and without. Before training: the norm of
the gradient of every hidden layer's weights, and how many powers of ten lie between the largest and the smallest of a
network. Then a fixed number of steps of plain descent at each depth, each side at its own best rate of one grid.

Expected for ReLU is the contrary: He's weights keep its gradients already, and batch norm multiplies them by
sqrt(pi / (pi - 1)) = 1.21 from layer to layer on their way back (Yang 2019).
"""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import WITH, WITHOUT, legend_below
from gammabeta.lab.estimate import Estimate, difference_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import after, best, descent, drawn, scaled, values, where
from gammabeta.nn import BatchNorm, Call, Dense, Mlp, Sequential, SoftmaxCrossEntropy

SIDES = {"with": BatchNorm(), "without": None}
LOOKS = {"with": WITH, "without": WITHOUT}
BATCH = 60


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    activations: Sequence[Any],
    flows: Sequence[int],
    depths: Sequence[int],
    rates: Sequence[float],
    steps: int,
) -> list[Row]:
    """Gradients layer by layer at the depths ``flows``, and the accuracy at every rate at the depths ``depths``."""
    sample = images(data)
    outputs = sample.schema.outputs

    def network(activation: Any, side: str, depth: int) -> Sequential:
        of = Mlp((64,) * depth, activation, SIDES[side], position="before")
        return of.expand(sample.train.input_shape, outputs)

    def flow(case: tuple[Any, str, int]) -> list[Row]:
        rows: list[Row] = []
        for seed in range(seeds):
            norms = gradients(network(*case), sample.train, seed)
            named = dict(zip(("activation", "side", "depth"), case, strict=True)) | {"seed": seed}
            rows += [{**named, "layer": layer, "gradient": norm} for layer, norm in enumerate(norms, 1)]
        return rows

    def train(case: tuple[Any, str, int]) -> list[Row]:
        rows: list[Row] = []
        for rate, seed in product(rates, range(seeds)):
            layers = network(*case)
            start = drawn(layers, sample.train, seed)
            plan = descent(layers, rate, seed, BATCH)
            accuracy = after(steps, plan, sample.train, sample.valid, start=start).valid["accuracy"]
            named = dict(zip(("activation", "side", "depth"), case, strict=True)) | {"seed": seed}
            rows.append({**named, "rate": rate, "accuracy": accuracy, "steps": steps})
        return rows

    deepest_first = sorted(product(activations, SIDES, depths), key=lambda case: -case[2])
    return sweep(flow, list(product(activations, SIDES, flows))) + sweep(train, deepest_first)


def gradients(layers: Sequential, data: Dataset, seed: int) -> list[float]:
    """The norm of the gradient of every hidden layer's weights, on one batch, before any step."""
    start = drawn(layers, data, seed)
    batch = data.take(np.random.default_rng(seed).choice(data.rows, BATCH, replace=False))
    found = gradient(layers, start.params, start.stats, scaled(batch), batch.y)
    dense = [place for place, layer in enumerate(layers.layers) if isinstance(layer, Dense)]
    return [float(jnp.linalg.norm(found[place]["weight"])) for place in dense[:-1]]


# compiled without optimizing: it runs once a seed
@partial(jax.jit, static_argnames="layers", compiler_options={"xla_backend_optimization_level": 0})
def gradient(layers: Sequential, params: Any, stats: Any, x: Any, y: Any) -> Any:
    def objective(params: Any) -> Any:
        outputs, _ = layers.apply(params, stats, x, Call(by_batch=True))
        return jnp.mean(SoftmaxCrossEntropy().rows(outputs, y))

    return jax.grad(objective)(params)


def decades(rows: Sequence[Row], activation: str, side: str, depth: int) -> list[float]:
    """Of every seed: log10 of the largest over the smallest gradient of the hidden layers behind the first.

    What underflowed to 0 counts as 1e-38, the least of float32: then the number is a lower bound.
    """
    mine = [row for row in where(rows, activation=activation, side=side, depth=depth) if row.get("layer", 0) > 1]
    runs = [[max(row["gradient"], 1e-38) for row in where(mine, seed=seed)] for seed in values(mine, "seed")]
    return [float(np.log10(max(run) / min(run))) for run in runs]


def trained(rows: Sequence[Row], activation: str, side: str, depth: int) -> tuple[float, list[float]]:
    """(best rate, accuracies of the seeds at it)"""
    mine = [row for row in where(rows, activation=activation, side=side, depth=depth) if "rate" in row]
    rate = best(mine, "rate", lambda row: float(row["accuracy"]))
    return rate, [row["accuracy"] for row in where(mine, rate=rate)]


def depths_of(rows: Sequence[Row], what: str) -> list[int]:
    return sorted({row["depth"] for row in rows if what in row})


def judge(rows: Sequence[Row]) -> Verdict:
    numbers: dict[str, Estimate] = {}
    says = []
    deep, (shallow, *_, deepest) = depths_of(rows, "gradient")[-1], depths_of(rows, "rate")
    for activation in values(rows, "activation"):
        apart = {side: decades(rows, activation, side, deep) for side in SIDES}
        ends = {(s, d): trained(rows, activation, s, d)[1] for s in SIDES for d in (shallow, deepest)}
        gain = {
            d: [w - o for w, o in zip(ends["with", d], ends["without", d], strict=True)] for d in (shallow, deepest)
        }
        numbers[f"{activation}: powers of ten between gradients, less with"] = difference_of(
            apart["without"], apart["with"]
        )
        numbers[f"{activation}: gain in accuracy, deeper - shallower"] = difference_of(gain[deepest], gain[shallow])
        says.append(
            f"{activation}: the gradients of {deep} layers lie {np.mean(apart['with']):.1f} powers of ten apart with "
            f"batch norm and {np.mean(apart['without']):.1f} without; batch norm adds "
            f"{100 * np.mean(gain[shallow]):.1f} points of accuracy at {shallow} layers and "
            f"{100 * np.mean(gain[deepest]):.1f} at {deepest}."
        )
    holds = True if all(found.low > 0 for found in numbers.values()) else None
    return Verdict(False if any(found.high < 0 for found in numbers.values()) else holds, " ".join(says), numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    activations = values(rows, "activation")
    panels = figure.subplots(1, 2, squeeze=False) if len(activations) == 1 else figure.subplots(2, len(activations)).T
    for (flows, ends), activation in zip(panels, activations, strict=True):
        for side, depth in product(("without", "with"), depths_of(rows, "gradient")):
            mine = [row for row in where(rows, activation=activation, side=side, depth=depth) if "layer" in row]
            layers = values(mine, "layer")
            norms = [np.median([row["gradient"] for row in where(mine, layer=layer)]) for layer in layers]
            flows.plot(layers, norms, marker=".", **LOOKS[side])
        flows.xaxis.get_major_locator().set_params(integer=True)
        flows.set(yscale="log", xlabel="hidden layer", title=f"{activation}: before training")
        depths = depths_of(rows, "rate")
        for side in ("without", "with"):
            of = [trained(rows, activation, side, depth)[1] for depth in depths]
            ends.errorbar(
                depths,
                [np.mean(each) for each in of],
                np.maximum(0, [[np.mean(each) - min(each), max(each) - np.mean(each)] for each in of]).T,
                marker="o",
                label=f"{side} batch norm",
                **LOOKS[side],
            )
        steps = max(row.get("steps", 0) for row in rows)
        ends.set(ylim=(0, 1.03), xlabel="hidden layers", title=f"{activation}: after {steps:,} steps", xticks=depths)
    legend_below(figure, panels[0][1])
    panels[0][0].set(ylabel="norm of the gradient")
    panels[0][1].set(ylabel="validation accuracy")


EXPERIMENT = Experiment(
    claim="C16",
    title="Batch norm improves gradient flow, and pays more in deeper networks",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {
            "seeds": 2,
            "activations": ("sigmoid",),
            "flows": (4,),
            "depths": (1, 3),
            "rates": (0.3,),
            "steps": 60,
        },
        "quick": {
            "seeds": 2,
            "activations": ("sigmoid", "relu"),
            "flows": (6,),
            "depths": (1, 3),
            "rates": (0.1, 1.0),
            "steps": 150,
        },
        "full": {
            "seeds": 5,
            "activations": ("sigmoid", "tanh", "relu"),
            "flows": (5, 10, 20, 40),
            "depths": (2, 5, 10, 20),
            "rates": (0.03, 0.1, 0.3, 1.0),
            "steps": 500,
        },
    },
    figure_size=(11, 5),
    compiles_most=True,
)

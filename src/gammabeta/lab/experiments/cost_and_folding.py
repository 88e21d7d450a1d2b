"""C6: batch norm costs time per step and at prediction; folding takes the latter away.

Three hidden ReLU layers of each width. A step is timed inside ``fit``, a prediction as a compiled call. The rivals take
turns, one at a time and in changing order, so that what else the machine does meets them alike; of a turn counts its
fastest stretch, which was disturbed least. Medians over the turns.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.drawing import BLUE, GREEN, ORANGE, legend_below
from gammabeta.lab.estimate import Estimate, exactly, median_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.training import after, values, where
from gammabeta.model import fold
from gammabeta.nn import PREDICTING, BatchNorm, Mlp, SoftmaxCrossEntropy
from gammabeta.optim import Constant, Sgd
from gammabeta.plan import Plan
from gammabeta.train import Progress, fit

FEATURES, CLASSES, BATCH = 64, 10, 128
PREDICTED = 2_048
"""Rows of a timed prediction."""


def measure(data: Path | None, sweep: Sweep, *, widths: Sequence[int], turns: int, steps: int) -> list[Row]:
    """Seconds of a step and of a prediction for every width, rival and turn; ``data`` plays no part."""
    return sweep(lambda width: timed(width, turns, steps), widths, at_once=1)


def timed(width: int, turns: int, steps: int) -> list[Row]:
    draw = np.random.default_rng(width)
    x = draw.normal(3, 4, (BATCH * steps, FEATURES)).astype(np.float32)
    train = Dataset(x, draw.integers(0, CLASSES, len(x)).astype(np.int32))
    plans = {side: planned(width, norm) for side, norm in (("with", BatchNorm()), ("without", None))}
    fits = {side: step_times(plan, train) for side, plan in plans.items()}
    calls, apart = predictions(plans, train)
    rows: list[Row] = []
    for turn in range(turns):
        of = {"width": width, "turn": turn, "difference": apart}
        for side in draw.permutation(list(fits)):
            rows.append({**of, "what": "step", "rival": str(side), "seconds": next(fits[side])})
        for name, fastest in side_by_side(calls, draw).items():
            rows.append({**of, "what": "prediction", "rival": name, "seconds": fastest})
    return rows


def planned(width: int, norm: BatchNorm | None) -> Plan:
    network = Mlp((width,) * 3, normalization=norm).expand((FEATURES,), CLASSES)
    # a rate that changes little: how long a step takes does not depend on it
    return Plan(
        network=network,
        loss=SoftmaxCrossEntropy(),
        optimizer=Sgd(1e-3),
        schedule=Constant(),
        epochs=100_000,
        batch_size=BATCH,
    )


def step_times(plan: Plan, train: Dataset) -> Any:
    """Seconds of one step, again and again: in the fastest compiled stretch of an epoch."""
    told: list[tuple[float, Progress]] = []
    for epoch in fit(plan, train, probe=None, on_progress=lambda told_: told.append((time.perf_counter(), told_))):
        training = [(when, progress.done) for when, progress in told if progress.phase == "training"]
        told.clear()
        if epoch.number > 1:  # the first has compiled
            yield min((b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(training))


def predictions(plans: dict[str, Plan], train: Dataset) -> tuple[dict[str, Callable[[], Any]], float]:
    """A compiled call for every rival, and the largest difference that folding makes, relative to the outputs."""
    x = jax.device_put(np.resize(train.x, (PREDICTED, FEATURES)))
    calls: dict[str, Callable[[], Any]] = {}
    for side, plan in plans.items():
        state = after(5, plan, train, None).state
        rivals = {side: (plan.layers, state.params, state.stats)}
        if side == "with":
            rivals["folded"] = fold(*rivals[side])
        for name, (network, params, stats) in rivals.items():
            program = jax.jit(lambda p, s, network=network: network.apply(p, s, x, PREDICTING)[0])
            calls[name] = lambda program=program, p=params, s=stats: program(p, s).block_until_ready()  # type: ignore[misc]
    unfolded, folded = calls["with"](), calls["folded"]()
    calls["without"]()
    return calls, float(abs(unfolded - folded).max() / abs(unfolded).max())


def side_by_side(calls: dict[str, Callable[[], Any]], draw: np.random.Generator) -> dict[str, float]:
    """Seconds of the fastest of ten calls of each rival, which take turns call by call."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(10):
        for name in draw.permutation(list(calls)):
            start = time.perf_counter()
            calls[str(name)]()
            found[str(name)].append(time.perf_counter() - start)
    return {name: min(all_of_it) for name, all_of_it in found.items()}


def times(rows: Sequence[Row], what: str, rival: str, width: int) -> list[float]:
    return [row["seconds"] for row in where(rows, what=what, rival=rival, width=width)]


RATIOS = {
    "a step with batch norm": ("step", "with", "without"),
    "a prediction with batch norm": ("prediction", "with", "without"),
    "a prediction, folded": ("prediction", "folded", "without"),
    "folded, over unfolded": ("prediction", "folded", "with"),
}
"""What is timed, and whose time is divided by whose."""


def over_widths(rows: Sequence[Row], what: str, rival: str, other: str) -> Estimate:
    """The ratio of a turn, its geometric mean over the widths: the median over the turns."""
    parts = [[times(rows, what, name, width) for width in values(rows, "width")] for name in (rival, other)]
    return median_of(list(np.exp(np.mean(np.log(parts[0]) - np.log(parts[1]), axis=0))))


def judge(rows: Sequence[Row]) -> Verdict:
    numbers = {name: over_widths(rows, *of) for name, of in RATIOS.items()}
    step, prediction, folded, gain = numbers.values()
    apart = max(row["difference"] for row in rows)
    numbers["largest relative difference after folding"] = exactly(apart)
    says = (
        f"With batch norm a step takes {step} times as long as without, a prediction {prediction} times, and folded "
        f"{folded} times: {gain} of what it takes unfolded. That is over layers of "
        f"{', '.join(str(width) for width in values(rows, 'width'))} units. Folding changes the outputs by {apart:.1g} "
        "of the largest, at most."
    )
    holds = True if step.low > 1 and prediction.low > 1 and gain.high < 1 else None
    refuted = step.high < 1 or prediction.high < 1 or gain.low > 1 or apart > 1e-5
    return Verdict(False if refuted else holds, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    both = figure.subplots(1, 2, sharey=True)
    widths = values(rows, "width")
    looks = {"with": (BLUE, "o", "with batch norm"), "folded": (GREEN, "s", "with batch norm, folded")}
    for axes, what, unit, name in zip(both, ("step", "prediction"), (1e6, 1e3), ("\N{MICRO SIGN}s", "ms"), strict=True):
        axes.axhline(1, color=ORANGE, ls="--", label="without")
        rivals = [rival for rival in looks if times(rows, what, rival, widths[0])]
        for index, rival in enumerate(rivals):
            color, marker, label = looks[rival]
            found = [ratio_of(times(rows, what, rival, w), times(rows, what, "without", w)) for w in widths]
            at = np.arange(len(widths)) + 0.16 * (index - (len(rivals) - 1) / 2)
            reach = [[ratio.value - ratio.low for ratio in found], [ratio.high - ratio.value for ratio in found]]
            axes.errorbar(at, [ratio.value for ratio in found], reach, fmt=marker, ms=8, color=color, label=label)
            for place, ratio in zip(at, found, strict=True):
                axes.annotate(
                    f"{ratio.value:.2f}",
                    (place, ratio.value),
                    (-8 if rival == "with" else 8, 0),
                    textcoords="offset points",
                    size=9,
                    va="center",
                    ha="right" if rival == "with" else "left",
                )
        without = [unit * np.median(times(rows, what, "without", width)) for width in widths]
        ticks = [
            f"3 x {width}\n{base:{'.0f' if base > 100 else '.2g'}} {name}"
            for width, base in zip(widths, without, strict=True)
        ]
        axes.set_xticks(range(len(widths)), ticks)
        axes.set(xlim=(-0.6, len(widths) - 0.4), xlabel="hidden units, and the time without batch norm")
        axes.grid(axis="x", visible=False)
    legend_below(figure, both[1])
    both[0].set(ylabel="time, over that without batch norm", title=f"a training step, {BATCH} rows")
    both[1].set(title=f"a prediction, {PREDICTED:,} rows")


EXPERIMENT = Experiment(
    claim="C6",
    title="Batch norm costs time per step and at prediction; folding takes the latter away",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"widths": (32,), "turns": 3, "steps": 128},
        "quick": {"widths": (128,), "turns": 8, "steps": 256},
        "full": {"widths": (64, 128, 256, 512), "turns": 25, "steps": 640},
    },
)

"""C13: a pretrained network learns a related task with less data and in fewer steps.

A network learns one half of the digits, 0 to 4, and goes on with the other half, 5 to 9, of which there are few rows:
its hidden layer is taken over, the head is new. Beside it the same network starts from scratch, on the same rows, in
the same order, each side at the best rate of one grid.
"""

from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Images, Schema, Table, as_data
from gammabeta.lab.drawing import WITH, WITHOUT, band
from gammabeta.lab.estimate import Estimate, difference_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.lab.training import values, where
from gammabeta.model import learn
from gammabeta.nn import Mlp, SoftmaxCrossEntropy
from gammabeta.optim import AdamW, Constant
from gammabeta.plan import Plan
from gammabeta.train import Start, fit
from gammabeta.transfer import continued, graft

SIDES = ("pretrained", "from scratch")
SHORT = 0.02
"""How far from the end of the network from scratch the steps are counted to."""
PLAN = Plan(
    network=Mlp((64,)),
    loss=SoftmaxCrossEntropy(),
    optimizer=AdamW(3e-3),
    schedule=Constant(),
    batch_size=16,
)


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rows: Sequence[int],
    rates: Sequence[float],
    steps: int,
    every: int,
    pretrained: int = 30,
) -> list[Row]:
    """Validation accuracy on the second half of the classes over the steps, for every side, number of rows and rate.

    pretrained: epochs on the first half
    """
    first, second = halves(data)
    schema = Schema.fit(first[0], "digit")
    source = learn(PLAN.replace(epochs=pretrained), schema, *(schema.encode(part) for part in first)).model
    schema = continued(Schema.fit(second[0], "digit"), schema)
    train, valid = (schema.encode(part) for part in second)

    def one(case: tuple[str, int, float, int]) -> list[Row]:
        side, count, rate, seed = case
        chosen = np.random.default_rng(seed).permutation(train.rows)[:count]
        plan = PLAN.replace(optimizer=AdamW(rate), epochs=steps, seed=seed).expanded(train.input_shape, schema.outputs)
        found = graft(source, plan, schema)
        start = Start(found.params, found.stats) if side == "pretrained" else None
        made: list[Row] = []
        for epoch in fit(plan, train.take(chosen), valid, probe=None, measure_every=every, start=start):
            made.append(
                {
                    "side": side,
                    "rows": count,
                    "rate": rate,
                    "seed": seed,
                    "step": epoch.steps,
                    "accuracy": epoch.valid["accuracy"],
                }
            )
            if epoch.steps >= steps:
                break
        return made

    return sweep(one, list(product(SIDES, rows, rates, range(seeds))))


def halves(data: Path | None) -> list[list[Table | Images]]:
    """[train, valid] of the first and of the second half of the classes, pixels as columns of a table."""
    sample = images(data, rows=2_000)
    found = []
    for low, high in ((0, 5), (5, 10)):
        tables = []
        for part in (sample.train, sample.valid):
            labels = np.asarray(part.y)
            mine = np.flatnonzero((labels >= low) & (labels < high))[:2_000]
            pixels = np.asarray(part.x)[mine].reshape(len(mine), -1).astype(np.float32) / 255
            columns = {f"pixel{i}": column for i, column in enumerate(pixels.T)}
            tables.append(as_data({**columns, "digit": np.array([f"digit {y}" for y in labels[mine]])}))
        found.append(tables)
    return found


def judge(rows: Sequence[Row]) -> Verdict:
    counts = values(rows, "rows")
    equal = difference_of(*(ends(rows, side, counts) for side in SIDES))
    less = difference_of(ends(rows, SIDES[0], counts[:-1]), ends(rows, SIDES[1], counts[1:]))
    steps = {count: ratio_of(*needed(rows, count)) for count in counts}
    right = ", ".join(
        f"{count} rows {' and '.join(f'{np.mean(ends(rows, side, [count])):.1%}' for side in SIDES)}"
        for count in counts
    )
    pairs = ", ".join(f"{few} against {more}" for few, more in pairwise(counts))
    says = (
        f"Right in the end, pretrained and from scratch: {right}; on the same rows {in_points(equal)} points more. "
        f"Less data: pretrained on the fewer rows ({pairs}) it differs by {in_points(less)} points from "
        f"the other on the more, so that it {answer(less.low > 0, less.high < 0)} replace them. Fewer steps: what a "
        f"network from scratch comes to but for {100 * SHORT:g} points takes the pretrained one "
        f"{', '.join(f'{ratio} of the steps with {count} rows' for count, ratio in steps.items())}: it "
        f"{answer(all(r.high < 1 for r in steps.values()), any(r.low > 1 for r in steps.values()))} take fewer."
    )
    held = less.low > 0 and all(ratio.high < 1 for ratio in steps.values())
    refuted = less.high < 0 or any(ratio.low > 1 for ratio in steps.values())
    numbers = {"same rows: right, pretrained - scratch": equal, "fewer rows pretrained - more from scratch": less}
    numbers |= {f"steps with {count} rows, pretrained / scratch": ratio for count, ratio in steps.items()}
    return Verdict(True if held else False if refuted else None, says, numbers)


def in_points(found: Estimate) -> str:
    return f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f}, n={found.n})"


def answer(yes: bool, no: bool) -> str:
    return "does" if yes else "does not" if no else "does not surely"


def ends(rows: Sequence[Row], side: str, counts: Sequence[int]) -> list[float]:
    """Of every seed: the accuracy over the second half of the steps, its mean over the numbers of rows."""
    return list(np.mean([settled(by_seed(rows, side, count)[1]) for count in counts], axis=0))


def settled(curves: np.ndarray) -> np.ndarray:
    """(seeds,) from accuracies (seeds, measurements)."""
    return np.asarray(curves[:, curves.shape[1] // 2 :].mean(axis=1))


def needed(rows: Sequence[Row], count: int) -> list[list[float]]:
    """By side, of every seed: the steps to what this seed comes to from scratch, but for SHORT."""
    goals = settled(by_seed(rows, SIDES[1], count)[1]) - SHORT
    found = []
    for side in SIDES:
        at, curves = by_seed(rows, side, count)
        there = curves >= goals[:, None]
        found.append(list(np.where(there.any(axis=1), at[there.argmax(axis=1)], np.inf)))
    return found


def by_seed(rows: Sequence[Row], side: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, accuracies (seeds, measurements)) at the side's best rate."""
    mine = where(rows, side=side, rows=count)
    mine = where(mine, rate=best_rate(rows, side, count))
    steps = values(mine, "step")
    return np.array(steps), np.reshape([row["accuracy"] for row in mine], (-1, len(steps)))


def best_rate(rows: Sequence[Row], side: str, count: int) -> float:
    """Of the highest mean accuracy over all of its steps: soon right, and right in the end."""
    mine = where(rows, side=side, rows=count)
    return float(max(values(mine, "rate"), key=lambda rate: np.mean([r["accuracy"] for r in where(mine, rate=rate)])))


def draw(rows: Sequence[Row], figure: Any) -> None:
    counts = values(rows, "rows")
    panels = np.atleast_1d(figure.subplots(1, len(counts), sharey=True))
    for axes, count in zip(panels, counts, strict=True):
        for side, look in zip(SIDES, (WITH, WITHOUT), strict=True):
            at, curves = by_seed(rows, side, count)
            band(axes, list(at), curves, f"{side}, rate {best_rate(rows, side, count):g}", **look)
        axes.set(title=f"{count} rows of the new digits", xlabel="steps", xscale="log")
        axes.legend(loc="lower right", fontsize=9)
    panels[0].set_ylabel("validation accuracy")


EXPERIMENT = Experiment(
    claim="C13",
    title="A pretrained network learns a related task with less data and in fewer steps",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rows": (20, 40), "rates": (1e-2,), "steps": 20, "every": 4, "pretrained": 4},
        "quick": {"seeds": 3, "rows": (30, 60), "rates": (3e-3, 1e-2), "steps": 80, "every": 4, "pretrained": 15},
        "full": {"seeds": 12, "rows": (20, 40, 80, 160), "rates": (1e-3, 3e-3, 1e-2, 3e-2), "steps": 200, "every": 4},
    },
    figure_size=(12, 4.5),
)

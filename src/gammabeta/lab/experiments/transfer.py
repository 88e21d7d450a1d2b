"""C13: a pretrained network learns a related task with less data and in fewer steps.

A network learns one half of the digits, 0 to 4, and goes on with the other half, 5 to 9, of which there are few rows:
its hidden layer is taken over, the head is new. Beside it the same network starts from scratch, on the same rows, in
the same order, each side at the best rate of one grid.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import Images, Schema, Table, as_data
from gammabeta.lab.drawing import WITH, WITHOUT, band
from gammabeta.lab.estimate import difference_of, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images
from gammabeta.model import learn
from gammabeta.nn import Mlp, SoftmaxCrossEntropy
from gammabeta.optim import AdamW, Constant
from gammabeta.plan import Plan
from gammabeta.train import Start, fit
from gammabeta.transfer import continued, graft

SIDES = ("pretrained", "from scratch")
PLAN = Plan(
    network=Mlp((64,)),
    loss=SoftmaxCrossEntropy(),
    optimizer=AdamW(3e-3),
    schedule=Constant(),
    epochs=30,
    batch_size=16,
)


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, rows: Sequence[int], rates: Sequence[float], steps: int, every: int
) -> list[Row]:
    """Validation accuracy on the second half of the classes over the steps, for every side, number of rows and rate."""
    first, second = halves(data)
    schema = Schema.fit(first[0], "digit")
    source = learn(PLAN, schema, *(schema.encode(part) for part in first)).model
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
    few = min(row["rows"] for row in rows)
    rate = {side: best_rate(rows, side, few) for side in SIDES}
    curves = {side: by_seed(rows, side, few, rate[side]) for side in SIDES}
    middle = {side: curve[:, : max(1, curve.shape[1] // 2)].mean(axis=1) for side, curve in curves.items()}
    ahead = difference_of(middle["pretrained"], middle["from scratch"])
    at = np.array(sorted({row["step"] for row in rows if row["rows"] == few}))
    goal = float(np.median(curves["from scratch"].max(axis=1))) - 0.02
    needed = {side: [reached(at, curve, goal) for curve in curves[side]] for side in SIDES}
    steps = ratio_of(needed["pretrained"], needed["from scratch"])
    says = (
        f"With {few} rows of the new digits, the pretrained network is right on {middle['pretrained'].mean():.1%} "
        f"over the "
        f"first half of the steps and the other on {middle['from scratch'].mean():.1%}, a difference of {ahead}. "
        f"{goal:.0%} come after {np.median(needed['pretrained']):.0f} steps (rate {rate['pretrained']:g}) against "
        f"{np.median(needed['from scratch']):.0f} (rate {rate['from scratch']:g}), a ratio of {steps}."
    )
    holds = True if steps.high < 1 and ahead.value > 0 else False if steps.low > 1 else None
    return Verdict(holds, says, {"difference": ahead, "ratio_of_steps": steps})


def reached(at: np.ndarray, curve: np.ndarray, goal: float) -> float:
    return float(at[np.argmax(curve >= goal)]) if (curve >= goal).any() else np.inf


def by_seed(rows: Sequence[Row], side: str, count: int, rate: float) -> np.ndarray:
    """Accuracies (seeds, measurements)."""
    mine = [row for row in rows if (row["side"], row["rows"], row["rate"]) == (side, count, rate)]
    return np.array([[row["accuracy"] for row in mine if row["seed"] == s] for s in sorted({r["seed"] for r in mine})])


def best_rate(rows: Sequence[Row], side: str, count: int) -> float:
    rates: list[float] = sorted({row["rate"] for row in rows})
    return max(rates, key=lambda rate: float(by_seed(rows, side, count, rate).mean()))


def draw(rows: Sequence[Row], figure: Any) -> None:
    counts = sorted({row["rows"] for row in rows})
    panels = np.atleast_1d(figure.subplots(1, len(counts), sharey=True))
    for axes, count in zip(panels, counts, strict=True):
        at = sorted({row["step"] for row in rows if row["rows"] == count})
        for side, look in zip(SIDES, (WITH, WITHOUT), strict=True):
            rate = best_rate(rows, side, count)
            band(axes, at, by_seed(rows, side, count, rate), f"{side}, rate {rate:g}", **look)
        axes.set(title=f"{count} rows of the new digits", xlabel="steps", xscale="log")
        axes.legend(loc="lower right")
    panels[0].set_ylabel("validation accuracy")


EXPERIMENT = Experiment(
    claim="C13",
    title="A pretrained network learns a related task with less data and in fewer steps",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rows": (30,), "rates": (3e-3,), "steps": 40, "every": 4},
        "quick": {"seeds": 4, "rows": (30, 120), "rates": (3e-3, 1e-2), "steps": 120, "every": 4},
        "full": {"seeds": 7, "rows": (20, 60, 200), "rates": (3e-4, 1e-3, 3e-3, 1e-2), "steps": 400, "every": 4},
    },
)

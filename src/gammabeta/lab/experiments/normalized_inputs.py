"""C5: normalized inputs train faster.

A least-squares problem of two weights, its inputs correlated, away from zero and of unequal spread: plain descent from
w = 0 to a thousandth of the loss above the minimum, each side at its own best rate of one grid. Every seed is another
problem; the one of the median number of raw steps is drawn. Normalizing takes away mean and spread, not the
correlation r: the condition number of what is left is (1 + |r|) / (1 - |r|).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.lab.drawing import BLACK, GRAY, WITH, WITHOUT
from gammabeta.lab.estimate import ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.training import where
from gammabeta.moments import observe
from gammabeta.optim import Sgd

SIDES = {"without": WITHOUT, "with": WITH}
ROWS, GOAL = 500, 1e-3
SHOWN = 200
"""Points of a path that are kept."""


def problem(seed: int, normalized: bool) -> tuple[np.ndarray, np.ndarray]:
    """(H, b) of the loss w H w / 2 - b w + constant: the mean of (x w - y)^2 / 2."""
    draw = np.random.default_rng(seed)
    correlation, ratio, offsets = draw.uniform(-0.6, 0.6), 10 ** draw.uniform(0.3, 1.0), draw.uniform(0, 1.5, 2)
    z = draw.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], ROWS)
    y = z @ draw.normal(size=2) + 0.3 * draw.normal(size=ROWS)
    x = (z + offsets) * [1, ratio]
    if normalized:
        _, mean, var = observe(x)
        x = (x - mean) / np.sqrt(var)
    return x.T @ x / ROWS, x.T @ (y - y.mean()) / ROWS


@jax.jit(static_argnames="steps")
def path(rate: Any, h: Any, b: Any, steps: int) -> Any:
    """The weights at every step of plain descent from 0: (steps + 1, 2)."""
    rule = Sgd().direction()
    start = jnp.zeros(2)

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        weights, slots = carry
        towards, slots = rule.update(h @ weights - b, slots, weights)
        weights = weights - rate * towards
        return (weights, slots), weights

    _, made = jax.lax.scan(step, (start, rule.init(start)), length=steps)
    return jnp.concatenate([start[None], made])


def measure(data: Path | None, sweep: Sweep, *, seeds: int, rates: int, steps: int) -> list[Row]:
    """Steps to the goal at the best rate and the condition number, by side and seed; the path of one problem."""
    grid = np.logspace(-4, 1, rates)

    def one(case: tuple[str, int]) -> list[Row]:
        side, seed = case
        h, b = problem(seed, side == "with")
        best = np.linalg.solve(h, b)
        paths = np.asarray(jax.vmap(path, (0, None, None, None))(grid, h, b, steps), np.float64)
        above = np.einsum("psi,ij,psj->ps", paths - best, h, paths - best)
        there = above <= GOAL * above[0, 0]
        needed = np.where(there.any(axis=1), there.argmax(axis=1), np.inf)
        index = int(needed.argmin())
        of = {"side": side, "seed": seed, "rate": float(grid[index]), "needed": float(needed[index])}
        of |= {"condition": float(np.linalg.cond(h)), "h11": h[0, 0], "h12": h[0, 1], "h22": h[1, 1]}
        shown = min(int(min(needed[index], steps)) + 1, SHOWN)
        weights = paths[index][:shown]
        return [
            {**of, "best1": best[0], "best2": best[1], "step": i, "w1": w[0], "w2": w[1]} for i, w in enumerate(weights)
        ]

    rows = sweep(one, [(side, seed) for seed in range(seeds) for side in SIDES])
    starts = sorted(where(rows, side="without", step=0), key=lambda row: float(row["needed"]))
    typical = starts[len(starts) // 2]["seed"]
    return [row for row in rows if row["step"] == 0 or row["seed"] == typical]


def ends(rows: Sequence[Row], side: str, name: str) -> list[float]:
    """Of every problem."""
    return [row[name] for row in where(rows, side=side, step=0)]


def judge(rows: Sequence[Row]) -> Verdict:
    steps = {side: ends(rows, side, "needed") for side in SIDES}
    condition = {side: np.median(ends(rows, side, "condition")) for side in SIDES}
    ratio = ratio_of(steps["with"], steps["without"])
    says = (
        f"Over {len(steps['with'])} problems plain descent needs {np.median(steps['with']):.0f} steps with normalized "
        f"inputs and {np.median(steps['without']):.0f} with raw ones (medians, each at its best rate), a ratio of "
        f"{ratio}. The condition number is {condition['with']:.1f} normalized and {condition['without']:.0f} raw."
    )
    decided = ratio.high < 1 or ratio.low > 1
    return Verdict(ratio.high < 1 if decided else None, says, {"ratio of the steps": ratio})


def draw(rows: Sequence[Row], figure: Any) -> None:
    first, second, third = figure.subplots(1, 3)
    for axes, side in ((first, "without"), (second, "with")):
        drawn = next(row["seed"] for row in rows if row["step"] == 1)
        run = where(rows, side=side, seed=drawn)
        surface(axes, run)
        axes.plot(
            [row["w1"] for row in run], [row["w2"] for row in run], "o-", ms=3, lw=1.2, color=SIDES[side]["color"]
        )
        axes.plot(run[0]["best1"], run[0]["best2"], "*", ms=12, color=BLACK)
        name = "normalized" if side == "with" else "raw"
        axes.set(title=f"{name} inputs: {run[0]['needed']:.0f} steps", xlabel="weight 1", ylabel="weight 2")
    for side, look in SIDES.items():
        name = "normalized" if side == "with" else "raw"
        third.plot(ends(rows, side, "condition"), ends(rows, side, "needed"), "o", color=look["color"], label=name)
    condition = np.geomspace(1.05, max(row["condition"] for row in rows), 100)
    in_theory = np.log(1 / GOAL) / (2 * np.log((condition + 1) / (condition - 1)))
    third.plot(condition, in_theory, color=GRAY, lw=1, label="theory, ideal rate", zorder=0)
    third.set(xscale="log", yscale="log", xlabel="condition number", ylabel="steps", title="every problem")


def surface(axes: Any, run: Sequence[Row]) -> None:
    """Contours of the loss above its minimum, each twice the one inside, around the minimum and the path."""
    of = run[0]
    best = np.array([of["best1"], of["best2"]])
    points = np.array([[row["w1"], row["w2"]] for row in run])
    reach = 1.35 * np.maximum(np.abs(points - best).max(), 1e-9)
    x, y = np.meshgrid(*(np.linspace(center - reach, center + reach, 100) for center in best))
    dx, dy = x - best[0], y - best[1]
    loss = (of["h11"] * dx**2 + 2 * of["h12"] * dx * dy + of["h22"] * dy**2) / 2
    axes.contour(x, y, loss, levels=loss.max() * 2.0 ** np.arange(-12, 0), colors=GRAY, linewidths=0.7)
    axes.set_aspect("equal")
    axes.grid(visible=False)


EXPERIMENT = Experiment(
    claim="C5",
    title="Normalized inputs train faster",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 4, "rates": 21, "steps": 500},
        "quick": {"seeds": 20, "rates": 41, "steps": 3_000},
        "full": {"seeds": 200, "rates": 81, "steps": 10_000},
    },
    figure_size=(12, 4.2),
)

"""C8: the paths of eight ways of descent over a ravine, a saddle and a winding valley.

The ravine is a least-squares problem of 64 rows in two weights, one input six times as wide as the other. The saddle
has its two ways out along one axis; the valley is Beale's function. On those two every row tilts the surface a little,
the tilts adding up to nothing: so that a batch of few rows is noisy there too. From several starts every method walks
at every rate of one grid, and is judged at its best.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.lab.drawing import BLUE, GRAY, ORANGE
from gammabeta.lab.estimate import Estimate, exactly, ratio_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.optim import Adagrad, Adam, Momentum, Nesterov, Optimizer, RMSProp, Sgd

ROWS = 64
PLOTTED = 1_000
"""Steps of a path that are kept, at most."""
SEEN, DRAWN = 12, 100
"""First steps of a path, which are drawn as points, and steps of all of it that the line goes through, about."""
LEVELS = np.geomspace(0.003, 4, 10)
"""Where terraces begin, in heights of the first start."""
METHODS: dict[str, tuple[Optimizer, int]] = {
    "gradient descent": (Sgd(), ROWS),
    "SGD, 1 row": (Sgd(), 1),
    "mini-batch, 8 rows": (Sgd(), 8),
    "momentum": (Momentum(), ROWS),
    "Nesterov": (Nesterov(), ROWS),
    "AdaGrad": (Adagrad(), ROWS),
    "RMSProp": (RMSProp(), ROWS),
    "Adam": (Adam(), ROWS),
}
WITH_MEMORY = ("momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam")
SURFACES = ("ravine", "saddle", "valley")
STARTS = ((-2.5, 0.5), (1.1, 0.02), (0.7, 1.5))
RANGES = (((-3, 2.5), (-1.5, 1.5)), ((-1.4, 1.4), (-1.4, 1.4)), ((-0.7, 4.1), (-1.9, 2.1)))
CHANCE = np.random.default_rng(0)
INPUTS = CHANCE.normal(size=(ROWS, 2)) * (0.3, 2.4)
TARGETS = INPUTS @ (1.5, -0.5) + CHANCE.normal(scale=0.2, size=ROWS)
BOTTOM = np.linalg.lstsq(INPUTS, TARGETS)[0]
LOWEST = (float(np.mean((INPUTS @ BOTTOM - TARGETS) ** 2) / 2), -0.025, 0.0)
GOALS = (0.02, 0.0025, 0.05)
"""The height above the lowest point below which a path must stay to have arrived."""
ENDS = ((tuple(BOTTOM),), ((0, 1), (0, -1)), ((3.0, 0.5),))
TILTS = CHANCE.normal(scale=0.15, size=(ROWS, 2))
TILTS -= TILTS.mean(axis=0)


def ravine(x: Any, y: Any, shares: Any) -> Any:
    """Half the squared error of 64 rows, weighted by ``shares``."""
    return sum(share * (a * x + b * y - t) ** 2 for share, (a, b), t in zip(shares, INPUTS, TARGETS, strict=True)) / 2


def saddle(x: Any, y: Any) -> Any:
    """A saddle at (0, 0) between minima of -0.025 at (0, 1) and (0, -1): steep across, thirty times flatter along."""
    return 1.5 * x**2 - 0.05 * y**2 + 0.025 * y**4


def valley(x: Any, y: Any) -> Any:
    """Beale 1958, with its minimum of 0 at (3, 0.5)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def height(surface: int, x: Any, y: Any) -> Any:
    """Of all rows together, above the lowest point."""
    even = np.full(ROWS, 1 / ROWS)
    return (ravine(x, y, even), saddle(x, y), valley(x, y))[surface] - LOWEST[surface]


def objective(w: Any, surface: Any, shares: Any) -> Any:
    tilt = shares @ TILTS @ w
    errors = INPUTS @ w - TARGETS
    heights = jnp.stack([shares @ errors**2 / 2, saddle(*w) + tilt, valley(*w) + tilt])
    return heights[surface]


@partial(jax.jit, static_argnames="optimizer")
def walked(optimizer: Optimizer, start: Any, surface: Any, rates: Any, shares: Any) -> Any:
    """Every place on the way (rates, starts, steps, 2), from start (starts, 2) and shares (starts, steps, rows)."""
    rule = optimizer.direction()

    def walk(rate: Any, start: Any, shares: Any) -> Any:
        def step(carry: Any, share: Any) -> Any:
            w, slots = carry
            direction, slots = rule.update(jax.grad(objective)(w, surface, share), slots, w)
            w = w - rate * direction
            return (w, slots), w

        return jax.lax.scan(step, (start, rule.init(start)), shares)[1]

    return jax.vmap(jax.vmap(walk, (None, 0, 0)), (0, None, None))(rates, start, shares)


def measure(data: Path | None, sweep: Sweep, *, starts: int, rates: Sequence[float], steps: int) -> list[Row]:
    """Steps to the goal for every surface, method, rate and start; the first start's way at the best rate."""
    del data

    def one(case: tuple[str, int]) -> list[Row]:
        (name, surface), (rule, size) = case, METHODS[case[0]]
        here = {"surface": SURFACES[surface], "method": name}
        chance = np.random.default_rng(1)
        apart = 1 + 0.15 * chance.normal(size=(starts, 2))
        apart[0] = 1
        start = np.asarray(STARTS[surface]) * apart
        shares = (chance.random((starts, steps, ROWS)).argsort(axis=2) < size) / size
        found = walked(rule, jnp.asarray(start), surface, jnp.asarray(rates), jnp.asarray(shares))
        paths = np.asarray(found, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            above = ~(height(surface, paths[..., 0], paths[..., 1]) <= GOALS[surface])
        # the last step that was too high, and one more
        came = ~above[..., -(steps // 10) :].any(axis=2)
        took = np.where(~came, np.inf, steps - above[..., ::-1].argmax(axis=2) + 1)
        rows: list[Row] = [
            {**here, "rate": rate, "start": n, "steps": took[r, n]}
            for r, rate in enumerate(rates)
            for n in range(starts)
        ]
        rate, _ = best(rows, SURFACES[surface], name)
        way = np.concatenate([start[:1], paths[list(rates).index(rate), 0]])
        arrived = min(took[list(rates).index(rate), 0], PLOTTED)
        way = way[: int(arrived) + 1]
        rows += [{**here, "rate": rate, "step": n, "x": float(x), "y": float(y)} for n, (x, y) in enumerate(way)]
        return rows

    return sweep(one, [(name, surface) for name in METHODS for surface in range(len(SURFACES))])


def best(rows: Sequence[Row], surface: str, method: str) -> tuple[float, list[float]]:
    """(rate, steps of every start) where the median over the starts is least."""
    found: dict[float, list[float]] = {}
    for row in rows:
        if (row["surface"], row["method"]) == (surface, method) and "steps" in row:
            found.setdefault(row["rate"], []).append(row["steps"])
    return min(found.items(), key=lambda item: float(np.median(item[1])))


def judge(rows: Sequence[Row]) -> Verdict:
    ratios: dict[str, Estimate] = {}
    told = []
    for surface in SURFACES:
        plain = best(rows, surface, "gradient descent")[1]
        took = {method: float(np.median(best(rows, surface, method)[1])) for method in METHODS}
        told.append(
            f"{surface} {took['gradient descent']:.0f}, " + ", ".join(f"{m} {took[m]:.0f}" for m in WITH_MEMORY)
        )
        for method in WITH_MEMORY:
            if np.isfinite(plain).all():
                ratios[f"{method} / gradient descent, {surface}"] = ratio_of(best(rows, surface, method)[1], plain)
    faster = [estimate.high < 1 for estimate in ratios.values()]
    slower = [name for name, estimate in ratios.items() if estimate.low > 1]
    says = (
        f"Steps until a path has come down for good, gradient descent first: {'; '.join(told)}. "
        f"What remembers gradients is surely faster in {sum(faster)} of {len(faster)} comparisons"
        + (f", and surely slower in {len(slower)} ({', '.join(slower)})." if slower else ", and never surely slower.")
    )
    holds = True if faster and all(faster) else False if slower else None
    return Verdict(holds, says, ratios or {"comparisons": exactly(0)})


def draw(rows: Sequence[Row], figure: Any) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    # gray that shines through is seen on white and on black
    steep = LinearSegmentedColormap.from_list("heights", [(GRAY, 0.0), (GRAY, 0.55)], len(LEVELS) + 1)
    grid = figure.subplots(len(SURFACES), len(METHODS))
    for across, method in enumerate(METHODS):
        for down, surface in enumerate(SURFACES):
            axes = grid[down][across]
            mine = [row for row in rows if (row["surface"], row["method"]) == (surface, method)]
            path = np.asarray([(row["x"], row["y"]) for row in mine if "x" in row])
            rate, took = best(rows, surface, method)
            (low, high), (bottom, top) = RANGES[down]
            x, y = np.meshgrid(np.linspace(low, high, 100), np.linspace(bottom, top, 100))
            terrace = np.searchsorted(height(down, *STARTS[down]) * LEVELS, height(down, x, y))
            # pixels, not contours: those of 24 pictures are a megabyte
            look = {"cmap": steep, "vmin": 0, "vmax": len(LEVELS), "interpolation": "none"}
            axes.imshow(terrace, extent=(low, high, bottom, top), origin="lower", aspect="auto", **look)
            thinned = np.concatenate([path[:SEEN], path[SEEN :: 1 + len(path) // DRAWN]])
            axes.plot(*thinned.T, color=BLUE, lw=1.3)
            axes.plot(*path[:SEEN].T, "o", color=BLUE, ms=1.8, mew=0)
            axes.plot(*path[0], marker="o", ms=5, color=ORANGE)
            for end in ENDS[down]:
                axes.plot(*end, marker="*", ms=8, color=ORANGE, mew=0)
            said = f"{np.median(took):.0f} steps" if np.isfinite(np.median(took)) else "not there"
            axes.set_xlabel(f"{said}, rate {rate:g}", size=8)
            axes.set(xlim=(low, high), ylim=(bottom, top), xticks=(), yticks=())
            axes.grid(visible=False)
            axes.spines[["top", "right"]].set_visible(True)
            if down == 0:
                axes.set_title(method, size=9.5)
            if across == 0:
                axes.set_ylabel(surface, size=10)


EXPERIMENT = Experiment(
    claim="C8",
    title="What remembers gradients comes sooner down a ravine, off a saddle and along a valley",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"starts": 2, "rates": (0.03, 0.3), "steps": 100},
        "quick": {"starts": 7, "rates": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), "steps": 600},
        "full": {
            "starts": 21,
            "rates": (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            "steps": 4_000,
        },
    },
    figure_size=(15, 6.2),
)

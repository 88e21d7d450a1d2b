"""C21: saddle points and local optima: where plain descent stays and what leaves.

The surface 1.5 x^2 - 0.05 y^2 + 0.025 y^4 has a saddle at (0, 0); a walk that starts on the ridge y = 0, or a hair
beside it, has left when |y| > 0.5. The network has 29 weights (2, 3, 3, 2 units) and learns two moons: where all its
weights start equal, its hidden units stay equal, a saddle that no gradient leads off. The eigenvalues of the loss over
all 29 weights tell how much of the surface bends downward on the way.
"""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gammabeta.data import Dataset
from gammabeta.lab.drawing import band, style
from gammabeta.lab.estimate import Estimate, exactly, median_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.nn import (
    PREDICTING,
    Activation,
    ConstantWeights,
    Dense,
    Initializer,
    Layer,
    Sequential,
    SoftmaxCrossEntropy,
    XavierNormal,
)
from gammabeta.optim import Adam, Constant, Momentum, Optimizer, RMSProp, Sgd
from gammabeta.plan import Plan
from gammabeta.train import fit

WALKERS: dict[str, tuple[Optimizer, float]] = {
    "gradient descent": (Sgd(0.1), 0.0),
    "momentum": (Momentum(0.1), 0.0),
    "RMSProp": (RMSProp(0.01), 0.0),
    "Adam": (Adam(0.01), 0.0),
    "gradient descent, noise 0.01": (Sgd(0.1), 0.01),
}
SIDES: dict[str, tuple[float | None, Optimizer, float]] = {
    "equal weights, SGD": (0.5, Sgd(0.3), 0.0),
    "equal weights, Adam": (0.5, Adam(0.01), 0.0),
    "equal weights, SGD, noise 0.02": (0.5, Sgd(0.3), 0.02),
    "random weights, SGD": (None, Sgd(0.3), 0.0),
}
LEFT = 0.5
FLAT = 0.01
"""Share of the largest eigenvalue below which one counts as flat."""


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, offsets: Sequence[float], walk: int, steps: int, every: int
) -> list[Row]:
    """Rows of "walker": steps to leave; rows of "side": loss, apartness of units and curvature along the way."""
    del data
    train, valid = moons(0), moons(1)
    assert train.y is not None
    x, y = train.x[:500], train.y[:500]

    def walker(case: tuple[str, float]) -> list[Row]:
        name, offset = case
        optimizer, noise = WALKERS[name]
        shaken = noise * np.random.default_rng(0).normal(size=(seeds if noise else 1, walk, 2))
        took = np.asarray(steps_to_leave(optimizer, jnp.asarray([0.3, offset]), jnp.asarray(shaken)))
        return [{"walker": name, "offset": offset, "seed": seed, "steps": float(n)} for seed, n in enumerate(took)]

    def one(case: tuple[str, int]) -> list[Row]:
        side, seed = case
        constant, optimizer, noise = SIDES[side]
        plan = Plan(
            network=network(XavierNormal() if constant is None else ConstantWeights(constant)),
            loss=SoftmaxCrossEntropy(),
            optimizer=optimizer,
            schedule=Constant(),
            epochs=steps,
            batch_size=50,
            gradient_noise=noise,
            seed=seed,
        )
        rows: list[Row] = []
        for epoch in fit(plan, train, valid, probe=None):
            if epoch.steps % every:
                continue
            params = epoch.state.params
            apart = max(float(jnp.max(jnp.std(params[layer]["weight"], axis=1))) for layer in (0, 2))
            bends = np.asarray(curvatures(plan.layers, params, x, y))
            down = float(np.mean(bends < -FLAT * np.abs(bends).max()))
            found = {"step": epoch.steps, "loss": epoch.valid["loss"], "apart": apart, "down": down}
            rows.append({"side": side, "seed": seed, **found, "least": float(bends.min())})
            if epoch.steps >= steps:
                break
        return rows

    return sweep(walker, list(product(WALKERS, offsets))) + sweep(one, list(product(SIDES, range(seeds))))


def moons(seed: int) -> Dataset:
    from sklearn.datasets import make_moons

    x, y = make_moons(5_000, noise=0.15, random_state=seed)
    return Dataset((x * 1.5).astype(np.float32), y.astype(np.int32))


def network(initializer: Initializer) -> Sequential:
    """2, 3, 3 and 2 units: 9 + 12 + 8 = 29 weights."""
    hidden = [layer for _ in range(2) for layer in (Dense(3, initializer=initializer), Activation("tanh"))]
    return Sequential((*hidden, Dense(2, initializer=initializer)))


@partial(jax.jit, static_argnames="network")
def curvatures(network: Layer, params: Any, x: Any, y: Any) -> Any:
    """The eigenvalues of the second derivative of the loss over all weights, (weights,)."""
    flat, tree = ravel_pytree(params)

    def loss(flat: Any) -> Any:
        outputs, _ = network.apply(tree(flat), ((),) * 5, x, PREDICTING)
        return jnp.mean(SoftmaxCrossEntropy().rows(outputs, y))

    return jnp.linalg.eigvalsh(jax.hessian(loss)(flat))


@partial(jax.jit, static_argnames="optimizer")
def steps_to_leave(optimizer: Optimizer, start: Any, shaken: Any) -> Any:
    """(walks,) steps until |y| > 0.5, infinite where that never comes; shaken: what is added to each gradient."""
    rule = optimizer.direction()

    def one(shaken: Any) -> Any:
        def step(carry: Any, noise: Any) -> Any:
            w, slots = carry
            gradient = jnp.stack([3 * w[0], -0.1 * w[1] + 0.1 * w[1] ** 3]) + noise
            direction, slots = rule.update(gradient, slots, w)
            w = w - optimizer.learning_rate * direction
            return (w, slots), jnp.abs(w[1]) > LEFT

        _, away = jax.lax.scan(step, (start, rule.init(start)), shaken)
        return jnp.where(away.any(), away.argmax() + 1, jnp.inf)

    return jax.vmap(one)(shaken)


def leaving(rows: Sequence[Row], walker: str) -> dict[float, list[float]]:
    """Steps of every walk, by offset."""
    found: dict[float, list[float]] = {}
    for row in rows:
        if row.get("walker") == walker:
            found.setdefault(row["offset"], []).append(row["steps"])
    return found


def along(rows: Sequence[Row], side: str, key: str) -> tuple[list[int], np.ndarray]:
    """(steps, values (seeds, steps))"""
    mine = [row for row in rows if row.get("side") == side]
    steps = sorted({row["step"] for row in mine})
    return steps, np.reshape([row[key] for row in mine], (-1, len(steps)))


def judge(rows: Sequence[Row]) -> Verdict:
    on_ridge = {name: leaving(rows, name)[0.0] for name in WALKERS}
    *quiet, shaken = WALKERS
    stuck = all(np.isinf(on_ridge[name]).all() for name in quiet)
    offset = min(o for o in leaving(rows, "Adam") if o > 0)
    beside = {name: float(np.median(leaving(rows, name)[offset])) for name in quiet}
    end = {side: along(rows, side, "loss")[1][:, -1] for side in SIDES}
    numbers: dict[str, Estimate] = {
        "steps to leave the ridge, with noise": median_of(on_ridge[shaken]),
        **{f"steps to leave, {name}, from {offset:g} beside": exactly(took) for name, took in beside.items()},
        **{f"loss, {side}": median_of(list(found)) for side, found in end.items()},
    }
    apart = {side: float(np.max(along(rows, side, "apart")[1])) for side in SIDES}
    noisy = numbers["loss, equal weights, SGD, noise 0.02"]
    down = {side: along(rows, side, "down")[1].mean() for side in SIDES}
    says = (
        f"On the ridge itself {', '.join(quiet)} {'never leave' if stuck else 'leave'}; noise of 0.01 on the gradient "
        f"leaves after {np.median(on_ridge[shaken]):.0f} steps. From {offset:g} beside it: "
        f"{', '.join(f'{name} {took:.0f}' for name, took in beside.items())}. Hidden units that start equal differ by "
        f"at most {apart['equal weights, SGD']:.1g} (SGD) and {apart['equal weights, Adam']:.1g} (Adam) and end at a "
        f"loss of {np.median(end['equal weights, SGD']):.3f} and {np.median(end['equal weights, Adam']):.3f}; with "
        f"noise {noisy.value:.3f}, from random weights {np.median(end['random weights, SGD']):.3f}. On average "
        f"{down['equal weights, SGD']:.0%} of the eigenvalues are clearly negative among equal weights, "
        f"{down['random weights, SGD']:.0%} from random ones."
    )
    held = min(end["equal weights, SGD"].min(), end["equal weights, Adam"].min())
    left = bool(np.isfinite(on_ridge[shaken]).all())
    holds = stuck and left and noisy.high < held
    return Verdict(True if holds else None if stuck else False, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    ridge, loss, curvature = figure.subplots(1, 3)
    for index, name in enumerate(WALKERS):
        found = leaving(rows, name)
        least = min(offset for offset in found if offset > 0)
        # "exactly on it" has no place on a logarithmic axis: two decades left of the smallest offset
        places = [offset or least / 100 for offset in found]
        medians = np.asarray([np.median(took) for took in found.values()])
        ridge.plot(places, np.where(np.isfinite(medians), medians, np.nan), marker="o", label=name, **style(index))
    ridge.set(xscale="log", yscale="log", ylim=(10, 40_000), ylabel="steps to leave")
    ridge.set_xlabel("distance from the ridge at the start (left end: 0)")
    ridge.set_title("a saddle; no point: never left")
    ridge.legend(fontsize=8.5, loc="upper right")
    for index, side in enumerate(SIDES):
        for axes, key in ((loss, "loss"), (curvature, "down")):
            steps, curves = along(rows, side, key)
            band(axes, steps, 100 * curves if key == "down" else curves, side, **style(index))
    loss.set(xlabel="steps", ylabel="validation loss", ylim=(0, 0.6))
    loss.set_title("29 weights on two moons")
    loss.legend(fontsize=8.5)
    curvature.set(xlabel="steps", ylabel="eigenvalues clearly below 0 (%)", ylim=(0, 60))
    curvature.set_title("how much bends downward")
    curvature.legend(fontsize=8.5, loc="upper right")


EXPERIMENT = Experiment(
    claim="C21",
    title="On a saddle plain descent stays, and so do momentum and Adam: noise leaves",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "offsets": (0.0, 1e-4), "walk": 1_000, "steps": 200, "every": 100},
        "quick": {"seeds": 3, "offsets": (0.0, 1e-6, 1e-4, 1e-2), "walk": 2_000, "steps": 2_000, "every": 100},
        "full": {
            "seeds": 10,
            "offsets": (0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
            "walk": 10_000,
            "steps": 20_000,
            "every": 200,
        },
    },
    figure_size=(14, 4.4),
)

"""Whether a loss asks for the right answers, seen without any network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.compiling import ONCE
from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.nn import BinnedRegression, ClassLoss, Loss
from gammabeta.serial import lift, lower
from gammabeta.train.metrics import LOWER_IS_BETTER, headline

STEPS, LENGTH = 40, 0.1
UNEQUAL = 1e-3


@dataclass(frozen=True)
class Against:
    """What speaks against a loss; turned: whether descending on it leads away from the answers."""

    turned: bool
    words: str
    numbers: Mapping[str, float]


def says_against(case: Case) -> Against | None:
    """None where the loss asks for what the metric counts, or where it cannot be told."""
    y, outputs = case.probe.y, case.at_start.outputs
    if y is None or not np.isfinite(outputs).all() or not np.isfinite(np.asarray(y, np.float64)).all():
        return None
    # bins are learned from the targets: that loss is the system's own, and needs no test
    if isinstance(case.plan.loss, BinnedRegression):
        return None
    return numbered(case, np.asarray(y)) or descended(case, case.probe, outputs)


def descended(case: Case, data: Dataset, outputs: np.ndarray) -> Against | None:
    """Outputs that move freely down the loss, each by its sign, must not become worse answers than a constant one."""
    loss = case.plan.loss
    skeleton, numbers = lift(loss)
    here, lost = moved_down(skeleton, numbers, np.asarray(outputs, np.float32), np.asarray(data.y))
    fell = float(lost)
    if not np.isfinite(fell) or fell <= 0:
        return None
    before, after = (good(case, np.asarray(loss.predict(x)), data) for x in (outputs, here))
    if not after < before - 1e-6:
        return None
    # what others reach takes a second: it is asked for only where the loss is doubted
    sign = -1 if case.metric in LOWER_IS_BETTER else 1
    if not after < sign * case.references.constant - 1e-6:
        return None
    words = (
        f"outputs that move down the loss without any network give worse answers than before: the {case.metric} goes "
        f"from {sign * before:.3f} to {sign * after:.3f}; its sign is turned, or it asks for something else"
    )
    return Against(True, words, {"before": before, "after": after})


# level 0: it is compiled for every kind of loss, and runs once
@partial(jax.jit, static_argnames="skeleton", compiler_options=ONCE)
def moved_down(
    skeleton: Loss, numbers: Mapping[str, float], outputs: jax.Array, y: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """(outputs after the steps down the summed loss, by how much it fell)."""

    def total(free: jax.Array) -> jax.Array:
        return jnp.sum(lower(skeleton, numbers).rows(free, y))

    def step(_: int, here: jax.Array) -> jax.Array:
        return here - LENGTH * jnp.sign(jax.grad(total)(here))

    end = jax.lax.fori_loop(0, STEPS, step, outputs)
    return end, total(outputs) - total(end)


def good(case: Case, predicted: np.ndarray, data: Dataset) -> float:
    """The headline metric, higher is better."""
    value = headline(case.plan.loss, predicted, data)[1]
    return -value if case.metric in LOWER_IS_BETTER else value


def numbered(case: Case, y: np.ndarray) -> Against | None:
    """Whether the loss of classes changes when they are numbered otherwise, and the outputs with them."""
    loss, k = case.plan.loss, case.at_start.outputs.shape[1]
    if not isinstance(loss, ClassLoss) or k < 3 or y.ndim != 1:
        return None
    outputs = np.random.default_rng(6).normal(0, 1, (len(y), k)).astype(np.float32)
    one = np.asarray(loss.rows(jnp.asarray(outputs), jnp.asarray(y)), np.float64)
    other = loss.rows(jnp.asarray(np.roll(outputs, 1, axis=1)), jnp.asarray((y + 1) % k))
    change = float(np.mean(np.abs(one - np.asarray(other))) / max(float(np.mean(np.abs(one))), 1e-30))
    if not change > UNEQUAL:
        return None
    words = (
        f"the loss changes by {change:.0%} when the classes are numbered otherwise and the outputs with them: it takes "
        "class numbers for amounts"
    )
    return Against(False, words, {"change": change})

"""What most experiments do: train for so many steps by plain descent, and take the best of a grid."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from gammabeta.data import Dataset
from gammabeta.lab.experiment import Row
from gammabeta.nn import Architecture, Layer, SoftmaxCrossEntropy
from gammabeta.optim import Constant, Sgd
from gammabeta.plan import Plan
from gammabeta.train import Epoch, Start, fit


def descent(network: Architecture | Layer, rate: float, seed: int, batch_size: int = 60) -> Plan:
    """Plain descent at one rate, for classes."""
    return Plan(
        network=network,
        loss=SoftmaxCrossEntropy(),
        optimizer=Sgd(rate),
        schedule=Constant(),
        batch_size=batch_size,
        seed=seed,
    )


def scaled(data: Dataset) -> np.ndarray:
    """The inputs as the network sees them: float32, images scaled."""
    x = np.asarray(data.x, np.float32)
    return x if data.offset is None else np.asarray((x - data.offset) * data.factor, np.float32)


def drawn(network: Layer, data: Dataset, seed: int) -> Start:
    """Weights by the network's own initializers, as a start for networks that are otherwise alike.

    Drawn outside of a compiled program: what differs in a scale or a share only is then compiled once.
    """
    fresh = network.init(jax.random.key(seed), data.input_shape)
    return Start(fresh.params, fresh.stats)


def after(steps: int, plan: Plan, train: Dataset, valid: Dataset | None, **options: Any) -> Epoch:
    """The state after ``steps`` steps, or after fewer where the loss was no longer finite; options: those of fit."""
    options = {"probe": None, "measure_every": steps, **options}
    for epoch in fit(plan.replace(epochs=steps), train, valid, **options):
        if epoch.ended or epoch.steps >= steps:
            return epoch
    raise AssertionError("a fit ends with an epoch that says so")


def where(rows: Iterable[Row], /, **equal: Any) -> list[Row]:
    """The rows that have these values."""
    return [row for row in rows if all(row[name] == value for name, value in equal.items())]


def values(rows: Sequence[Row], name: str) -> list[Any]:
    """What the rows have there, each once, in order of appearance."""
    return list(dict.fromkeys(row[name] for row in rows))


def best(
    rows: Sequence[Row], choice: str, score: Callable[[Row], float], middle: Callable[[np.ndarray], Any] = np.median
) -> Any:
    """The value of ``choice`` whose rows have the highest middle score; a score that is no number counts as worst.

    It is chosen on the rows that are reported afterwards: what each side shows is a little better than on new rows, on
    all sides alike.
    """

    def of(value: Any) -> float:
        scores = np.asarray([score(row) for row in where(rows, **{choice: value})], np.float64)
        return float(middle(np.where(np.isnan(scores), -np.inf, scores)))

    return max(values(rows, choice), key=of)

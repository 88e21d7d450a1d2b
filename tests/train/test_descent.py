"""Batch, mini-batch and stochastic gradient descent are one loop at three batch sizes, and equal to NumPy."""

from collections.abc import Sequence

import jax
import numpy as np
import pytest
from tests.train.problems import CLASSES, FEATURES, dataset

from gammabeta.data.dataset import Dataset
from gammabeta.nn import Activation, Dense, Sequential, SoftmaxCrossEntropy
from gammabeta.optim import Constant, Momentum, Optimizer, Sgd
from gammabeta.plan import Plan
from gammabeta.train import fit
from gammabeta.train.batches import epoch_batches
from gammabeta.train.step import fresh_state

ROWS, STEPS, RATE, SHARE = 23, 20, 0.05, 0.8
Numbers = list[np.ndarray]


def scaled(rows: int = ROWS) -> Dataset:
    data = dataset(rows, seed=4)
    x = (data.x - data.x.mean(axis=0)) / data.x.std(axis=0)
    return Dataset(x.astype(np.float32), data.y)


def gradient(weights: Numbers, x: np.ndarray, y: np.ndarray) -> Numbers:
    """Of mean softmax cross-entropy of a tanh network, by hand: [W1, b1, W2, b2]."""
    first, bias, second, last = weights
    hidden = np.tanh(x @ first + bias)
    raised = np.exp((scores := hidden @ second + last) - scores.max(axis=1, keepdims=True))
    error = (raised / raised.sum(axis=1, keepdims=True) - np.eye(CLASSES)[y]) / len(x)
    back = (error @ second.T) * (1 - hidden**2)
    return [x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def by_hand(weights: Numbers, data: Dataset, batches: Sequence[np.ndarray], momentum: float) -> Numbers:
    """w <- w - eta m, m <- momentum m + g, in float64; without momentum the g of the step."""
    memory = [np.zeros_like(weight) for weight in weights]
    for rows in batches:
        slopes = gradient(weights, data.x[rows].astype(np.float64), data.y[rows])
        memory = [momentum * old + slope for old, slope in zip(memory, slopes, strict=True)]
        weights = [weight - RATE * old for weight, old in zip(weights, memory, strict=True)]
    return weights


def numbers_of(params: Sequence[dict[str, jax.Array]]) -> Numbers:
    return [np.asarray(params[layer][name], np.float64) for layer in (0, 2) for name in ("weight", "bias")]


@pytest.mark.parametrize(
    ("optimizer", "momentum"), [(Sgd(RATE), 0.0), (Momentum(RATE, momentum=SHARE, form="heavy_ball"), SHARE)]
)
@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [(ROWS, {ROWS}), (500, {ROWS}), (1, {1}), (8, {7, 8})],
    ids=["all rows, O1", "more than all rows", "one row, O2", "a few rows, O3"],
)
def test_twenty_steps_are_those_written_by_hand(
    optimizer: Optimizer, momentum: float, batch_size: int, sizes: set[int]
) -> None:
    data = scaled()
    per_epoch = len(epoch_batches(ROWS, batch_size, 6, 1))
    plan = Plan(
        network=Sequential((Dense(6), Activation("tanh"), Dense(CLASSES))),
        loss=SoftmaxCrossEntropy(),
        optimizer=optimizer,
        schedule=Constant(),
        epochs=-(-STEPS // per_epoch),
        batch_size=batch_size,
        seed=6,
    )
    epochs = range(1, plan.epochs + 1)
    batches = [row[row >= 0] for epoch in epochs for row in epoch_batches(ROWS, batch_size, plan.seed, epoch)]
    assert {len(rows) for rows in batches} == sizes
    assert all(
        sorted(np.concatenate(batches[i : i + per_epoch])) == list(range(ROWS)) for i in range(0, STEPS, per_epoch)
    )
    start = numbers_of(fresh_state(plan, (FEATURES,)).params)
    ends = [epoch.state for epoch in fit(plan, data, probe=None, measure_every=STEPS) if epoch.steps == STEPS]
    found, expected = numbers_of(ends[0].params), by_hand(start, data, batches[:STEPS], momentum)
    for one, other, before in zip(found, expected, start, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
        assert np.abs(other - before).max() > 1e-2

"""Batch norm against torch, in float64: recorded numbers, and torch itself where it is installed."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.nn import PREDICTING, BatchNorm, Call

REFERENCES = Path(__file__).parent.parent / "references"
RECORDED = json.loads((REFERENCES / "batch_norm.json").read_text(encoding="utf-8"))["cases"]
NAMES = [f"{case['shape']}, {case['memory']}" for case in RECORDED]
RATE = 0.1


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


@partial(jax.jit, static_argnames="layer")
def stepped(layer, params, stats, x, slopes):
    def objective(params, x):
        y, seen = layer.apply(params, stats, x, Call(by_batch=True))
        return jnp.sum(y * slopes), (y, seen)

    (by_params, by_x), (y, seen) = jax.grad(objective, argnums=(0, 1), has_aux=True)(params, x)
    after = layer.remember(stats, seen)
    return y, by_params, by_x, after, layer.apply(params, after, x, PREDICTING)[0]


def equal(found, wanted):
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-10, atol=1e-10)


def without_start(running, initial, step):
    """torch's exponentially weighted statistic with the term of its initial value taken out."""
    left = (1 - RATE) ** step
    return (np.asarray(running) - left * initial) / (1 - left)


def compare(given, memory, epsilon, steps):
    """Every step of ours with every step of torch's."""
    given = {key: np.asarray(value) for key, value in given.items()}
    layer = BatchNorm(epsilon=epsilon, estimator=memory, update_rate=RATE)
    params = {"gamma": given["gamma"], "beta": given["beta"]}
    _, stats, _ = layer.init(jax.random.key(0), given["x"].shape[2:])
    for index, wanted in enumerate(steps):
        y, by_params, by_x, stats, predicted = stepped(layer, params, stats, given["x"][index], given["slopes"][index])
        equal(y, wanted["y"])
        equal(by_x, wanted["by_x"])
        equal(by_params["gamma"], wanted["by_gamma"])
        equal(by_params["beta"], wanted["by_beta"])
        mean, var = np.asarray(wanted["running_mean"]), np.asarray(wanted["running_var"])
        if memory == "ema":
            mean, var = without_start(mean, 0, index + 1), without_start(var, 1, index + 1)
        equal(stats.mean, mean)
        equal(stats.var, var)
        by_memory = (given["x"][index] - mean) / np.sqrt(var + epsilon) * given["gamma"] + given["beta"]
        equal(predicted, wanted["predicted"] if memory == "cumulative" else by_memory)


@pytest.mark.parametrize("case", RECORDED, ids=NAMES)
def test_outputs_gradients_and_memory_equal_what_torch_recorded(case):
    compare(case["given"], case["memory"], case["epsilon"], case["steps"])


@pytest.mark.parametrize("memory", ["ema", "cumulative"])
@pytest.mark.parametrize(("shape", "seed"), [((2, 1), 11), ((13, 5), 12), ((1, 3, 2, 4), 13), ((5, 2, 7, 1), 14)])
def test_outputs_gradients_and_memory_equal_those_of_torch(shape, seed, memory):
    pytest.importorskip("torch")
    from tests.references import record_batch_norm as torch_side

    given = torch_side.inputs(shape, seed, steps=2)
    found = torch_side.recorded(**given, momentum=torch_side.MEMORIES[memory])
    compare(given, memory, torch_side.EPSILON, found["steps"])

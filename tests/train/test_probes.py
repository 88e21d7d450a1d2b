"""The default probes against arithmetic done by hand in NumPy, in float64, on a small uneven network."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.train.problems import PLAN, dataset

from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    Frozen,
    Layer,
    Residual,
    Seen,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.nn.tap import tapped
from gammabeta.optim import Constant, Momentum
from gammabeta.serial import lift
from gammabeta.train import fit
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import default_probe, flattened, probe_every
from gammabeta.train.step import Program, State, advance
from gammabeta.train.step import probed as look

ROWS, STEPS, SEED = 9, 10, np.uint32(5)
RANDOM = np.random.default_rng(2)
X = 1 + 2 * RANDOM.standard_normal((ROWS, 4)) * [1, 0.5, 2, 1]
WEIGHTS = np.array([1, 0.5, 2, 1, 1, 1.5, 1, 1, 0.0])
TARGETS = RANDOM.integers(0, 3, ROWS)


def probed(network, x=X, y=TARGETS, loss=None, micro=None, edit=lambda params: params, step=0, steps=1):
    """(signals by name, params before, stats before) of the last of some steps, all on the same batch."""
    loss = loss or SoftmaxCrossEntropy()
    params, stats, _ = network.init(jax.random.key(3), x.shape[1:])
    params = edit(params)
    program = Program(
        network=network, loss=loss, optimizer=Momentum(learning_rate=0.1), schedule=Constant(), micro_batch_size=micro
    )
    state = State(params, stats, program.optimizer.direction().init(params), jnp.asarray(step, jnp.int32))
    chunk = Chunk(*(np.stack([part] * steps) for part in (x, y, WEIGHTS[: len(x)].astype(x.dtype))))
    skeleton = lift(program)
    before, _ = advance(*skeleton, state, chunk, None, (0, steps - 1), STEPS, SEED)
    signals = look(*skeleton, before, chunk, None, steps - 1, STEPS, SEED, probe=default_probe)
    after, _ = advance(*skeleton, before, chunk, None, (steps - 1, steps), STEPS, SEED)
    return flattened(signals), params, after


def layer_outputs(network, params, stats, x):
    """Every layer's output, in NumPy; batch norm by the batch's weighted moments."""
    w = WEIGHTS[: len(x)] / WEIGHTS[: len(x)].sum()
    found = []
    for layer, part in zip(network.layers, params, strict=True):
        if isinstance(layer, Dense):
            x = x @ np.asarray(part["weight"]) + np.asarray(part.get("bias", 0.0))
        elif isinstance(layer, BatchNorm):
            mean = w @ x
            x = (x - mean) / np.sqrt(w @ (x - mean) ** 2 + 1e-5) * np.asarray(part["gamma"]) + np.asarray(part["beta"])
        else:
            x = {"tanh": np.tanh, "relu": lambda v: np.maximum(v, 0), "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[
                layer.function
            ](x)
        found.append(x)
    return found


def loss_by_hand(outputs):
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    rows = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(outputs)), TARGETS[: len(outputs)]]
    weights = WEIGHTS[: len(outputs)]
    return float(rows @ weights / weights.sum())


NETWORK = Sequential(
    (Dense(5), BatchNorm(), Activation("tanh"), Dense(6), Activation("relu"), Dense(4), Activation("sigmoid"), Dense(3))
)


@pytest.mark.parametrize("micro", [None, ROWS])
def test_every_probe_equals_arithmetic_by_hand_in_float64(micro):
    with jax.enable_x64(True):
        found, params, _ = probed(NETWORK, micro=micro)
    outputs = layer_outputs(NETWORK, params, None, X)
    w = WEIGHTS / WEIGHTS.sum()

    def spread(y):
        return np.sqrt(np.mean(w @ (y - np.mean(w @ y)) ** 2))

    for index, (before, after) in enumerate(zip([X, *outputs], outputs, strict=False)):
        wanted = {
            "mean": np.mean(w @ after),
            "spread": spread(after),
            "zero": np.mean(w @ (after == 0)),
            "forward_gain": spread(after) / spread(before),
            "finite": 1.0,
            "finite_gradient": 1.0,
        }
        for name, value in wanted.items():
            np.testing.assert_allclose(found[f"layers.{index}.{name}"], value, rtol=1e-5, atol=1e-7, err_msg=name)
    flat = np.mean(w @ (1 - outputs[2] ** 2 < 0.05))
    assert found["layers.2.saturated"] == pytest.approx(flat, abs=1e-6)
    assert found["layers.4.dead"] == pytest.approx(np.mean((outputs[4][WEIGHTS > 0] <= 0).all(axis=0)))
    assert "layers.4.saturated" not in found
    assert "layers.2.dead" not in found


@pytest.mark.parametrize("micro", [None, ROWS])
def test_the_gradients_that_reach_the_layers_equal_finite_differences(micro):
    with jax.enable_x64(True):
        found, params, _ = probed(NETWORK, micro=micro)
    step, total, sizes = 1e-5, WEIGHTS.sum(), []
    for index in range(len(NETWORK.layers)):
        rest = Sequential(NETWORK.layers[index + 1 :])
        here = layer_outputs(NETWORK, params, None, X)[index]
        squares = 0.0
        for place in np.ndindex(*here.shape):
            ends = []
            for sign in (1, -1):
                moved = here.copy()
                moved[place] += sign * step
                outputs = layer_outputs(rest, params[index + 1 :], None, moved) if rest.layers else [moved]
                ends.append(loss_by_hand(outputs[-1]))
            squares += ((ends[0] - ends[1]) / (2 * step)) ** 2
        sizes.append(np.sqrt(total * squares / here.shape[1]))
    for index, size in enumerate(sizes):
        assert found[f"layers.{index}.gradient"] == pytest.approx(size, rel=1e-4), index
    gains = [found[f"layers.{index}.backward_gain"] for index in range(len(sizes) - 1)]
    np.testing.assert_allclose(gains, np.array(sizes[:-1]) / sizes[1:], rtol=1e-4)


def test_a_batch_is_held_against_what_batch_norm_remembers():
    network = Sequential((BatchNorm(update_rate=0.5), Dense(3)))
    first, _, _ = probed(network)
    assert np.isnan(first["layers.0.mean_gap"])  # nothing is remembered yet
    found, _, after = probed(network, steps=2)
    assert found["layers.0.mean_gap"] == pytest.approx(0, abs=1e-6)  # the same batch twice
    assert found["layers.0.variance_ratio"] == pytest.approx(1, abs=1e-5)
    assert found["step"] == 1
    # another batch against that memory
    memory = after.stats[0]
    program = Program(
        network=network, loss=SoftmaxCrossEntropy(), optimizer=Momentum(learning_rate=0.1), schedule=Constant()
    )
    other = X * [2.0, 1, 0.5, 3] + [0.0, 1, -2, 5]
    chunk = Chunk(other[None].astype(np.float32), TARGETS[None], WEIGHTS[None].astype(np.float32))
    signals = look(*lift(program), after, chunk, None, 0, STEPS, SEED, probe=default_probe)
    w = WEIGHTS / WEIGHTS.sum()
    mean = w @ other
    var = w @ (other - mean) ** 2 * WEIGHTS.sum() / (WEIGHTS.sum() - 1)
    gap = np.mean(np.abs(mean - memory.mean) / np.sqrt(memory.var))
    ratio = np.exp(np.mean(np.log(var / memory.var)))
    assert flattened(signals)["layers.0.mean_gap"] == pytest.approx(gap, rel=1e-4)
    assert flattened(signals)["layers.0.variance_ratio"] == pytest.approx(ratio, rel=1e-4)


def test_planted_dead_units_and_saturated_units_are_counted():
    def kill(params):
        bias = np.zeros(6, np.float32)
        bias[[1, 4]] = -1e6
        return (
            {**params[0], "weight": 500 * params[0]["weight"]},
            (),
            {**params[2], "bias": jnp.asarray(bias)},
            *params[3:],
        )

    network = Sequential((Dense(5), Activation("tanh"), Dense(6), Activation("relu"), Dense(3)))
    healthy, _, _ = probed(network, X.astype(np.float32) / 10)
    planted, _, _ = probed(network, X.astype(np.float32), edit=kill)
    assert healthy["layers.1.saturated"] == 0
    assert planted["layers.1.saturated"] > 0.9
    assert round(planted["layers.3.dead"] * 6) >= 2
    assert planted["layers.3.dead"] * 6 == pytest.approx(round(planted["layers.3.dead"] * 6))


def test_a_dead_channel_is_one_that_is_zero_in_every_pixel():
    def kill(params):
        bias = jnp.asarray([0.0, -1e6, 3.0])
        return ({**params[0], "bias": bias}, *params[1:])

    x = np.abs(RANDOM.standard_normal((ROWS, 5, 4, 2))).astype(np.float32)
    network = Sequential((Conv2D(3), Activation("relu"), Flatten(), Dense(3)))
    found, _, _ = probed(network, x, edit=kill)
    assert round(found["layers.1.dead"] * 3) in (1, 2)
    assert found["layers.0.gradient"] > 0
    assert "layers.2.backward_gain" in found


def test_numbers_that_are_not_finite_are_seen_where_they_arise():
    x = X.astype(np.float32)

    def overflow(params):
        return (params[0], (), {**params[2], "weight": params[2]["weight"] * 3e38}, *params[3:])

    network = Sequential((Dense(4), Activation("relu"), Dense(4), Activation("relu"), Dense(3)))
    found, _, _ = probed(network, 100 * x, edit=overflow)
    assert (found["layers.1.finite"], found["layers.2.finite"]) == (1, 0)
    assert found["layers.0.finite_gradient"] == 0


# ---- what they do not touch


def test_probes_leave_the_training_as_it_is_bit_for_bit():
    ends = [list(fit(PLAN, dataset(), probe=probe))[-1].state for probe in (None, default_probe)]
    for one, other in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_array_equal(one, other)


def test_steps_between_two_probes_are_bounded():
    assert probe_every(17 * 8) == 46
    assert probe_every(17 * 30) == 170
    assert probe_every(1) == 1
    assert probe_every(17 * 1000) == 800


# ---- other shapes of network, loss and batch


@dataclass(frozen=True)
class Doubled(Layer):
    """Somebody's own layer around others."""

    inner: Sequential

    def init(self, key, shape):
        return self.inner.init(key, shape)

    def apply(self, params, stats, x, call):
        y, seen = self.inner.apply(params, stats, x, call)
        return 2 * y, seen


@dataclass(frozen=True)
class Cubed(Layer):
    """Somebody's own layer."""

    def apply(self, params, stats, x, call):
        return x**3, Seen()


def test_a_layer_of_somebodys_own_gives_what_it_can():
    network = Sequential((Doubled(Sequential((Dense(5), Activation("tanh")))), Cubed(), Dense(3)))
    found, _, _ = probed(network, X.astype(np.float32))
    assert {"layers.0.gradient", "layers.0.backward_gain", "layers.0.1.saturated", "layers.1.spread"} <= found.keys()
    assert "layers.0.1.gradient" not in found  # how it is called inside is not known
    assert "params.0.0.weight.ratio" in found


def test_a_residual_block_is_seen_inside_and_at_its_end():
    block = Residual(Sequential((Dense(4), Activation("relu"), Dense(4))))
    found, _, _ = probed(Sequential((block, block, Dense(3))), X.astype(np.float32))
    assert found["layers.0.gradient"] == pytest.approx(found["layers.0.0.2.gradient"], rel=1e-6)
    expected = found["layers.0.gradient"] / found["layers.1.gradient"]
    assert found["layers.0.backward_gain"] == pytest.approx(expected, rel=1e-5)
    assert "layers.0.0.0.spread" in found


def test_a_frozen_beginning_is_not_differentiated():
    found, _, _ = probed(Sequential((Frozen(Dense(4)), Activation("tanh"), Dense(3))), X.astype(np.float32))
    assert "layers.0.gradient" not in found
    assert "layers.0.spread" in found
    assert found["layers.1.gradient"] > 0
    assert found["params.0.weight.update"] == 0


def test_several_targets_and_micro_batches_are_probed():
    y = RANDOM.integers(0, 2, (ROWS, 3)).astype(np.float32)
    network = Sequential((Dense(5), BatchNorm(), Activation("relu"), Dense(3)))
    for loss, micro in ((SigmoidCrossEntropy(), None), (SquaredError(), None), (SquaredError(), 4)):
        found, _, _ = probed(network, X.astype(np.float32), y, loss, micro, steps=2)
        assert all(np.isfinite(value) for value in found.values()), found
        assert {"layers.0.gradient", "layers.1.mean_gap", "layers.2.dead"} <= found.keys()


def test_a_tap_says_how_large_the_gradient_is_and_changes_none():
    y = jnp.asarray(X)

    def objective(y, tap):
        return jnp.sum(tapped(3 * y, tap) ** 2)

    by_y, by_tap = jax.grad(objective, argnums=(0, 1))(y, jnp.zeros(()))
    np.testing.assert_allclose(by_y, 18 * X, rtol=1e-6)
    np.testing.assert_allclose(by_tap, np.sum((6 * X) ** 2) / 4, rtol=1e-5)

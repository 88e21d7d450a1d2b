"""One step: padding changes nothing, and probes say exactly what there was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.train.problems import FEATURES, PLAN, dataset

from gammabeta.nn import Activation, Dense, HeNormal, ScaledNormal, Sequential, SquaredError, Zeros
from gammabeta.optim import Constant, Sgd
from gammabeta.serial import lift
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import default_probe, flattened
from gammabeta.train.step import Program, Scale, State, advance, fresh_state, ingested, mean_loss, probed, program_of

STEPS, SEED = 10, np.uint32(7)


def advanced(program, state, chunk, scale=None):
    return advance(*lift(program), state, chunk, scale, (0, 1), STEPS, SEED)


@pytest.mark.parametrize("weights", [False, True], ids=["equal weights", "weights"])
def test_a_step_on_a_padded_batch_equals_the_step_on_the_unpadded_one(weights):
    data = dataset(rows=7, weights=weights)
    state = fresh_state(PLAN, (FEATURES,))
    whole = Chunk(data.x[None], data.y[None], data.weights[None])
    rows = np.array([*range(7), 0, 0])
    padded = Chunk(data.x[None, rows], data.y[None, rows], np.r_[data.weights, 0, 0].astype(np.float32)[None])
    (after, losses), (wanted, expected) = (advanced(program_of(PLAN), state, chunk) for chunk in (padded, whole))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert after.step == 1
    for found, other in zip(jax.tree.leaves(after), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-4, atol=1e-6)
    moved = [not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True)]
    assert all(moved)


def test_plans_that_differ_in_their_initializers_share_one_program():
    def plan(initializer):
        return PLAN.replace(network=Sequential((Dense(3, initializer=initializer), Activation("relu"), Dense(1))))

    one, *others = (program_of(plan(initializer)) for initializer in (HeNormal(), ScaledNormal(0.3), Zeros(), None))
    assert all(lift(other) == lift(one) for other in others)
    weights = [fresh_state(plan(initializer), (FEATURES,)).params[0]["weight"] for initializer in (HeNormal(), Zeros())]
    assert np.any(weights[0])
    assert not np.any(weights[1])


X = np.array([[3.0, -1], [5, 2], [-2, 4], [9, 9]], np.float32)
WEIGHTS = np.array([[1.0, 1, 1, 0]], np.float32)
IDENTITY = Program(
    network=Sequential((Dense(2), Activation("relu"))),
    loss=SquaredError(),
    optimizer=Sgd(learning_rate=0.5),
    schedule=Constant(),
)


def test_the_signals_of_a_known_network_are_known():
    params = ({"weight": jnp.eye(2), "bias": jnp.zeros(2)}, ())
    state = State(params, ((), ()), IDENTITY.optimizer.direction().init(params), jnp.zeros((), jnp.int32))
    targets = np.zeros((1, 4, 2), np.float32)
    chunk = Chunk(X[None], targets, WEIGHTS)
    after, losses = advanced(IDENTITY, state, chunk)
    signals = probed(*lift(IDENTITY), state, chunk, None, 0, STEPS, SEED, probe=default_probe)
    real, passed = X[:3], np.maximum(X[:3], 0)
    # the loss is the mean over 3 rows and 2 outputs of relu(x)^2
    gradient = 2 * passed / 6
    by_weight, by_bias = real.T @ gradient, gradient.sum(axis=0)
    # of a row's own loss, by what leaves a layer: the mean over 3 rows undone
    by_output = 2 * passed / 2 * np.where(real > 0, 1, 0)
    backward = np.sqrt(np.mean(by_output**2))
    wanted = {
        "step": 0.0,
        "layers.0.mean": real.mean(),
        "layers.0.spread": real.std(),
        "layers.0.zero": 0.0,
        "layers.0.finite": 1.0,
        "layers.0.forward_gain": 1.0,
        "layers.0.gradient": backward,
        "layers.0.finite_gradient": 1.0,
        "layers.0.backward_gain": 1.0,
        "layers.1.mean": passed.mean(),
        "layers.1.spread": passed.std(),
        "layers.1.zero": 2 / 6,
        "layers.1.finite": 1.0,
        "layers.1.forward_gain": passed.std() / real.std(),
        "layers.1.dead": 0.0,
        "layers.1.gradient": backward,
        "layers.1.finite_gradient": 1.0,
        "params.0.weight.weight": np.sqrt(2),
        "params.0.weight.gradient": np.linalg.norm(by_weight),
        "params.0.weight.update": 0.5 * np.linalg.norm(by_weight),
        "params.0.weight.ratio": 0.5 * np.linalg.norm(by_weight) / np.sqrt(2),
        "params.0.bias.weight": 0.0,
        "params.0.bias.gradient": np.linalg.norm(by_bias),
        "params.0.bias.update": 0.5 * np.linalg.norm(by_bias),
        "params.0.bias.ratio": np.nan,
    }
    found = flattened(signals)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-7, err_msg=name)
    np.testing.assert_allclose(losses, [np.mean(passed**2)], rtol=1e-6)
    np.testing.assert_allclose(after.params[0]["weight"], np.eye(2) - 0.5 * by_weight, rtol=1e-6)
    np.testing.assert_allclose(after.params[0]["bias"], -0.5 * by_bias, rtol=1e-6)


def test_batches_outside_the_span_are_not_trained_on():
    params = ({"weight": jnp.eye(2), "bias": jnp.zeros(2)}, ())
    state = State(params, ((), ()), IDENTITY.optimizer.direction().init(params), jnp.zeros((), jnp.int32))
    chunk = Chunk(X[None], np.zeros((1, 4, 2), np.float32), WEIGHTS)
    after, losses = advance(*lift(IDENTITY), state, chunk, None, (0, 0), STEPS, SEED)
    assert np.isnan(losses).all()
    for found, wanted in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_images_are_scaled_by_channel_inside_the_step():
    image = np.array([[[[0, 255], [10, 20]]]], np.uint8)
    scale = Scale(np.array([10.0, 20], np.float32), np.array([0.1, 2], np.float32))
    found = ingested(jnp.asarray(image), scale)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [[[[-1, 470], [0, 0]]]])
    np.testing.assert_array_equal(ingested(jnp.asarray(X), None), X)


def test_a_loss_is_the_weighted_mean_and_zero_without_weight():
    targets = np.zeros((4, 2), np.float32)
    found = mean_loss(SquaredError(), jnp.asarray(X), targets, np.array([1, 0, 3, 0], np.float32))
    np.testing.assert_allclose(found, (np.mean(X[0] ** 2) + 3 * np.mean(X[2] ** 2)) / 4)
    assert mean_loss(SquaredError(), jnp.asarray(X), targets, np.zeros(4, np.float32)) == 0

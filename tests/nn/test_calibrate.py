"""Calibration: what each initializer that waits for data promises, on batches of N(3, 4^2)."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.errors import PlanError
from gammabeta.nn import (
    PREDICTING,
    Activation,
    BatchNorm,
    Call,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    HeNormal,
    Layer,
    Residual,
    Seen,
    Sequential,
)
from gammabeta.nn.calibrate import calibrate, chains, prior_bias, waits_for_data, with_prior
from gammabeta.nn.initializers import DataDependent, Initializer, Lsuv
from gammabeta.types import Shape

ROWS = 301
FEATURES = 7
KEY = jax.random.key(3)


@partial(jax.jit, static_argnames=("network", "shape"), compiler_options={"xla_backend_optimization_level": 0})
def fresh(network, shape):
    return network.init(KEY, shape)[:2]


def batch(*shape: int, seed: int = 0) -> np.ndarray:
    """N(3, 4^2), each feature shifted by a quarter of its number."""
    x = 3 + 4 * np.random.default_rng(seed).standard_normal(shape)
    return (x + np.arange(shape[-1]) / 4).astype(np.float32)


def network(initializer: Initializer, activation: str = "relu", between: tuple[Layer, ...] = ()) -> Sequential:
    """Three affine layers of unequal sizes."""

    def hidden(units: int) -> tuple[Layer, ...]:
        return Dense(units, initializer=initializer), *between, Activation(activation), Dropout(0.4)

    return Sequential((*hidden(31), *hidden(19), Dense(5, initializer=initializer)))


def calibrated(network, x, weights=None):
    params, stats = fresh(network, tuple(x.shape[1:]))
    return calibrate(network, params, stats, x, weights)[0]


def outputs(network: Sequential, params, x) -> list[np.ndarray]:
    """What every layer puts out, layer by layer, in float64 where this file has the formula."""
    _, stats = fresh(network, tuple(x.shape[1:]))
    seen, y = [], jnp.asarray(x)
    for layer, own, memory in zip(network.layers, params, stats, strict=True):
        y, _ = layer.apply(own, memory, y, Call(by_batch=True))
        seen.append(np.asarray(y, np.float64))
    return seen


def affine(network: Sequential) -> list[int]:
    return [index for index, layer in enumerate(network.layers) if isinstance(layer, Dense)]


def relative_changes(network: Sequential, params, x) -> np.ndarray:
    """sqrt(E ||dl/dW||^2) / ||W|| of every affine layer, by backpropagation in NumPy; ReLU in between.

    The expectation over linear losses is exact: the mean over unit losses of each output, times their number.
    """
    layers = affine(network)
    flowing, inputs, gates = np.asarray(x, np.float64), [], []
    for index in layers:
        inputs.append(flowing)
        y = flowing @ np.asarray(params[index]["weight"], np.float64)
        if "bias" in params[index]:
            y = y + np.asarray(params[index]["bias"], np.float64)
        gates.append(y > 0)
        flowing = np.maximum(y, 0)
    total = np.zeros(len(layers))
    for unit in range(gates[-1].shape[1]):
        delta = np.zeros(gates[-1].shape)
        delta[:, unit] = 1
        for k in reversed(range(len(layers))):
            total[k] += np.mean(np.sum(inputs[k] ** 2, axis=1) * np.sum(delta**2, axis=1))
            if k:
                delta = (delta @ np.asarray(params[layers[k]]["weight"], np.float64).T) * gates[k - 1]
    return np.sqrt(total) / [np.linalg.norm(params[index]["weight"]) for index in layers]


# ---- LSUV


def test_lsuv_gives_every_layer_an_output_of_variance_1():
    lsuv, x = network(Lsuv()), batch(ROWS, FEATURES)
    before = outputs(lsuv, fresh(lsuv, (FEATURES,))[0], x)
    after = outputs(lsuv, calibrated(lsuv, x), x)
    assert max(abs(before[index].var() - 1) for index in affine(lsuv)) > 5
    for index in affine(lsuv):
        assert after[index].var() == pytest.approx(1, abs=0.1)


def test_lsuv_keeps_the_direction_of_the_orthogonal_weights():
    lsuv, x = network(Lsuv()), batch(ROWS, FEATURES)
    for index in affine(lsuv):
        ratio = np.asarray(calibrated(lsuv, x)[index]["weight"]) / fresh(lsuv, (FEATURES,))[0][index]["weight"]
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


def test_lsuv_leaves_a_layer_within_its_tolerance():
    x = batch(ROWS, FEATURES)
    loose = Sequential((Dense(5, initializer=Lsuv(tolerance=1e6)),))
    np.testing.assert_array_equal(calibrated(loose, x)[0]["weight"], fresh(loose, (FEATURES,))[0][0]["weight"])


@pytest.mark.parametrize(("rounds", "made"), [(1, 1), (3, 3), (10, 7)])
def test_lsuv_ends_after_its_rounds_or_within_its_tolerance(rounds, made):
    # an output that grows with the root of its weight: each round takes the root of the variance
    x = jnp.asarray(batch(ROWS, 1))
    x = 100 * (x - x.mean()) / x.std()
    start = {"weight": jnp.ones((1, 1))}

    def output(params):
        return x * jnp.sqrt(params["weight"])

    after = Lsuv(tolerance=0.1, rounds=rounds).calibrated(start, output, None)
    assert np.var(output(after)) == pytest.approx(1e4 ** (0.5**made), rel=1e-3)


# ---- data-dependent


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_every_unit_gets_mean_0_and_variance_1(activation):
    description, x = network(DataDependent(balance=False), activation), batch(ROWS, FEATURES)
    after = outputs(description, calibrated(description, x), x)
    for index in affine(description):
        np.testing.assert_allclose(after[index].mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(after[index].var(axis=0), 1, rtol=1e-4)


def test_balance_equals_the_relative_gradient_change_and_keeps_the_function():
    x = batch(ROWS, FEATURES)
    plain, balanced = network(DataDependent(balance=False)), network(DataDependent())
    before, after = calibrated(plain, x), calibrated(balanced, x)
    one_by_one = relative_changes(plain, before, x)
    assert one_by_one.max() / one_by_one.min() > 1.5
    # the program draws one loss per row, this formula takes them all
    together = relative_changes(balanced, after, x)
    np.testing.assert_allclose(together / together.mean(), 1, rtol=0.03)
    np.testing.assert_allclose(np.prod(together), np.prod(one_by_one), rtol=1e-3)
    np.testing.assert_allclose(outputs(balanced, after, x)[-1], outputs(plain, before, x)[-1], atol=2e-5)
    other = batch(17, FEATURES, seed=9)
    np.testing.assert_allclose(outputs(balanced, after, other)[-1], outputs(plain, before, other)[-1], atol=2e-5)


def test_balanced_hidden_units_keep_mean_0_and_share_one_variance_per_layer():
    description, x = network(DataDependent()), batch(ROWS, FEATURES)
    after = outputs(description, calibrated(description, x), x)
    for index in affine(description):
        variances = after[index].var(axis=0)
        np.testing.assert_allclose(after[index].mean(axis=0) / variances.mean() ** 0.5, 0, atol=1e-4)
        np.testing.assert_allclose(variances, variances.mean(), rtol=1e-4)
    np.testing.assert_allclose(after[-1].var(axis=0), 1, rtol=1e-4)


@pytest.mark.parametrize(("activation", "between"), [("tanh", ()), ("gelu", ()), ("relu", (BatchNorm(),)), ("elu", ())])
def test_nothing_is_balanced_across_what_does_not_pass_a_scale_on(activation, between):
    assert list(chains(network(DataDependent(), activation, between).layers)) == []


def test_chains_are_as_long_as_what_links_them_passes_a_scale_on():
    own, he = DataDependent(), HeNormal()
    layers = (
        Flatten(),
        Dense(3, initializer=own),
        Activation("leaky_relu"),
        Dense(3, initializer=own),
        Activation("tanh"),
        Dense(3, initializer=own),
        Dense(3, initializer=he),
        Dense(3, initializer=own),
        Dropout(0.1),
        Dense(3, initializer=own),
    )
    assert list(chains(layers)) == [[1, 3], [7, 9]]


def test_a_layer_before_batch_norm_has_no_bias_and_gets_the_variance():
    description, x = network(DataDependent(), between=(BatchNorm(),)), batch(ROWS, FEATURES)
    params = calibrated(description, x)
    assert "bias" not in params[0]
    np.testing.assert_allclose(outputs(description, params, x)[0].var(axis=0), 1, rtol=1e-4)


# ---- both


BOTH = [Lsuv(), DataDependent()]
named = partial(pytest.mark.parametrize, "initializer", ids=lambda initializer: type(initializer).__name__)


@named(BOTH)
def test_rows_of_weight_0_do_not_count(initializer):
    description, x = network(initializer), batch(ROWS, FEATURES)
    padded = np.concatenate([x, np.full((20, FEATURES), 1e4, np.float32)])
    weights = np.concatenate([np.ones(ROWS), np.zeros(20)]).astype(np.float32)
    params = calibrated(description, padded, weights)
    after = outputs(description, params, x)
    assert after[-1].var() == pytest.approx(1, abs=0.1)


@named(BOTH)
def test_units_that_are_constant_on_the_batch_stay_and_stay_finite(initializer):
    description = network(initializer)
    for value in (0.0, 3.0, 1e30, np.nan):
        params = calibrated(description, np.full((9, FEATURES), value, np.float32))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))
    start, _ = fresh(description, (FEATURES,))
    still = calibrated(description, np.zeros((9, FEATURES), np.float32))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), still, start)


def test_a_spread_that_is_only_rounding_is_not_blown_up_to_1():
    description, x = Sequential((Dense(5, initializer=DataDependent()),)), np.full((9, FEATURES), 3.0, np.float32)
    x[1] = np.nextafter(np.float32(3), np.float32(4))
    np.testing.assert_array_equal(
        calibrated(description, x)[0]["weight"], fresh(description, (FEATURES,))[0][0]["weight"]
    )


@named(BOTH)
def test_a_dead_unit_is_left_alone_and_its_neighbors_are_not(initializer):
    description, x = Sequential((Dense(3, initializer=initializer),)), batch(ROWS, FEATURES)
    (params,), stats = fresh(description, (FEATURES,))
    params = {**params, "weight": params["weight"].at[:, 1].set(0.0)}
    (made,), _ = calibrate(description, (params,), stats, x)
    np.testing.assert_array_equal(made["weight"][:, 1], 0)
    assert made["bias"][1] == 0
    y = x @ np.asarray(made["weight"])
    assert np.isfinite(y).all()
    assert y[:, [0, 2]].var(axis=0).min() > 0.1


@named(BOTH)
def test_bodies_and_shortcuts_of_residual_connections_see_their_input(initializer):
    x = batch(ROWS, FEATURES)
    own = {"initializer": initializer}
    block = Residual(
        Sequential((Dense(11, **own), Activation("tanh"), Dense(5, **own))), Sequential((Dense(5, bias=False, **own),))
    )
    description = Sequential((Dense(6, **own), block, Dense(3, **own)))
    params = calibrated(description, x)
    first, _, last = outputs(description, params, x)
    (body, through) = params[1]
    assert outputs(block.body, body, first)[0].var() == pytest.approx(1, abs=0.1)
    assert outputs(block.body, body, first)[2].var() == pytest.approx(1, abs=0.1)
    assert (first @ np.asarray(through[0]["weight"])).var() == pytest.approx(1, abs=0.2)
    assert last.var() == pytest.approx(1, abs=0.1)


def test_layers_with_other_initializers_and_frozen_ones_stay_as_they_are():
    x = batch(ROWS, FEATURES)
    description = Sequential((Dense(6), Activation("relu"), Frozen(Dense(5, initializer=Lsuv())), BatchNorm()))
    assert not waits_for_data(description)
    params, stats = fresh(description, (FEATURES,))
    made = calibrate(description, params, stats, x)
    jax.tree.map(np.testing.assert_array_equal, made, (params, stats))


def test_images_are_seen_by_a_nested_network():
    images = batch(61, 3, 2, 4)
    description = Sequential((Flatten(), network(Lsuv())))
    assert waits_for_data(description)
    params = calibrated(description, images)
    after = outputs(network(Lsuv()), params[1], images.reshape(61, -1))
    assert after[-1].var() == pytest.approx(1, abs=0.1)


# ---- layers that set themselves


@dataclass(frozen=True)
class CenteredByData(Layer):
    """y = x - center, the center taken from the first batch."""

    def init(self, key, shape: Shape):
        return super().init(key, shape)._replace(stats={"center": jnp.zeros(shape[-1])})

    def apply(self, params, stats, x, call):
        return x - stats["center"], Seen()

    def calibrated(self, params, stats, x, weights):
        return params, {"center": jnp.average(x, axis=0, weights=weights)}


def test_a_layer_with_a_calibrated_method_is_asked_in_its_place():
    x = batch(ROWS, FEATURES)
    description = Sequential((Dense(5, initializer=DataDependent()), Activation("relu"), CenteredByData(), Dense(2)))
    assert waits_for_data(Sequential((CenteredByData(),)))
    params, stats = fresh(description, (FEATURES,))
    params, stats = calibrate(description, params, stats, x)
    flowing = np.maximum(x @ np.asarray(params[0]["weight"]) + params[0]["bias"], 0)
    np.testing.assert_allclose(stats[2]["center"], flowing.mean(axis=0), rtol=1e-4)
    y, _ = description.layers[2].apply((), stats[2], flowing, PREDICTING)
    np.testing.assert_allclose(np.asarray(y).mean(axis=0), 0, atol=1e-5)


# ---- the output's bias

OUTPUT = {"weight": np.zeros((4, 3), np.float32), "bias": np.zeros(3, np.float32)}


def test_the_bias_of_a_softmax_is_the_log_of_the_class_shares():
    targets = np.array([0, 0, 0, 1, 1, 2, 0, 0, 0, 1])
    bias = np.asarray(prior_bias(OUTPUT, targets, None, "softmax")["bias"])
    np.testing.assert_allclose(bias, np.log([0.6, 0.3, 0.1]), rtol=1e-6)
    entropy = -np.sum(np.array([0.6, 0.3, 0.1]) * np.log([0.6, 0.3, 0.1]))
    assert np.mean(np.log(np.sum(np.exp(bias))) - bias[targets]) == pytest.approx(entropy, rel=1e-6)


def test_the_bias_of_a_sigmoid_is_the_logit_of_the_label_shares():
    targets = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]], np.float32)
    bias = np.asarray(prior_bias(OUTPUT, targets, None, "sigmoid")["bias"])
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), [0.75, 0.25, 0.25], rtol=1e-6)


def test_the_bias_of_a_regression_is_the_mean_of_the_targets():
    targets = batch(9, 3)
    np.testing.assert_allclose(prior_bias(OUTPUT, targets, None, "mean")["bias"], targets.mean(axis=0), rtol=1e-5)


def test_weights_count_in_the_prior():
    bias = prior_bias(OUTPUT, np.array([0, 1, 2, 2]), np.array([2.0, 1.0, 1.0, 0.0]), "softmax")["bias"]
    np.testing.assert_allclose(np.exp(bias), [0.5, 0.25, 0.25], rtol=1e-6)


def test_a_class_or_label_that_never_or_always_occurs_gets_a_finite_bias():
    never = prior_bias(OUTPUT, np.array([0, 1, 1, 0]), None, "softmax")["bias"]
    np.testing.assert_allclose(np.exp(never), [0.5, 0.5, 0.125], rtol=1e-6)
    labels = np.array([[0, 1, 1], [0, 1, 0]], np.float32)
    always = np.asarray(prior_bias(OUTPUT, labels, None, "sigmoid")["bias"])
    np.testing.assert_allclose(1 / (1 + np.exp(-always)), [0.25, 0.75, 0.5], rtol=1e-6)


def test_the_prior_reaches_the_last_layer_and_no_other():
    description = Sequential((Dense(4), Activation("relu"), Sequential((Dense(3),))))
    params, _ = fresh(description, (FEATURES,))
    made = with_prior(description, params, np.array([0, 1, 2, 2]), None, "softmax")
    np.testing.assert_allclose(np.exp(made[2][0]["bias"]), [0.25, 0.25, 0.5], rtol=1e-6)
    np.testing.assert_array_equal(made[0]["bias"], params[0]["bias"])
    assert jax.tree.structure(made) == jax.tree.structure(params)


@pytest.mark.parametrize("last", [Dense(3, bias=False), Activation("relu")])
def test_an_output_layer_without_bias_is_refused(last):
    description = Sequential((Dense(4), last))
    params, _ = fresh(description, (FEATURES,))
    with pytest.raises(PlanError, match="the output layer has no bias"):
        with_prior(description, params, np.array([0, 1]), None, "softmax")

"""A layer at a pace of its own: equal to descent by hand, still before its time, and only a number to the compiler."""

import jax
import numpy as np
import pytest

from gammabeta.errors import PlanError
from gammabeta.nn import (
    Activation,
    BatchNorm,
    DataDependent,
    Dense,
    Frozen,
    Lsuv,
    Paced,
    Residual,
    Sequential,
    SquaredError,
    calibrate,
)
from gammabeta.nn.memories import batch_norms
from gammabeta.optim import AdamW, Constant, Sgd
from gammabeta.serial import lift
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import default_probe, flattened
from gammabeta.train.step import Program, State, advance, probed

ROWS, FEATURES, HIDDEN, STEPS, RATE = 7, 3, 4, 6, 0.05
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(3, 4, (STEPS, ROWS, FEATURES)).astype(np.float32) / 5
Y = RANDOM.normal(-1, 2, (STEPS, ROWS, 1)).astype(np.float32)
CHUNK = Chunk(X, Y, np.ones((STEPS, ROWS), np.float32))


def network(wrap, middle=()):
    return Sequential((wrap(Dense(HIDDEN)), *middle, Activation("tanh"), Dense(1)))


def moved(layers, optimizer=Sgd(RATE), steps=STEPS, probe=None):  # noqa: B008
    """(params before, state after) some of the six steps."""
    fresh = layers.init(jax.random.key(3), (FEATURES,))
    program = Program(network=layers, loss=SquaredError(), optimizer=optimizer, schedule=Constant())
    start = State(fresh.params, fresh.stats, optimizer.direction().init(fresh.params), np.int32(0))
    of = (STEPS, np.uint32(0))
    signals = probe and probed(*lift(program), start, CHUNK, None, 0, *of, probe=probe)
    after, _ = advance(*lift(program), start, CHUNK, None, (0, steps), *of)
    return jax.device_get(fresh.params), jax.device_get(after), signals


def by_hand(params, factor, after):
    """The same descent in float64, each layer with a rate of its own."""
    w, b = (np.asarray(params[0][name], np.float64) for name in ("weight", "bias"))
    v, c = (np.asarray(params[2][name], np.float64) for name in ("weight", "bias"))
    for step in range(STEPS):
        x, y = X[step].astype(np.float64), Y[step].astype(np.float64)
        h = np.tanh(x @ w + b)
        error = 2 * (h @ v + c - y) / ROWS
        inner = (error @ v.T) * (1 - h**2)
        slow = RATE * factor if step / STEPS >= after else 0.0
        w, b = w - slow * x.T @ inner, b - slow * inner.sum(axis=0)
        v, c = v - RATE * h.T @ error, c - RATE * error.sum(axis=0)
    return w, b, v, c


@pytest.mark.parametrize(("factor", "after"), [(0.3, 0.0), (1.7, 0.5), (1.0, 0.7), (0.0, 0.0)])
def test_it_equals_descent_by_hand_with_a_rate_for_each_layer(factor, after):
    before, state, _ = moved(network(lambda layer: Paced(layer, factor, after)))
    found = [state.params[0]["weight"], state.params[0]["bias"], state.params[2]["weight"], state.params[2]["bias"]]
    for array, wanted in zip(found, by_hand(before, factor, after), strict=True):
        np.testing.assert_allclose(array, wanted, rtol=2e-5, atol=1e-6)


def test_other_factors_and_times_compile_nothing():
    moved(network(lambda layer: Paced(layer, 0.9, 0.1)))
    programs = advance._cache_size()
    for numbers in ((0.3, 0.0), (1.0, 0.99), (0.0, 0.5)):
        moved(network(lambda layer, numbers=numbers: Paced(layer, *numbers)))
    assert advance._cache_size() == programs


DECAYING = AdamW(learning_rate=RATE, weight_decay=0.3)


def close(found, wanted):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_factor_of_1_is_the_layer_itself():
    close(moved(network(Paced), DECAYING)[1], moved(network(lambda layer: layer), DECAYING)[1])


def test_a_factor_of_0_gives_the_parameters_of_a_frozen_layer_decay_and_all():
    before, still, _ = moved(network(lambda layer: Paced(layer, 0.0)), DECAYING)
    _, frozen, _ = moved(network(Frozen), DECAYING)
    for name in ("weight", "bias"):
        np.testing.assert_array_equal(still.params[0][name], before[0][name])
    close(still.params, frozen.params)


def test_before_its_time_not_a_bit_moves_and_at_its_time_it_does():
    paced = network(lambda layer: Paced(layer, 2.0, 0.5))
    before, at_half, _ = moved(paced, DECAYING, steps=STEPS // 2)
    np.testing.assert_array_equal(at_half.params[0]["weight"], before[0]["weight"])
    assert not np.array_equal(at_half.params[2]["weight"], before[2]["weight"])
    _, later, _ = moved(paced, DECAYING, steps=STEPS // 2 + 1)
    assert (later.params[0]["weight"] != before[0]["weight"]).all()


def test_what_waits_inside_remembers_all_the_same_and_the_averages_of_the_optimizer_fill():
    paced = network(lambda layer: Paced(Sequential((layer, BatchNorm(estimator="ema"))), 1.0, 0.9))
    before, after, _ = moved(paced, DECAYING, steps=2)
    np.testing.assert_array_equal(after.params[0][0]["weight"], before[0][0]["weight"])
    memory = after.stats[0][1]
    assert memory.weight > 0
    assert np.abs(memory.mean).min() > 0
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(after.slots) if leaf.shape == (FEATURES, HIDDEN))


def test_factors_multiply_the_later_time_counts_and_a_frozen_layer_inside_stays_so():
    params = {"weight": np.zeros((FEATURES, HIDDEN))}
    nested = Paced(Paced(Dense(HIDDEN, bias=False), 0.5, 0.2), 0.25, 0.6)
    assert float(nested.pace(params, 0.7)["weight"]) == 0.125
    assert float(nested.pace(params, 0.4)["weight"]) == 0
    still = Paced(Frozen(Dense(HIDDEN, bias=False))).pace(params, 0.7)["weight"]
    assert isinstance(still, float)
    assert still == 0


def test_it_reaches_into_residual_connections():
    layers = Sequential((Residual(Sequential((Paced(Dense(FEATURES), 0.0), Dense(FEATURES)))), Dense(1)))
    before, after, _ = moved(layers)
    np.testing.assert_array_equal(after.params[0][0][0]["weight"], before[0][0][0]["weight"])
    assert not np.array_equal(after.params[0][0][1]["weight"], before[0][0][1]["weight"])


def test_the_watched_update_is_the_one_that_is_made():
    quick = flattened(moved(network(lambda layer: Paced(layer, 0.5)), steps=1, probe=default_probe)[2])
    usual = flattened(moved(network(lambda layer: layer), steps=1, probe=default_probe)[2])
    frozen = flattened(moved(network(Frozen), steps=1, probe=default_probe)[2])
    name = "params.0.weight.update"
    assert quick[name] == pytest.approx(0.5 * usual[name], rel=1e-5)
    assert frozen[name] == 0


def test_neighbors_look_through_it():
    layers = Sequential((Paced(Dense(5), 0.5), Paced(BatchNorm()), Paced(Activation("relu")), Dense(2)))
    plain = Sequential((Dense(5), BatchNorm(), Activation("relu"), Dense(2)))
    assert layers.layers[0].layer == plain.layers[0]
    assert [norm.update for norm in batch_norms(layers)] == [True]
    # a frozen batch norm undoes no bias
    assert Sequential((Dense(5), Frozen(BatchNorm()))).layers[0].bias is True


@pytest.mark.parametrize("initializer", [Lsuv(), DataDependent()])
def test_it_is_calibrated_like_the_layer_itself(initializer):
    def made(wrap):
        layers = Sequential(
            (
                wrap(Dense(HIDDEN, initializer=initializer)),
                wrap(Activation("relu")),
                wrap(Dense(2, initializer=initializer)),
            )
        )
        fresh = layers.init(jax.random.key(1), (FEATURES,))
        return calibrate(layers, fresh.params, fresh.stats, X[0])

    close(made(Paced), made(lambda layer: layer))


@pytest.mark.parametrize(("numbers", "words"), [((-0.1,), "paced.factor: -0.1"), ((1.0, 1.0), "paced.after: 1.0")])
def test_impossible_numbers_are_refused(numbers, words):
    with pytest.raises(PlanError, match=words):
        Paced(Dense(2), *numbers)

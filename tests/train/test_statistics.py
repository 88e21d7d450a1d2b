"""Statistics for prediction: equal to their definitions, computed in NumPy and float64 layer by layer."""

from functools import cache

import jax
import numpy as np
import pytest
from tests.train.problems import FEATURES, dataset

from gammabeta.nn import Activation, BatchNorm, Dense, Dropout, Residual, Sequential
from gammabeta.train import statistics
from gammabeta.train.statistics import batch_norms, memories, settled

EPSILON = 1e-2


def network(*estimators):
    """Three batch norms: before a relu, inside a residual body, and on its shortcut."""
    first, second, third = (BatchNorm(epsilon=EPSILON, estimator=estimator) for estimator in estimators)
    return Sequential(
        (
            Dense(6),
            first,
            Activation("relu"),
            Dropout(0.5),
            Residual(Sequential((Dense(4), second, Activation("tanh"))), Sequential((Dense(4), third))),
            Dense(3),
        )
    )


@cache
def start():
    """Parameters away from 0 and 1, and fresh statistics."""
    params, stats, _ = network("exact", "exact", "exact").init(jax.random.key(0), (FEATURES,))
    random = np.random.default_rng(0)
    return jax.tree.map(lambda w: (np.asarray(w) + random.normal(0, 0.2, w.shape)).astype(np.float32), params), stats


def by_hand(x, normalize):
    """The three inputs of batch norm, each after ``normalize(index, input)`` made the output of the one before."""
    params = jax.tree.map(lambda w: np.asarray(w, np.float64), start()[0])
    body, shortcut = params[4]

    def scaled(index, inputs, own):
        return normalize(index, inputs) * own["gamma"] + own["beta"]

    h = np.maximum(scaled(0, x.astype(np.float64) @ params[0]["weight"], params[1]), 0)
    scaled(1, h @ body[0]["weight"], body[1])
    scaled(2, h @ shortcut[0]["weight"], shortcut[1])


def exact_by_hand(x, weights):
    found = []

    def normalize(index, inputs):
        mean = np.average(inputs, axis=0, weights=weights)
        var = np.average((inputs - mean) ** 2, axis=0, weights=weights)
        found.append((mean, var))
        return (inputs - mean) / np.sqrt(var + EPSILON)

    by_hand(x, normalize)
    return found


def paper_by_hand(x, batch_size):
    found = [([], []), ([], []), ([], [])]

    def normalize(index, inputs):
        mean, var = inputs.mean(axis=0), inputs.var(axis=0)
        found[index][0].append(mean)
        found[index][1].append(var * len(inputs) / (len(inputs) - 1))
        return (inputs - mean) / np.sqrt(var + EPSILON)

    for first in range(0, len(x), batch_size):
        by_hand(x[first : first + batch_size], normalize)
    return [(np.mean(means, axis=0), np.mean(variances, axis=0)) for means, variances in found]


def equal(stats, wanted, tolerance=1e-4):
    for memory, (mean, var) in zip(memories(stats), wanted, strict=True):
        np.testing.assert_allclose(memory.mean, mean, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(memory.var, var, rtol=tolerance, atol=tolerance)


def settle(estimators, data, batch_size=16):
    params, stats = start()
    return settled(network(*estimators), params, stats, data, batch_size)


EXACT = ("exact",) * 3


def test_exact_statistics_are_the_weighted_moments_of_all_rows_layer_by_layer():
    data = dataset(weights=True)
    equal(settle(EXACT, data), exact_by_hand(data.x, data.weights))


@pytest.mark.parametrize("weights", [False, True])
def test_passes_in_pieces_equal_the_single_pass(monkeypatch, weights):
    data = dataset(weights=weights)
    whole = settle(EXACT, data)
    monkeypatch.setattr(statistics, "pass_rows", lambda network, shape: 16)
    pieces = settle(EXACT, data)
    equal(pieces, [(memory.mean, memory.var) for memory in memories(whole)], tolerance=1e-5)


def test_paper_statistics_are_the_mean_of_batch_means_and_of_corrected_batch_variances():
    data = dataset()
    equal(settle(("paper",) * 3, data), paper_by_hand(data.x, 16))


def test_exact_and_paper_differ_so_that_the_tests_can_tell_them_apart():
    data = dataset()
    exact, paper = exact_by_hand(data.x, data.weights), paper_by_hand(data.x, 16)
    assert all(np.abs(a[1] - b[1]).max() > 1e-2 for a, b in zip(exact, paper, strict=True))


@pytest.mark.parametrize("kept", ["ema", "cumulative"])
def test_what_training_remembered_is_kept_by_those_who_ask_for_it(kept):
    params, stats = start()
    found = memories(settled(network(kept, kept, kept), params, stats, dataset(), 16))
    for memory, before in zip(found, memories(stats), strict=True):
        for one, other in zip(memory, before, strict=True):
            np.testing.assert_array_equal(one, other)


def test_estimators_mix_and_an_exact_one_sees_what_the_kept_ones_make():
    data = dataset()
    found = memories(settle(("ema", "exact", "ema"), data))
    inputs = []

    def normalize(index, values):
        inputs.append(values)
        return values / np.sqrt(1 + EPSILON)

    by_hand(data.x, normalize)
    assert found[0].weight == found[2].weight == 0
    np.testing.assert_allclose(found[1].mean, inputs[1].mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found[1].var, inputs[1].var(axis=0), rtol=1e-4)


def test_settling_twice_changes_nothing():
    data = dataset()
    params, _ = start()
    once = settle(EXACT, data)
    equal(settled(network(*EXACT), params, once, data), [(memory.mean, memory.var) for memory in memories(once)], 1e-6)


def test_moments_that_are_not_finite_leave_the_memory_as_it_is():
    data = dataset()
    data.x[3, 1] = np.inf
    found = memories(settle(EXACT, data))
    for memory, before in zip(found, memories(start()[1]), strict=True):
        np.testing.assert_array_equal(memory.var, before.var)


def test_batch_norms_are_listed_in_the_order_of_their_memories():
    made = network("ema", "paper", "cumulative")
    assert [norm.estimator for norm in batch_norms(made)] == ["ema", "paper", "cumulative"]
    sizes = [memory.mean.shape for memory in memories(start()[1])]
    assert sizes == [(6,), (4,), (4,)]


def test_a_network_without_batch_norm_has_nothing_to_settle():
    plain = Sequential((Dense(3),))
    params, stats, _ = plain.init(jax.random.key(0), (FEATURES,))
    assert settled(plain, params, stats, dataset()) == stats

"""Whitening of inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.train.problems import dataset

from gammabeta.errors import PlanError
from gammabeta.nn import PREDICTING, Dense, Flatten, Mlp, Sequential, SoftmaxCrossEntropy, Whitening, calibrate
from gammabeta.plan import Plan
from gammabeta.train import fit

MIX = np.array([[3.0, 1.0, 0.0, 0.2], [0.0, 2.0, -1.0, 0.0], [0.0, 0.0, 0.5, 0.1], [0.0, 0.0, 0.0, 4.0]])
X = (np.random.default_rng(0).standard_normal((301, 4)) @ MIX + [7, -3, 0, 100]).astype(np.float32)


def whitened(layer, x, weights=None):
    params, stats = calibrate(layer, *layer.init(jax.random.key(0), x.shape[1:])[:2], jnp.asarray(x), weights)
    return np.asarray(layer.apply(params, stats, x, PREDICTING)[0], np.float64), stats


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_whitened_rows_have_mean_0_and_the_identity_as_covariance(method):
    y, _ = whitened(Whitening(method), X)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(y.T, bias=True), np.eye(4), atol=2e-3)


def test_pca_orders_directions_by_variance_and_equals_its_formula():
    y, stats = whitened(Whitening("pca"), X)
    values, vectors = np.linalg.eigh(np.cov(X.T.astype(np.float64), bias=True))
    wanted = ((X - X.mean(0, dtype=np.float64)) @ vectors / np.sqrt(values))[:, ::-1]
    np.testing.assert_allclose(np.abs(y), np.abs(wanted), atol=5e-3)
    lengths = np.linalg.norm(stats.matrix, axis=0)
    assert (np.diff(lengths) > 0).all()


def test_zca_is_symmetric_and_nearest_to_the_inputs():
    _, stats = whitened(Whitening("zca"), X)
    np.testing.assert_allclose(stats.matrix, stats.matrix.T, atol=1e-4)


def test_rows_without_weight_are_not_seen():
    weights = jnp.asarray([1.0] * 301 + [0.0] * 5)
    y, _ = whitened(Whitening(), np.concatenate([X, np.full((5, 4), 1e4, np.float32)]), weights)
    np.testing.assert_allclose(np.cov(y[:301].T, bias=True), np.eye(4), atol=2e-3)


def test_a_direction_without_variance_is_not_blown_up():
    x = np.concatenate([X, X[:, :1], np.full((301, 1), 5.0, np.float32)], axis=1)
    y, _ = whitened(Whitening(), x)
    assert np.isfinite(y).all()
    assert np.abs(y).max() < 20


def test_images_are_refused_without_a_flatten():
    with pytest.raises(PlanError, match="put a flatten before it"):
        Whitening().init(jax.random.key(0), (2, 2, 1))
    network = Sequential((Flatten(), Whitening(), Dense(2)))
    assert network.init(jax.random.key(0), (2, 2, 1)).shape == (2,)


def test_a_plan_whitens_before_the_first_step():
    plan = Plan(network=Mlp(hidden=(6,), whitening="pca"), loss=SoftmaxCrossEntropy(), epochs=1, batch_size=16)
    data = dataset()
    (epoch,) = fit(plan, data)
    stats = epoch.state.stats[0]
    y = (data.x - np.asarray(stats.mean)) @ np.asarray(stats.matrix)
    np.testing.assert_allclose(np.cov(y.T, bias=True), np.eye(data.x.shape[1]), atol=0.1)

"""Ghost batches, the three switches of a frozen batch norm, layer and group norm, centered weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta import moments
from gammabeta.errors import PlanError
from gammabeta.model import fold
from gammabeta.nn import (
    PREDICTING,
    Activation,
    BatchNorm,
    Call,
    Conv2D,
    Dense,
    Dropout,
    Frozen,
    GroupNorm,
    LayerNorm,
    Residual,
    Sequential,
)

TRAINING = Call(by_batch=True)
X = (3 + 4 * np.random.default_rng(0).standard_normal((23, 6))).astype(np.float32)
IMAGES = (3 + 4 * np.random.default_rng(1).standard_normal((7, 3, 2, 4))).astype(np.float32)


def fresh(layer, x=X):
    return layer.init(jax.random.key(0), x.shape[1:])


def standardized(x, axes, epsilon=1e-5):
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(("size", "ghosts"), [(8, 2), (12, 1), (5, 4), (2, 11), (23, 1)])
@pytest.mark.parametrize("x", [X, IMAGES.repeat(4, axis=0)[:23]], ids=["rows", "images"])
def test_each_ghost_is_normalized_by_its_own_moments(x, size, ghosts):
    layer = BatchNorm(ghost_size=size)
    y, _ = layer.apply(fresh(layer, x).params, fresh(layer, x).stats, x, TRAINING)
    for ghost in range(ghosts):
        rows = slice(ghost, None, ghosts)
        assert size <= len(x[rows]) < 2 * size
        wanted = standardized(x[rows], tuple(range(x.ndim - 1)))
        np.testing.assert_allclose(y[rows], wanted, rtol=1e-4, atol=1e-4)


@jax.jit
def in_ghosts_of_three(x, weights):
    layer = BatchNorm(ghost_size=3)
    return layer.apply(*fresh(layer)[:2], x, Call(by_batch=True, weights=weights))


@pytest.mark.parametrize("scattered", [False, True], ids=["padding at the end", "rows of weight 0 anywhere"])
@pytest.mark.parametrize("rows", range(2, 24))
def test_every_ghost_of_a_padded_batch_has_its_size_or_more_and_does_not_see_padding(rows, scattered):
    random = np.random.default_rng(rows)
    places = np.sort(random.permutation(23)[:rows]) if scattered else np.arange(rows)
    weights = np.zeros(23, np.float32)
    weights[places] = random.uniform(0.5, 2, rows)
    y, seen = in_ghosts_of_three(np.where(weights[:, None] > 0, X, 1e3), weights)
    ghosts = max(1, rows // 3)
    for ghost in range(ghosts):
        own = places[ghost::ghosts]
        assert len(own) >= min(3, rows)
        center = np.average(X[own], axis=0, weights=weights[own])
        spread = np.sqrt(np.average((X[own] - center) ** 2, axis=0, weights=weights[own]) + 1e-5)
        np.testing.assert_allclose(np.asarray(y)[own], (X[own] - center) / spread, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(seen.moments.rows, weights.sum(), rtol=1e-6)
    # how many ghosts there are is no shape
    assert in_ghosts_of_three._cache_size() == 1


def test_what_ghosts_remember_are_the_moments_of_the_whole_batch():
    layer = BatchNorm(ghost_size=8)
    _, seen = layer.apply(*fresh(layer)[:2], X, TRAINING)
    np.testing.assert_allclose(seen.moments.mean, X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(seen.moments.var, X.var(0), rtol=1e-4)


def test_a_ghost_larger_than_the_batch_is_refused():
    layer = BatchNorm(ghost_size=64)
    with pytest.raises(
        PlanError, match=r"^batch_norm.ghost_size: 64 is larger than the batch of 23 rows, expected 2 to"
    ):
        layer.apply(*fresh(layer)[:2], X, TRAINING)


def test_ghosts_do_not_matter_for_predictions():
    ghostly, whole = BatchNorm(ghost_size=4), BatchNorm()
    params, stats, _ = fresh(whole)
    for call in (PREDICTING, Call(by_batch=True, observing=True)):
        np.testing.assert_array_equal(ghostly.apply(params, stats, X, call)[0], whole.apply(params, stats, X, call)[0])


REMEMBERED = moments.RunningMoments(jnp.ones(()), jnp.full(6, 2.0), jnp.full(6, 9.0))


def test_the_first_switch_normalizes_by_memory_while_training_and_still_updates_it():
    layer = BatchNorm(normalizes_by="memory", update_rate=0.5)
    y, seen = layer.apply(fresh(layer).params, REMEMBERED, X, TRAINING)
    np.testing.assert_allclose(y, (X - 2) / np.sqrt(9 + 1e-5), rtol=1e-5, atol=1e-5)
    after = layer.remember(REMEMBERED, seen)
    np.testing.assert_allclose(after.mean, (2 + X.mean(0)) / 2, rtol=1e-4)


def test_the_second_switch_normalizes_by_the_batch_and_leaves_the_memory():
    layer = BatchNorm(update=False)
    y, seen = layer.apply(fresh(layer).params, REMEMBERED, X, TRAINING)
    np.testing.assert_allclose(y, standardized(X, 0), rtol=1e-4, atol=1e-4)
    assert layer.remember(REMEMBERED, seen) is REMEMBERED


def test_the_third_switch_holds_gamma_and_beta():
    layer = BatchNorm(train=False)
    assert layer.pace(fresh(layer).params, 0.0) == {"gamma": 0.0, "beta": 0.0}
    assert BatchNorm().pace(fresh(layer).params, 0.0) == {"gamma": 1.0, "beta": 1.0}


def test_nothing_in_a_frozen_layer_moves_and_it_computes_as_in_prediction():
    inner = Sequential((Dense(4), BatchNorm(), Activation("relu"), Dropout(0.5)))
    layer = Frozen(inner)
    params, stats, shape = fresh(layer)
    assert shape == (4,)

    def loss(params):
        y, seen = layer.apply(params, stats, X, Call(key=jax.random.key(1), by_batch=True))
        return jnp.sum(y**2), (y, seen)

    grads, (y, seen) = jax.grad(loss, has_aux=True)(params)
    np.testing.assert_array_equal(y, inner.apply(params, stats, X, PREDICTING)[0])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(grads))
    assert not any(jax.tree.leaves(layer.pace(params, 0.0)))
    assert layer.remember(stats, seen) is stats


def test_frozen_layers_inside_others_stay_frozen():
    network = Sequential((Frozen(Dense(4)), Residual(Sequential((Frozen(BatchNorm()), Dense(4)))), Dense(2)))
    params, _, _ = fresh(network)
    pace = network.pace(params, 0.0)
    assert pace[0] == {"weight": 0.0, "bias": 0.0}
    assert pace[1][0][0] == {"gamma": 0.0, "beta": 0.0}
    assert pace[1][0][1] == {"weight": 1.0, "bias": 1.0}
    assert pace[2] == {"weight": 1.0, "bias": 1.0}


@pytest.mark.parametrize("x", [X, IMAGES], ids=["rows", "images"])
def test_layer_norm_is_over_the_features_of_each_row(x):
    layer = LayerNorm(epsilon=1e-3)
    params, stats, _ = fresh(layer, x)
    params = {"gamma": params["gamma"] * 2, "beta": params["beta"] - 1}
    wanted = 2 * standardized(x, -1, 1e-3) - 1
    for call in (TRAINING, PREDICTING):
        np.testing.assert_allclose(layer.apply(params, stats, x, call)[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm_is_over_pixels_and_neighboring_channels(groups):
    layer = GroupNorm(groups=groups)
    params, stats, _ = fresh(layer, IMAGES)
    wanted = np.concatenate([standardized(part, (1, 2, 3)) for part in np.split(IMAGES, groups, axis=-1)], axis=-1)
    np.testing.assert_allclose(layer.apply(params, stats, IMAGES, PREDICTING)[0], wanted, rtol=1e-4, atol=1e-5)


def test_group_norm_of_one_group_of_rows_is_layer_norm():
    one, all_of_it = GroupNorm(groups=1), LayerNorm()
    params, stats, _ = fresh(one)
    np.testing.assert_allclose(
        one.apply(params, stats, X, PREDICTING)[0], all_of_it.apply(params, stats, X, PREDICTING)[0], atol=1e-6
    )


def test_groups_that_do_not_divide_the_features_are_refused_with_those_that_do():
    with pytest.raises(PlanError, match=r"4 does not divide 6 features; choose one of 1, 2, 3, 6"):
        fresh(GroupNorm(groups=4))


def test_a_single_row_is_no_trouble_for_layer_and_group_norm():
    for layer in (LayerNorm(), GroupNorm(groups=2)):
        y, _ = layer.apply(*fresh(layer)[:2], X[:1], TRAINING)
        assert np.isfinite(y).all()
        assert np.std(y) == pytest.approx(1, abs=0.05)


def test_centered_weights_have_mean_0_and_the_length_of_their_gain():
    layer = Dense(5, weight_norm="centered")
    params, _, _ = fresh(layer)
    params = {**params, "weight": params["weight"] * 7 + 3, "gain": jnp.arange(1.0, 6.0)}
    matrix = np.asarray(layer.matrix(params))
    np.testing.assert_allclose(matrix.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), [1, 2, 3, 4, 5], rtol=1e-5)
    v = np.asarray(params["weight"], np.float64) - np.asarray(params["weight"], np.float64).mean(0)
    y, _ = layer.apply(params, (), X, PREDICTING)
    np.testing.assert_allclose(y, X @ (v / np.linalg.norm(v, axis=0) * np.arange(1, 6)), rtol=1e-4, atol=1e-3)


def test_a_convolution_of_centered_weights_equals_its_formula_filter_by_filter():
    layer = Conv2D(4, (2, 3), padding="valid", weight_norm="centered")
    random = np.random.default_rng(6)
    x, v = 3 + 4 * random.standard_normal((3, 4, 5, 2)), 1 + random.standard_normal((2, 3, 2, 4))
    gain, bias = random.standard_normal((2, 4))
    wanted = np.empty((3, 3, 3, 4))
    for k in range(4):
        centered = v[..., k] - v[..., k].sum() / 12
        w = gain[k] * centered / np.sqrt((centered**2).sum())
        for i, j in np.ndindex(3, 3):
            wanted[:, i, j, k] = (x[:, i : i + 2, j : j + 3] * w).sum(axis=(1, 2, 3)) + bias[k]
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, {"weight": v, "gain": gain, "bias": bias})
        assert jax.tree.structure(layer.init(jax.random.key(0), (4, 5, 2)).params) == jax.tree.structure(params)
        y, _ = layer.apply(params, (), jnp.asarray(x), PREDICTING)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-11)


def test_equal_weights_have_no_direction_and_give_finite_numbers():
    layer = Dense(2, weight_norm="centered")
    params = {**fresh(layer).params, "weight": jnp.ones((6, 2))}
    value, grads = jax.value_and_grad(lambda p: jnp.sum(layer.apply(p, (), X, PREDICTING)[0] ** 2))(params)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_folding_keeps_the_function_of_centered_weights_and_of_frozen_layers():
    network = Sequential(
        (Frozen(Dense(5, weight_norm="centered")), Frozen(BatchNorm()), Activation("tanh"), BatchNorm(), Dense(3))
    )
    params, stats, _ = fresh(network)
    stats = jax.tree.map(lambda leaf: leaf + 0.3, stats)
    folded = fold(network, params, stats)
    assert not any(isinstance(layer, BatchNorm | Frozen) for layer in folded.network.layers)
    wanted, _ = network.apply(params, stats, X, PREDICTING)
    found, _ = folded.network.apply(folded.params, folded.stats, X, PREDICTING)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)

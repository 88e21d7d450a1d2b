"""Batch norm: what the notes say it does, on data that is not symmetric."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta import moments
from gammabeta.errors import PlanError
from gammabeta.moments import BatchMoments, RunningMoments
from gammabeta.nn import (
    PREDICTING,
    Activation,
    BatchNorm,
    Call,
    Dense,
    Dropout,
    Frozen,
    HeNormal,
    Residual,
    Sequential,
    SquaredError,
    XavierNormal,
    XavierUniform,
)
from gammabeta.train.accumulate import accumulated
from gammabeta.train.step import mean_loss

FEATURES = 3
TRAINING = Call(by_batch=True)
KEY = jax.random.key(0)


def normal(rows: int, seed: int, features: int = FEATURES) -> np.ndarray:
    """Rows of N(3, 4^2) in float32."""
    return (3 + 4 * np.random.default_rng(seed).standard_normal((rows, features))).astype(np.float32)


@partial(jax.jit, static_argnames="layer")
def remembered(layer, batches):
    """The statistics after training passes over batches (steps, rows, ..., features)."""
    params, stats, _ = layer.init(KEY, batches.shape[2:])

    def step(stats, x):
        return layer.remember(stats, layer.apply(params, stats, x, TRAINING)[1]), None

    return jax.lax.scan(step, stats, batches)[0]


def fresh(layer, x):
    params, stats, _ = layer.init(KEY, x.shape[1:])
    return params, stats


def in_training(layer, x, call=TRAINING):
    params, stats = fresh(layer, x)
    return np.asarray(layer.apply(params, stats, jnp.asarray(x), call)[0])


class Variant(NamedTuple):
    """A way in which batch norm meets a batch: in ghosts, with weights of rows, by micro-batches, inside Frozen."""

    ghost_size: int | None = None
    weighted: bool = False
    micro: int | None = None
    frozen: bool = False

    def layer(self, **options):
        norm = BatchNorm(ghost_size=self.ghost_size, **options)
        return Frozen(norm) if self.frozen else norm

    def weights(self, rows):
        return np.float32(np.random.default_rng(31).uniform(0, 2, rows) if self.weighted else np.ones(rows))

    def step(self, network, params, stats, x, targets, weights):
        """(loss, what was seen, gradient) of a training step, the loss being the squared distance from targets."""
        loss = SquaredError()
        if self.micro is not None:
            return accumulated(network, loss, params, stats, x, targets, weights, KEY, self.micro)[:3]

        def objective(params):
            y, seen = network.apply(params, stats, x, Call(by_batch=True, observing=self.frozen, weights=weights))
            return mean_loss(loss, y, targets, weights), seen

        (value, seen), gradient = jax.value_and_grad(objective, has_aux=True)(params)
        return value, seen, gradient


VARIANTS = {
    "plain": Variant(),
    "ghost": Variant(ghost_size=4),
    "weighted": Variant(weighted=True),
    "ghost, weighted": Variant(ghost_size=4, weighted=True),
    "accumulated": Variant(micro=5),
    "accumulated, weighted": Variant(micro=5, weighted=True),
    "frozen": Variant(frozen=True),
}
every_variant = pytest.mark.parametrize("name", VARIANTS)


# ---- what normalizes a prediction


@cache
def memories_of_a_hundred_steps(name, estimator):
    """(layer, its memory after each step): a frozen one begins with that of one batch."""
    layer = VARIANTS[name].layer(estimator=estimator, update_rate=0.01)
    batches = jnp.asarray(np.stack([normal(257, seed) for seed in range(100)]))
    params, stats, _ = layer.init(KEY, (FEATURES,))

    def step(stats, x):
        _, seen, _ = VARIANTS[name].step(layer, params, stats, x, x, VARIANTS[name].weights(257))
        after = layer.remember(stats, seen)
        return after, after

    stats = moments.as_memory(moments.observe(batches[0])) if VARIANTS[name].frozen else stats
    return layer, params, jax.jit(lambda: jax.lax.scan(step, stats, batches)[1])()


@pytest.mark.parametrize("steps", [1, 10, 100])
@pytest.mark.parametrize("estimator", ["ema", "cumulative"])
@every_variant
def test_predictions_on_data_like_the_training_data_have_mean_0_and_spread_1(name, estimator, steps):
    layer, params, memories = memories_of_a_hundred_steps(name, estimator)
    stats = jax.tree.map(lambda leaf: leaf[steps - 1], memories)
    y, _ = layer.apply(params, stats, normal(10_001, 999), PREDICTING)
    # 4 sigma of what 257 rows can know of their own distribution; of unequal weights three quarters of them count
    tolerance = 4 / np.sqrt(0.75 * 257)
    assert np.abs(np.mean(y, axis=0)).max() < tolerance
    assert np.abs(np.std(y, axis=0) - 1).max() < tolerance


def test_one_batch_is_remembered_as_it_is():
    x = normal(7, 1)
    stats = remembered(BatchNorm(update_rate=0.01), x[None])
    np.testing.assert_allclose(stats.mean, x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(stats.var, x.var(axis=0, ddof=1), rtol=1e-5)


def test_the_newest_batch_has_the_share_of_the_update_rate():
    x = np.stack([normal(9, seed) + 10 * seed for seed in (1, 2)])
    stats = remembered(BatchNorm(update_rate=0.25, estimator="ema"), x)
    shares = np.array([0.75 * 0.25, 0.25]) / (0.75 * 0.25 + 0.25)
    np.testing.assert_allclose(stats.mean, shares @ x.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(stats.var, shares @ x.var(axis=1, ddof=1), rtol=1e-5)


def test_a_cumulative_memory_ignores_the_update_rate():
    x = np.stack([normal(9, seed) + 10 * seed for seed in (1, 2, 3)])
    stats = remembered(BatchNorm(update_rate=0.9, estimator="cumulative"), x)
    np.testing.assert_allclose(stats.mean, x.mean(axis=(0, 1)), rtol=1e-5)


def test_gamma_as_the_spread_and_beta_as_the_mean_give_back_the_input():
    layer = BatchNorm(epsilon=0.25)
    x = normal(11, 2)
    seen = moments.observe(jnp.asarray(x))
    params = {"gamma": jnp.sqrt(seen.var + 0.25), "beta": seen.mean}
    np.testing.assert_allclose(layer.apply(params, (), jnp.asarray(x), TRAINING)[0], x, atol=1e-5)
    memory = moments.as_memory(seen)
    np.testing.assert_allclose(layer.apply(params, memory, jnp.asarray(x), PREDICTING)[0], x, atol=1e-5)


def test_the_first_output_is_that_of_plain_normalization():
    layer = BatchNorm(scale=False, shift=False)
    assert fresh(layer, normal(5, 3))[0] == {}
    np.testing.assert_allclose(in_training(layer, normal(5, 3)), in_training(BatchNorm(), normal(5, 3)), atol=1e-7)


# ---- formulas, by hand


def test_the_example_of_the_notes():
    x = np.array([[15.0], [25], [15], [10], [5]], np.float32)
    y = in_training(BatchNorm(epsilon=1e-7), x)
    np.testing.assert_allclose(y[:, 0], [0.151, 1.658, 0.151, -0.603, -1.357], atol=5e-4)


def test_epsilon_inside_the_root_and_outside_of_it():
    # mean 2, variance 4, spread 2: by hand
    x = np.array([[0.0], [4]], np.float32)
    inside, outside = (
        in_training(BatchNorm(epsilon=0.25, epsilon_placement=place), x) for place in ("inside", "outside")
    )
    np.testing.assert_allclose(inside[:, 0], [-2 / 4.25**0.5, 2 / 4.25**0.5], rtol=1e-6)
    np.testing.assert_allclose(outside[:, 0], [-2 / 2.25, 2 / 2.25], rtol=1e-6)


def test_scale_and_shift_apply_after_normalization():
    x = np.array([[0.0], [4]], np.float32)
    layer = BatchNorm(epsilon=0.0, initial_gamma=3.0, initial_beta=-5.0)
    np.testing.assert_allclose(in_training(layer, x)[:, 0], [-8, -2], rtol=1e-6)


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_constant_feature_comes_out_as_beta_with_a_finite_gradient(place):
    x = jnp.asarray(np.concatenate([np.full((5, 1), 7.0), normal(5, 4, 1)], axis=1), jnp.float32)
    layer = BatchNorm(epsilon_placement=place, initial_beta=0.5)
    params, stats = fresh(layer, x)

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def slopes(x):
        y, _ = layer.apply(params, stats, x, TRAINING)
        return jnp.sum(y**3), y

    by_x, y = slopes(x)
    np.testing.assert_allclose(y[:, 0], 0.5, atol=1e-6)
    assert np.isfinite(by_x).all()


def test_every_channel_of_an_image_is_normalized_over_rows_and_pixels():
    x = normal(5 * 4 * 2, 5).reshape(5, 4, 2, FEATURES) * np.array([1, 5, 0.1], np.float32)
    y = in_training(BatchNorm(), x)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, atol=1e-3)
    np.testing.assert_allclose(y.reshape(-1, FEATURES), in_training(BatchNorm(), x.reshape(-1, FEATURES)), atol=1e-5)


# ---- what it is blind to


@pytest.mark.parametrize("name", [name for name in VARIANTS if not VARIANTS[name].frozen])
def test_scaling_the_weights_before_batch_norm_changes_nothing(name):
    """A frozen one is not blind to it: what it remembers is of the weights as they were."""
    network = Sequential((Dense(6), VARIANTS[name].layer(epsilon=0.0)))
    x, targets = jnp.asarray(normal(13, 6, 4)), jnp.asarray(normal(13, 7, 6))
    params, stats, _ = network.init(KEY, (4,))

    @jax.jit
    def step(weight):
        of = (({"weight": weight}, params[1]), stats, x, targets, VARIANTS[name].weights(13))
        loss, _, gradient = VARIANTS[name].step(network, *of)
        return loss, gradient[0]["weight"]

    weight = params[0]["weight"]
    (loss, gradient), (scaled, weaker) = step(weight), step(7 * weight)
    np.testing.assert_allclose(scaled, loss, rtol=1e-5)
    np.testing.assert_allclose(7 * weaker, gradient, rtol=1e-3, atol=1e-3)
    # the loss is constant along the weights of every unit, so the gradient has nothing in that direction
    along = np.sum(np.asarray(gradient) * np.asarray(weight), axis=0)
    sizes = np.linalg.norm(gradient, axis=0) * np.linalg.norm(weight, axis=0)
    assert np.abs(along / sizes).max() < 1e-4


def test_a_bias_before_batch_norm_changes_nothing():
    network = Sequential((Dense(6, bias=True), BatchNorm()))
    x = jnp.asarray(normal(9, 6, 4))
    params, stats, _ = network.init(KEY, (4,))
    moved = ({**params[0], "bias": params[0]["bias"] + 5.0}, params[1])
    y, other = (network.apply(p, stats, x, TRAINING)[0] for p in (params, moved))
    np.testing.assert_allclose(other, y, atol=1e-4)


# ---- what it saw, and what it keeps


@every_variant
def test_parts_merged_equal_the_whole(name):
    layer = VARIANTS[name].layer()
    x, weights = jnp.asarray(normal(12, 8)), VARIANTS[name].weights(12)
    params, stats = fresh(layer, x)
    seen = jax.jit(lambda weights: VARIANTS[name].step(layer, params, stats, x, x, weights)[1].moments)
    of_first = np.arange(12) < 5
    whole, first, second = seen(weights), seen(weights * of_first), seen(weights * ~of_first)
    np.testing.assert_allclose(first.mean, np.average(x[:5], axis=0, weights=weights[:5]), rtol=1e-5)
    for found, wanted in zip(moments.merge(first, second), whole, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (7, 2, 5)], ids=["table", "image"])
def test_whole_weights_count_like_repeated_rows(shape):
    layer = BatchNorm(estimator="ema")
    x = normal(int(np.prod(shape)), 9).reshape(*shape, FEATURES)
    counts = np.array([2, 1, 0, 3, 1, 1, 2])
    params, stats = fresh(layer, x)
    y, seen = layer.apply(params, stats, jnp.asarray(x), Call(by_batch=True, weights=counts.astype(np.float32)))
    repeated, wanted = layer.apply(params, stats, jnp.asarray(np.repeat(x, counts, axis=0)), TRAINING)
    np.testing.assert_allclose(np.repeat(y, counts, axis=0), repeated, atol=1e-5)
    after, other = layer.remember(stats, seen), layer.remember(stats, wanted)
    for found, expected in zip((*seen.moments, *after), (*wanted.moments, *other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_frozen_pass_normalizes_by_memory_and_changes_no_memory():
    layer = BatchNorm(estimator="ema")
    x = jnp.asarray(normal(9, 10))
    params, _ = fresh(layer, x)
    stats = RunningMoments(jnp.asarray(0.3), jnp.array([1.0, 2, 3]), jnp.array([4.0, 9, 16]))
    for _ in range(20):
        y, seen = layer.apply(params, stats, x, PREDICTING)
        stats = layer.remember(stats, seen)
    assert seen.moments is None
    assert [np.asarray(part).tolist() for part in stats[1:]] == [[1, 2, 3], [4, 9, 16]]
    np.testing.assert_allclose(y, (x - np.array([1, 2, 3])) / np.array([2, 3, 4]), atol=1e-4)


def test_observing_reports_moments_while_memory_normalizes():
    layer = BatchNorm()
    x = jnp.asarray(normal(9, 10))
    params, stats = fresh(layer, x)
    y, seen = layer.apply(params, stats, x, Call(observing=True))
    np.testing.assert_allclose(y, x, rtol=1e-4)
    np.testing.assert_allclose(seen.moments.mean, np.mean(x, axis=0), rtol=1e-5)
    np.testing.assert_allclose(seen.moments.var, np.var(x, axis=0), rtol=1e-5)


@pytest.mark.parametrize("estimator", ["ema", "cumulative"])
@pytest.mark.parametrize("poison", [np.nan, np.inf, 3e38])
def test_a_batch_that_is_not_finite_leaves_the_memory_as_it_is(estimator, poison):
    layer = BatchNorm(estimator=estimator)
    good, bad = normal(9, 11), normal(9, 12)
    bad[4, 1] = poison
    with_bad, without = remembered(layer, np.stack([good, bad])), remembered(layer, np.stack([good]))
    for found, wanted in zip(with_bad, without, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_after_a_bad_batch_a_good_one_is_remembered_again():
    layer = BatchNorm(estimator="cumulative")
    good, bad, other = normal(9, 11), np.full((9, FEATURES), np.nan, np.float32), normal(9, 13)
    found = remembered(layer, np.stack([good, bad, other]))
    wanted = remembered(layer, np.stack([good, other]))
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


# ---- edges


@pytest.mark.parametrize("call", [TRAINING, Call(by_batch=True, observing=True)])
@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3)])
def test_a_single_value_per_feature_is_refused_naming_remedies(shape, call):
    with pytest.raises(PlanError) as refusal:
        in_training(BatchNorm(), normal(1, 14).reshape(shape), call)
    for word in ("batch_norm", "single value", "batch_size", "layer normalization", "no normalization"):
        assert word in str(refusal.value)


def test_a_single_image_of_many_pixels_is_normalized():
    y = in_training(BatchNorm(), normal(6, 15).reshape(1, 2, 3, FEATURES))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-5)


def test_a_single_row_is_predicted():
    assert np.isfinite(in_training(BatchNorm(), normal(1, 16), PREDICTING)).all()


@pytest.mark.parametrize("shape", [(256,), (8, 8, 4)], ids=["table", "image"])
@pytest.mark.parametrize("offset", [0, 1e2, 1e3, 1e4, 1e5])
def test_far_from_zero_the_training_output_keeps_its_spread(shape, offset):
    x = offset + np.random.default_rng(17).standard_normal((*shape, FEATURES)).astype(np.float32)
    y = in_training(BatchNorm(), x.astype(np.float32)).astype(np.float64)
    spread = y.reshape(-1, FEATURES).std(axis=0)
    assert np.isfinite(y).all()
    if offset < 1e5:
        np.testing.assert_allclose(spread, 1.0, atol=0.02)
        assert np.abs(y.reshape(-1, FEATURES).mean(axis=0)).max() < 0.02


# ---- what a sequence makes of its neighbors


def filled(*layers):
    return Sequential(layers).layers[0]


def test_a_dense_layer_directly_before_a_shift_has_no_bias():
    assert filled(Dense(3), BatchNorm()).bias is False
    assert "bias" not in Sequential((Dense(3), BatchNorm())).init(KEY, (4,)).params[0]


@pytest.mark.parametrize(
    "following",
    [(), (BatchNorm(shift=False),), (Activation("relu"), BatchNorm()), (Dropout(0.5), BatchNorm())],
    ids=["nothing", "no shift", "an activation between", "dropout between"],
)
def test_a_dense_layer_keeps_its_bias_where_no_shift_follows_directly(following):
    assert filled(Dense(3), *following).bias is True


def test_a_bias_that_was_asked_for_stays():
    assert filled(Dense(3, bias=True), BatchNorm()).bias is True
    assert filled(Dense(3, bias=False)).bias is False


INITIALIZERS = {
    "relu": HeNormal(),
    "leaky_relu": HeNormal(),
    "elu": HeNormal(),
    "selu": HeNormal(),
    "gelu": HeNormal(),
    "silu": HeNormal(),
    "softplus": HeNormal(),
    "tanh": XavierNormal(),
    "sigmoid": XavierNormal(),
    "identity": XavierNormal(),
}


@pytest.mark.parametrize("between", [(), (BatchNorm(),), (BatchNorm(), Dropout(0.1))])
@pytest.mark.parametrize("activation", INITIALIZERS)
def test_the_activation_that_follows_chooses_the_initializer(activation, between):
    assert filled(Dense(3), *between, Activation(activation)).initializer == INITIALIZERS[activation]


def test_a_layer_between_hides_the_activation():
    assert filled(Dense(3), Dense(2), Activation("relu")).initializer == XavierNormal()
    assert filled(Dense(3)).initializer == XavierNormal()


def test_an_initializer_that_was_asked_for_stays():
    assert filled(Dense(3, initializer=XavierUniform()), Activation("relu")).initializer == XavierUniform()


@pytest.mark.parametrize("shortcut", [None, Sequential((Dense(3),))], ids=["plain", "with a shortcut"])
def test_a_residual_whose_two_ways_differ_in_shape_is_refused(shortcut):
    with pytest.raises(PlanError, match=r"residual.*\(5,\).*shortcut"):
        Residual(Sequential((Dense(5),)), shortcut).init(KEY, (4,))


def test_what_was_seen_is_a_value_of_moments():
    layer = BatchNorm()
    x = jnp.asarray(normal(9, 18))
    seen = layer.apply(*fresh(layer, x), x, TRAINING)[1]
    assert isinstance(seen.moments, BatchMoments)
    assert seen.moments.rows == 9

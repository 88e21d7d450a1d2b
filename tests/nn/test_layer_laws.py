"""What every layer must obey: one list of layers, one list of laws."""

import dataclasses
import json
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from tests.nn.catalogue import GHOSTLY, LAYERS, RANDOM, ROWS, STILL, batch

from gammabeta.moments import RunningMoments
from gammabeta.nn import ACTIVATIONS, PREDICTING, Activation, BatchNorm, Call, Dense, Dropout, Layer, Mlp, Sequential
from gammabeta.serial import Description, dumps, fields, from_json, is_dynamic, lift, lower

PADDING = 2
every_layer = pytest.mark.parametrize("name", LAYERS)
steady_layer = pytest.mark.parametrize("name", [name for name in LAYERS if name not in RANDOM])

traced = []


class Passes(NamedTuple):
    """What one training and one predicting pass gave."""

    y: Any
    seen: Any
    after: Any  # the statistics that remember what was seen
    grads: Any  # of a loss of y, by parameters and by input
    predicted: Any
    seen_predicting: Any
    after_predicting: Any


# All layers in one program: one compilation instead of forty. Level 0, since it runs a few times only.
@partial(jax.jit, static_argnames="skeletons", compiler_options={"xla_backend_optimization_level": 0})
def passed(skeletons, numbers, params, stats, inputs, weights, key):
    traced.append(skeletons)

    def both(layer, params, stats, x):
        def objective(params, x):
            y, seen = layer.apply(params, stats, x, Call(key=key, weights=weights, by_batch=True))
            return jnp.sum(weights * jnp.sum(jnp.sin(y.reshape(y.shape[0], -1)), axis=1)), (y, seen)

        grads, (y, seen) = jax.grad(objective, argnums=(0, 1), has_aux=True)(params, x)
        predicted, nothing = layer.apply(params, stats, x, PREDICTING)
        return Passes(y, seen, layer.remember(stats, seen), grads, predicted, nothing, layer.remember(stats, nothing))

    layers = [lower(skeleton, own) for skeleton, own in zip(skeletons, numbers, strict=True)]
    return [both(*each) for each in zip(layers, params, stats, inputs, strict=True)]


@cache
def fresh():
    """Name -> what init gives, all from one program."""
    shapes = {}

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def initialized(key):
        made = {name: layer.init(key, shape) for name, (layer, shape) in LAYERS.items()}
        shapes.update({name: each.shape for name, each in made.items()})
        return {name: (each.params, each.stats) for name, each in made.items()}

    return {name: (*trees, shapes[name]) for name, trees in initialized(jax.random.key(1)).items()}


@cache
def started(name):
    """(params, stats, output shape), away from their symmetric start."""
    params, stats, shape = fresh()[name]
    random = np.random.default_rng(2)
    moved = jax.tree.map(lambda w: np.asarray(w + random.normal(0, 0.1, w.shape), np.float32), params)
    return moved, jax.tree.map(np.asarray, stats), shape


def padded(x, rubbish=1e3):
    """x with rows of nonsense at its end, and the weights that leave them out."""
    nonsense = np.full((PADDING, *x.shape[1:]), rubbish)
    return np.concatenate([x, nonsense]).astype(np.float32)


WEIGHTS = {
    "even": np.array([1.0] * ROWS + [0.0] * PADDING, np.float32),
    "uneven": np.array([1.0, 0.5, 2.0, 0.8, 1.3] + [0.0] * PADDING, np.float32),
}
either_weights = pytest.mark.parametrize("weights", WEIGHTS)
AS_THEY_ARE = np.arange(ROWS + PADDING)
PERMUTED = np.array([3, 6, 0, 5, 1, 4, 2])


def run(layers, rubbish=1e3, order=AS_THEY_ARE, key=None, weights="even"):
    """Name -> both passes over padded rows, for layers of the list or others like them."""
    skeletons, numbers = zip(*(lift(layer) for layer in layers.values()), strict=True)
    params, stats, _ = zip(*(started(name) for name in layers), strict=True)
    inputs = tuple(padded(batch(LAYERS[name].shape), rubbish)[order] for name in layers)
    made = passed(skeletons, numbers, params, stats, inputs, WEIGHTS[weights][order], key)
    return dict(zip(layers, jax.tree.map(np.asarray, made), strict=True))


@cache
def usual(weights="even"):
    return run(all_layers(), weights=weights)


def results(name, weights="even"):
    """Both passes over padded rows, nothing random."""
    return usual(weights)[name]


def all_layers():
    return {name: layer for name, (layer, _) in LAYERS.items()}


def with_other_numbers(layer):
    """The same layer with every dynamic number a little different."""
    skeleton, numbers = lift(layer)
    return lower(skeleton, {path: 0.8 * number + 0.05 for path, number in numbers.items()})


@cache
def variants():
    """The same program run on other rows, other numbers, and layers read back; and how often it was traced."""
    usual()
    before = len(traced)
    made = {
        "uneven": usual("uneven"),
        "even, permuted": run(all_layers(), order=PERMUTED),
        "uneven, permuted": run(all_layers(), order=PERMUTED, weights="uneven"),
        "other rubbish": run(all_layers(), rubbish=-40.0),
        "read back": run({name: from_json(json.loads(dumps(layer))) for name, layer in all_layers().items()}),
        "other numbers": run({name: with_other_numbers(layer) for name, layer in all_layers().items()}),
    }
    return made, len(traced) - before


@cache
def noisy(seed):
    return run({name: LAYERS[name].layer for name in RANDOM}, key=jax.random.key(seed))


def close(found, wanted, tolerance=2e-5):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


def test_the_list_holds_every_layer_and_every_activation():
    def kinds(description):
        yield type(description)
        for name in fields(type(description)):
            part = getattr(description, name)
            for item in part if isinstance(part, tuple) else (part,):
                if isinstance(item, Description):
                    yield from kinds(item)

    listed = {kind for layer, _ in LAYERS.values() for kind in kinds(layer)}
    known = {
        kind
        for kind in Description.kinds.values()
        if issubclass(kind, Layer) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("gammabeta.")
    }
    assert known - listed == set()
    assert {layer.function for layer, _ in LAYERS.values() if isinstance(layer, Activation)} == set(ACTIVATIONS)


@every_layer
def test_a_layer_comes_back_from_json_equal(name):
    layer, _ = LAYERS[name]
    back = from_json(json.loads(dumps(layer)))
    assert back == layer
    assert hash(back) == hash(layer)


def test_equal_layers_and_other_numbers_share_one_program():
    assert variants()[1] == 0


@every_layer
def test_a_layer_that_differs_in_numbers_only_is_the_same_to_the_compiler(name):
    layer, _ = LAYERS[name]
    for other in (from_json(json.loads(dumps(layer))), with_other_numbers(layer)):
        assert lift(other)[0] == lift(layer)[0]
        assert hash(lift(other)[0]) == hash(lift(layer)[0])
    for found, wanted in zip(variants()[0]["read back"][name], results(name), strict=True):
        close(found, wanted, tolerance=0)


NUMBERS_OF_THE_OUTPUT = ["batch norm", "batch norm, epsilon outside", "leaky relu", "elu"]


@pytest.mark.parametrize("name", NUMBERS_OF_THE_OUTPUT)
def test_another_number_reaches_the_output_through_the_shared_program(name):
    changed = with_other_numbers(LAYERS[name].layer)
    params, stats, _ = started(name)
    x = jnp.asarray(padded(batch(LAYERS[name].shape)))
    y = variants()[0]["other numbers"][name].y
    close(y, changed.apply(params, stats, x, Call(weights=WEIGHTS["even"], by_batch=True))[0])
    assert np.abs(np.asarray(y - results(name).y))[:ROWS].max() > 1e-3


@every_layer
def test_the_output_has_the_shape_that_init_announced(name):
    shape = (ROWS + PADDING, *started(name)[2])
    assert (results(name).y.shape, results(name).predicted.shape) == (shape, shape)


@every_layer
def test_float32_stays_float32(name):
    for tree in (*started(name)[:2], results(name)):
        assert {leaf.dtype for leaf in jax.tree.leaves(tree)} <= {np.dtype(np.float32)}


@every_layer
def test_half_precision_inputs_give_half_precision_outputs_and_wide_moments(name):
    layer, shape = LAYERS[name]
    params, stats, _ = started(name)
    params = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, jnp.bfloat16), params)
    x = jax.ShapeDtypeStruct((ROWS, *shape), jnp.bfloat16)
    y, seen = jax.eval_shape(lambda p, x: layer.apply(p, stats, x, Call(by_batch=True)), params, x)
    assert y.dtype == jnp.bfloat16
    for leaf in jax.tree.leaves(seen):
        assert leaf.dtype == jnp.float32


@either_weights
@every_layer
def test_compiled_and_padded_equals_eager_and_unpadded(name, weights):
    layer, shape = LAYERS[name]
    params, stats, _ = started(name)
    x = jnp.asarray(batch(shape), jnp.float32)
    found = results(name, weights)
    own = None if weights == "even" else jnp.asarray(WEIGHTS[weights][:ROWS])
    y, seen = layer.apply(params, stats, x, Call(by_batch=True, weights=own))
    close(found.y[:ROWS], y)
    close(found.seen, seen)
    close(found.after, layer.remember(stats, seen))
    close(found.predicted[:ROWS], layer.apply(params, stats, x, PREDICTING)[0])


@either_weights
@every_layer
def test_a_permuted_batch_gives_permuted_outputs(name, weights):
    """Of ghost batches what they saw and predict: which rows are together while training is a matter of places."""
    found, wanted, order = variants()[0][f"{weights}, permuted"][name], results(name, weights), PERMUTED
    real = order < ROWS
    close(found.predicted[real], wanted.predicted[order[real]])
    close((found.seen, found.after), (wanted.seen, wanted.after))
    if name not in GHOSTLY:
        close((found.y[real], found.grads[0]), (wanted.y[order[real]], wanted.grads[0]))
        close(found.grads[1], wanted.grads[1][order])


@every_layer
def test_rows_without_weight_change_nothing(name):
    found, wanted = variants()[0]["other rubbish"][name], results(name)
    close((found.y[:ROWS], found.predicted[:ROWS]), (wanted.y[:ROWS], wanted.predicted[:ROWS]))
    close((found.seen, found.after, found.grads), (wanted.seen, wanted.after, wanted.grads))
    assert not np.asarray(found.grads[1][ROWS:]).any()


@every_layer
def test_predicting_sees_nothing_and_changes_no_memory(name):
    assert jax.tree.leaves(results(name).seen_predicting) == []
    close(results(name).after_predicting, started(name)[1], tolerance=0)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in STILL])
def test_training_moves_every_memory(name):
    def memories(stats):
        nodes = jax.tree.leaves(stats, is_leaf=lambda node: isinstance(node, RunningMoments))
        return [node for node in nodes if isinstance(node, RunningMoments)]

    for old, new in zip(memories(started(name)[1]), memories(results(name).after), strict=True):
        assert old.weight == 0
        assert new.weight > 0
        assert np.abs(new.mean - old.mean).max() > 0.1
        assert np.abs(new.var - old.var).max() > 0.1


@steady_layer
def test_a_key_changes_nothing_where_nothing_is_random(name):
    layer, shape = LAYERS[name]
    params, stats, _ = started(name)
    call = Call(key=jax.random.key(3), by_batch=True)
    y, _ = layer.apply(params, stats, jnp.asarray(batch(shape), jnp.float32), call)
    close(y, results(name).y[:ROWS])


@pytest.mark.parametrize("name", RANDOM)
def test_noise_is_a_function_of_its_key(name):
    first, other = noisy(3)[name], noisy(4)[name]
    again = run({name: LAYERS[name].layer for name in RANDOM}, key=jax.random.key(3))[name]
    assert np.array_equal(first.y, again.y)
    assert not np.array_equal(first.y, other.y)
    assert not np.allclose(first.y, results(name).y)
    assert np.array_equal(first.predicted, other.predicted)


@cache
def slopes_and_differences():
    """Name -> the gradient by parameters and input, and its central differences, in float64, all from one program."""
    weights = np.array([1.0, 0.5, 2.0, 1.0, 0.0])

    def wide(tree):
        return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)

    def both(name, flat):
        layer, shape = LAYERS[name]
        params, stats, outputs = started(name)
        _, unflatten = ravel_pytree((wide(params), batch(shape)))
        slopes = np.linspace(-1, 1.3, int(np.prod(outputs)))

        def objective(flat):
            params, x = unflatten(flat)
            call = Call(key=jax.random.key(5), weights=weights, by_batch=True)
            y, _ = layer.apply(params, wide(stats), x, call)
            return jnp.sum(weights @ (jnp.sin(y.reshape(ROWS, -1)) * slopes))

        steps = 1e-5 * jnp.eye(flat.size)
        values = jax.vmap(objective)(jnp.concatenate([flat + steps, flat - steps])).reshape(2, -1)
        return jax.grad(objective)(flat), (values[0] - values[1]) / 2e-5

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def each(points):
        return {name: both(name, point) for name, point in points.items()}

    with jax.enable_x64(True):
        points = {name: ravel_pytree((wide(started(name)[0]), batch(LAYERS[name].shape)))[0] for name in LAYERS}
        return jax.tree.map(np.asarray, each(points))


@every_layer
def test_the_gradient_equals_central_differences_in_float64(name):
    exact, central = slopes_and_differences()[name]
    assert exact.dtype == np.float64
    if name == "frozen":
        # a gradient of its parameters is not asked for: they come first, and get none
        own = sum(leaf.size for leaf in jax.tree.leaves(started(name)[0]))
        assert not exact[:own].any()
        exact, central = exact[own:], central[own:]
    assert np.abs(exact).max() > 0.01
    np.testing.assert_allclose(exact, central, rtol=1e-6, atol=1e-7)


@every_layer
def test_an_untrained_layer_is_finite_and_tame_when_predicting(name):
    y = np.asarray(results(name).predicted)
    assert np.isfinite(y).all()
    assert np.abs(y[:ROWS]).max() < 100


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_an_untrained_network_ten_layers_deep_is_tame_when_predicting(activation):
    network = Mlp(hidden=(33,) * 10, activation=activation).expand((7,), 3)
    params, stats, _ = network.init(jax.random.key(0), (7,))
    y, _ = network.apply(params, stats, jnp.asarray(batch((7,), rows=65), jnp.float32), PREDICTING)
    assert np.isfinite(y).all()
    assert 1e-3 < np.abs(y).max() < 100


def test_the_list_of_dynamic_numbers_is_the_one_of_the_design():
    found = {
        kind.__name__: [name for name, hint in fields(kind).items() if is_dynamic(hint)]
        for kind in (Dense, Dropout, Activation, BatchNorm, Sequential)
    }
    assert found == {
        "Dense": [],
        "Dropout": ["rate"],
        "Activation": ["negative_slope", "alpha"],
        "BatchNorm": ["epsilon", "initial_gamma", "initial_beta", "update_rate"],
        "Sequential": [],
    }

"""Initializers: the distribution that each formula promises, over shapes whose two fans differ."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from gammabeta.errors import PlanError
from gammabeta.nn import ACTIVATIONS, PREDICTING, Activation, Dense, Sequential
from gammabeta.nn.initializers import (
    ConstantWeights,
    DataDependent,
    DropoutAdjusted,
    HeNormal,
    HeUniform,
    Initializer,
    Lsuv,
    Orthogonal,
    ScaledNormal,
    StandardNormal,
    UniformFanIn,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from gammabeta.nn.initializers.dropout_adjusted import second_moment
from gammabeta.serial import Description, from_json, lift, to_json

KEY = jax.random.key(11)

# (fan_in, fan_out, shape)
SHAPES = {
    "wide": (71, 203, (71, 203)),
    "narrow": (203, 71, (203, 71)),
    "window": (72, 144, (3, 3, 8, 16)),
}


class Case(NamedTuple):
    """An initializer, the standard deviation that its weights should have, and their family."""

    initializer: Initializer
    spread: Callable[[int, int], float]
    family: str


CASES: dict[str, Case] = {
    "zeros": Case(Zeros(), lambda m, n: 0.0, "equal"),
    "constant weights": Case(ConstantWeights(-0.5), lambda m, n: 0.0, "equal"),
    "standard normal": Case(StandardNormal(), lambda m, n: 1.0, "normal"),
    "scaled normal": Case(ScaledNormal(0.3), lambda m, n: 0.3, "normal"),
    "uniform fan in": Case(UniformFanIn(), lambda m, n: (1 / (3 * m)) ** 0.5, "uniform"),
    "xavier normal": Case(XavierNormal(), lambda m, n: (2 / (m + n)) ** 0.5, "normal"),
    "xavier uniform": Case(XavierUniform(), lambda m, n: (2 / (m + n)) ** 0.5, "uniform"),
    "he normal": Case(HeNormal(), lambda m, n: (2 / m) ** 0.5, "normal"),
    "he uniform": Case(HeUniform(), lambda m, n: (2 / m) ** 0.5, "uniform"),
    "dropout adjusted": Case(DropoutAdjusted(0.6, "relu"), lambda m, n: (0.6 / (m / 2)) ** 0.5, "normal"),
    "dropout adjusted, selu": Case(DropoutAdjusted(0.8, "selu"), lambda m, n: (0.8 / m) ** 0.5, "normal"),
    "orthogonal": Case(Orthogonal(), lambda m, n: max(m, n) ** -0.5, "orthogonal"),
    "orthogonal, gain": Case(Orthogonal(1.7), lambda m, n: 1.7 * max(m, n) ** -0.5, "orthogonal"),
    "lsuv": Case(Lsuv(), lambda m, n: max(m, n) ** -0.5, "orthogonal"),
    "data dependent": Case(DataDependent(), lambda m, n: m**-0.5, "normal"),
}
"""One list of every initializer, which every law goes through."""


# level 0, as when a network starts: the optimizer's passes over random bits take 9 s where 0.1 s do
@partial(jax.jit, static_argnames=("initializer", "shape"), compiler_options={"xla_backend_optimization_level": 0})
def sampled(initializer, key, shape):
    return initializer.sample(key, shape)


@cache
def drawn(name: str, shape: str) -> tuple[np.ndarray, float]:
    """Weights, and the standard deviation they should have. Orthogonal's window fans: 72 into 16 units."""
    fan_in, fan_out, dimensions = SHAPES[shape]
    initializer, spread, family = CASES[name]
    if family == "orthogonal":
        fan_out = dimensions[-1]
    weight = np.asarray(sampled(initializer, KEY, dimensions), np.float64)
    assert weight.shape == dimensions
    return weight, spread(fan_in, fan_out)


def test_no_initializer_is_missing_from_the_list():
    listed = {type(case.initializer) for case in CASES.values()}
    every = {kind for kind in Description.kinds.values() if issubclass(kind, Initializer) and kind is not Initializer}
    assert every == listed


# ---- distributions


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_weights_have_the_mean_and_the_spread_of_the_formula(name, shape):
    weight, spread = drawn(name, shape)
    if spread == 0:
        assert (weight == getattr(CASES[name].initializer, "value", 0.0)).all()
        return
    # 5 sigma of what so many weights can know of their distribution; a normal one's kurtosis is the largest here
    assert abs(weight.mean()) < 5 * spread / weight.size**0.5
    assert abs(weight.std() / spread - 1) < 5 / (2 * weight.size) ** 0.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.family in ("normal", "uniform")])
def test_weights_are_of_their_family_and_untruncated(name, shape):
    weight, spread = drawn(name, shape)
    normal = CASES[name].family == "normal"
    family = stats.norm(0, spread) if normal else stats.uniform(-(3**0.5) * spread, 2 * 3**0.5 * spread)
    assert stats.kstest(weight.ravel(), family.cdf).pvalue > 1e-4
    largest = np.abs(weight).max() / spread
    assert largest > 2.9 if normal else 1.72 < largest <= 3**0.5 * (1 + 1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.family == "orthogonal"])
def test_all_singular_values_are_the_gain(name, shape):
    weight, _ = drawn(name, shape)
    flat = weight.reshape(-1, weight.shape[-1])
    gain = getattr(CASES[name].initializer, "gain", 1.0)
    np.testing.assert_allclose(np.linalg.svd(flat, compute_uv=False), gain, rtol=1e-5)
    narrow = flat.T if flat.shape[0] < flat.shape[1] else flat
    np.testing.assert_allclose(narrow.T @ narrow, gain**2 * np.eye(narrow.shape[1]), atol=1e-5)


def test_orthogonal_matrices_are_drawn_evenly_from_all():
    # without the fix of signs the first column's first entry would always be negative
    firsts = [sampled(Orthogonal(), key, (3, 3))[0, 0] for key in jax.random.split(KEY, 400)]
    assert abs(np.mean(np.asarray(firsts) > 0) - 0.5) < 5 * 0.5 / 400**0.5


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.family != "equal"])
def test_another_key_gives_other_weights_and_the_same_key_the_same(name):
    initializer = CASES[name].initializer
    first, again, other = (np.asarray(sampled(initializer, jax.random.key(seed), (5, 3))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()


# ---- what dropout and activation do to the second moment


FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else np.expm1(z),
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * np.expm1(z)),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_second_moment_of_an_activation_is_its_integral(name):
    def density(z):
        return FORMULAS[name](z) ** 2 * np.exp(-(z**2) / 2) / (2 * np.pi) ** 0.5

    halves = [integrate.quad(density, *ends, epsabs=1e-13)[0] for ends in ((-12, 0), (0, 12))]
    assert second_moment(name) == pytest.approx(sum(halves), rel=1e-11)


def test_second_moments_that_are_known_exactly():
    assert second_moment("identity") == pytest.approx(1, rel=1e-13)
    assert second_moment("relu") == pytest.approx(0.5, rel=1e-13)
    assert second_moment("leaky_relu") == pytest.approx((1 + 0.01**2) / 2, rel=1e-13)
    assert second_moment("selu") == pytest.approx(1, rel=1e-13)  # what SELU's two constants were made for


@pytest.mark.parametrize(("activation", "keep"), [("relu", 0.5), ("tanh", 0.8), ("gelu", 0.9)])
def test_a_layer_behind_dropout_has_variance_1(activation, keep):
    generator = np.random.default_rng(5)
    rows, fan_in, units = 2_000, 301, 47
    z = generator.standard_normal((rows, fan_in)).astype(np.float32)
    f = np.asarray(Activation(activation).apply((), (), jnp.asarray(z), PREDICTING)[0])
    dropped = f * (generator.random(f.shape) < keep) / keep
    weight = np.asarray(sampled(DropoutAdjusted(keep, activation), KEY, (fan_in, units)))
    # second moment over rows and units; units x fan_in weights limit it to 5 sqrt(2 / 14147)
    assert np.mean((dropped @ weight) ** 2) == pytest.approx(1, abs=0.06)


def test_without_dropout_before_it_the_relu_form_is_he():
    he = sampled(HeNormal(), KEY, (5, 3))
    np.testing.assert_allclose(sampled(DropoutAdjusted(), KEY, (5, 3)), he, rtol=1e-6)


# ---- descriptions


@pytest.mark.parametrize("name", CASES)
def test_an_initializer_survives_json_and_a_dense_layer_carries_it(name):
    layer = Dense(3, initializer=CASES[name].initializer)
    assert from_json(to_json(layer)) == layer
    bare = to_json(CASES[name].initializer)["type"]
    if bare != "constant_weights":
        assert from_json(bare, expected=Initializer) == type(CASES[name].initializer)()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ConstantWeights(1.0), ConstantWeights(2.0)),
        (ScaledNormal(0.1), ScaledNormal(0.2)),
        (Orthogonal(1.0), Orthogonal(2.0)),
        (DropoutAdjusted(0.5), DropoutAdjusted(0.6)),
        (Lsuv(0.1, 10), Lsuv(0.2, 5)),
    ],
)
def test_initializers_that_differ_in_numbers_only_share_a_compiled_program(one, other):
    assert lift(one)[0] == lift(other)[0]


@pytest.mark.parametrize(
    ("kind", "values", "complaint"),
    [
        (ConstantWeights, {"value": float("nan")}, r"constant_weights\.value: nan is not a finite number"),
        (ScaledNormal, {"stddev": 0}, r"scaled_normal\.stddev: 0\.0 is outside its range \(0, inf\)"),
        (ScaledNormal, {"stddev": -0.1}, r"scaled_normal\.stddev: -0\.1 is outside its range \(0, inf\)"),
        (Orthogonal, {"gain": 0.0}, r"orthogonal\.gain: 0\.0 is outside its range \(0, inf\)"),
        (DropoutAdjusted, {"keep": 0.0}, r"dropout_adjusted\.keep: 0\.0 is outside its range \(0, 1\]"),
        (DropoutAdjusted, {"keep": 1.5}, r"dropout_adjusted\.keep: 1\.5 is outside its range \(0, 1\]"),
        (DropoutAdjusted, {"activation": "rely"}, r"'rely' is not one of .*relu"),
        (Lsuv, {"tolerance": 0}, r"lsuv\.tolerance: 0\.0 is outside its range \(0, inf\)"),
        (Lsuv, {"rounds": 0}, r"lsuv\.rounds: 0 is outside its range \[1, inf\)"),
        (DataDependent, {"balance": 1}, r"data_dependent\.balance: 1 is not true or false"),
    ],
)
def test_an_impossible_value_is_refused_with_its_range(kind, values, complaint):
    with pytest.raises(PlanError, match=complaint):
        kind(**values)


def test_a_misspelt_initializer_is_answered_with_the_nearest_name():
    with pytest.raises(PlanError, match='did you mean "orthogonal"'):
        from_json({"type": "dense", "units": 3, "initializer": "ortogonal"})


@pytest.mark.parametrize("shape", [(5,), (), (3, 0), (0, 2, 4)])
@pytest.mark.parametrize("name", CASES)
def test_a_shape_without_fans_is_refused_where_they_are_needed(name, shape):
    initializer = CASES[name].initializer
    if isinstance(initializer, (Zeros, ConstantWeights, StandardNormal, ScaledNormal)):
        assert initializer.sample(KEY, shape).shape == shape
    else:
        with pytest.raises(PlanError, match=r"has no fan_in and fan_out, expected \(\.\.\., inputs, units\)"):
            initializer.sample(KEY, shape)


# ---- equal weights


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_hidden_units_of_the_notes_network_of_equal_weights_stay_equal_for_ever(activation):
    equal = ConstantWeights(0.5)
    network = Sequential(
        (
            Dense(4, initializer=equal),
            Activation(activation),
            Dense(2, initializer=equal),
            Activation(activation),
            Dense(1, initializer=equal),
        )
    )
    start, statistics, _ = network.init(KEY, (3,))
    assert sum(leaf.size for leaf in jax.tree.leaves(start)) == 29
    generator = np.random.default_rng(2)
    x = jnp.asarray(0.3 + 0.4 * generator.standard_normal((11, 3)), jnp.float32)
    y = jnp.asarray(generator.standard_normal((11, 1)), jnp.float32)

    @jax.jit
    def step(params):
        def loss(params):
            return jnp.mean((network.apply(params, statistics, x, PREDICTING)[0] - y) ** 2)

        return jax.tree.map(lambda w, g: w - 0.1 * g, params, jax.grad(loss)(params))

    params = start
    for _ in range(5):
        params = step(params)
    for layer in (0, 2):
        columns = np.asarray(params[layer]["weight"])
        assert not np.allclose(columns, start[layer]["weight"], atol=1e-4)  # it did learn
        np.testing.assert_allclose(columns, columns[:, :1].repeat(columns.shape[1], axis=1), rtol=1e-5)
        np.testing.assert_allclose(np.asarray(params[layer]["bias"]), params[layer]["bias"][0], rtol=1e-5)


def test_behind_weights_of_zero_only_the_output_bias_gets_a_gradient():
    network = Sequential((Dense(5, initializer=Zeros()), Activation("tanh"), Dense(2, initializer=Zeros())))
    params, statistics, _ = network.init(KEY, (3,))
    x = jnp.asarray(3 + 4 * np.random.default_rng(1).standard_normal((7, 3)), jnp.float32)
    slopes = jax.grad(lambda p: jnp.sum((network.apply(p, statistics, x, PREDICTING)[0] - 1.0) ** 2))(params)
    assert np.abs(slopes[2]["bias"]).min() > 0
    assert all(np.all(np.asarray(leaf) == 0) for leaf in jax.tree.leaves((slopes[0], slopes[2]["weight"])))

"""Every activation against its formula in NumPy and against torch, near 0 and very far from it."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from gammabeta.errors import PlanError
from gammabeta.nn import ACTIVATIONS, PREDICTING, Activation, Call
from gammabeta.nn.activation import RELU_FAMILY, SATURATING
from gammabeta.serial import lift, lower

SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""Of selu: Klambauer 2017, equation 14."""

SLOPE, SHALLOW = 0.23, 0.6
"""negative_slope and alpha where they are not the defaults."""

FORMULAS = {
    "identity": lambda x: x,
    "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))),
    "tanh": lambda x: np.sign(x) * (1 - np.exp(-2 * np.abs(x))) / (1 + np.exp(-2 * np.abs(x))),
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.01 * x),
    "leaky_relu, steep": lambda x: np.where(x >= 0, x, SLOPE * x),
    "elu": lambda x: np.where(x >= 0, x, np.exp(-np.abs(x)) - 1),
    "elu, shallow": lambda x: np.where(x >= 0, x, SHALLOW * (np.exp(-np.abs(x)) - 1)),
    "selu": lambda x: SCALE * np.where(x >= 0, x, ALPHA * (np.exp(-np.abs(x)) - 1)),
    "gelu": lambda x: x * special.erfc(-x / np.sqrt(2)) / 2,
    "silu": lambda x: x * np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x))),
}
LAYERS = {
    **{name: Activation(name) for name in ACTIVATIONS},
    "leaky_relu, steep": Activation("leaky_relu", negative_slope=SLOPE),
    "elu, shallow": Activation("elu", alpha=SHALLOW),
}
SLOPES_AT_0 = {
    "identity": 1,
    "sigmoid": 0.25,
    "tanh": 1,
    "relu": 0,
    "leaky_relu": 1,
    "leaky_relu, steep": 1,
    "elu": 1,
    "elu, shallow": SHALLOW,
    "selu": SCALE * ALPHA,
    "gelu": 0.5,
    "silu": 0.5,
    "softplus": 0.5,
}
"""Where a slope jumps at 0, the one that is taken; torch takes negative_slope where this takes 1."""

NEAR = np.random.default_rng(0).normal(0.4, 2, (7, 5))
FAR = np.array([-np.finfo(np.float32).max, -1e30, -1e4, -120.0, -89.0, -30.0, 0.0, 30.0, 89.0, 120.0, 1e4, 1e30])
every_activation = pytest.mark.parametrize("name", LAYERS)


# All in one program, at level 0, since it runs a few times only.
@partial(jax.jit, static_argnames="skeletons", compiler_options={"xla_backend_optimization_level": 0})
def computed(skeletons, numbers, x):
    def one(layer):
        apply = lambda x: layer.apply((), (), x, PREDICTING)[0]  # noqa: E731
        return apply(x), jax.grad(lambda x: jnp.sum(apply(x)))(x)

    return [one(lower(skeleton, own)) for skeleton, own in zip(skeletons, numbers, strict=True)]


@cache
def found(where, precise=True):
    """Name -> (y, slope) in float64 or float32."""
    skeletons, numbers = zip(*map(lift, LAYERS.values()), strict=True)
    with jax.enable_x64(precise):
        x = jnp.asarray({"near": NEAR, "far": FAR, "zero": np.zeros(3)}[where])
        return dict(zip(LAYERS, jax.tree.map(np.asarray, computed(skeletons, numbers, x)), strict=True))


def test_the_ten_are_there_and_each_has_a_formula():
    assert ACTIVATIONS == (
        "identity",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "softplus",
    )
    assert {name.split(",")[0] for name in FORMULAS} == set(ACTIVATIONS)
    assert {*SATURATING, *RELU_FAMILY, "identity"} == set(ACTIVATIONS)


@every_activation
def test_an_activation_equals_its_formula(name):
    y, _ = found("near")[name]
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, FORMULAS[name](NEAR), rtol=1e-13, atol=1e-15)


@every_activation
def test_a_slope_equals_the_central_difference_of_the_formula(name):
    step = 1e-6
    central = (FORMULAS[name](NEAR + step) - FORMULAS[name](NEAR - step)) / (2 * step)
    np.testing.assert_allclose(found("near")[name][1], central, rtol=1e-7, atol=1e-9)


def in_torch(torch, name):
    f = torch.nn.functional
    special = {
        "identity": lambda x: x * 1,
        "leaky_relu, steep": lambda x: f.leaky_relu(x, SLOPE),
        "elu, shallow": lambda x: f.elu(x, SHALLOW),
        # torch switches to x itself beyond its threshold
        "softplus": lambda x: f.softplus(x, threshold=1000),
    }
    return special.get(name) or getattr(torch, name, None) or getattr(f, name)


@every_activation
def test_an_activation_and_its_slope_equal_those_of_torch(name):
    torch = pytest.importorskip("torch")
    x = torch.tensor(NEAR, requires_grad=True)
    y = in_torch(torch, name)(x)
    y.sum().backward()
    np.testing.assert_allclose(found("near")[name][0], y.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found("near")[name][1], x.grad.numpy(), rtol=1e-12, atol=1e-14)


@every_activation
@pytest.mark.parametrize("precise", [False, True], ids=["float32", "float64"])
def test_far_from_0_nothing_overflows(name, precise):
    y, slope = found("far", precise)[name]
    with np.errstate(under="ignore"):
        wanted = FORMULAS[name](FAR)
    assert np.isfinite(slope).all()
    assert (slope >= -1e-6).all()
    inside = np.abs(wanted) <= np.finfo(y.dtype).max
    np.testing.assert_allclose(
        y[inside], wanted[inside], rtol=1e-12 if precise else 2e-5, atol=1e-12 if precise else 1e-7
    )
    assert not np.isnan(y).any()


@every_activation
def test_the_slope_at_0_is_the_one_announced(name):
    y, slope = found("zero")[name]
    np.testing.assert_allclose(y, FORMULAS[name](np.zeros(3)), atol=1e-15)
    np.testing.assert_allclose(slope, np.full(3, SLOPES_AT_0[name]), rtol=1e-12)


def test_selu_keeps_mean_0_and_variance_1():
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    y, _ = LAYERS["selu"].apply((), (), jnp.asarray(nodes), PREDICTING)
    share = weights / weights.sum()
    assert abs(share @ np.asarray(y, np.float64)) < 1e-2
    assert abs(share @ np.asarray(y, np.float64) ** 2 - 1) < 1e-2


@every_activation
def test_training_computes_what_predicting_does(name):
    with jax.enable_x64(True):
        y, _ = LAYERS[name].apply((), (), jnp.asarray(NEAR), Call(key=jax.random.key(0), by_batch=True))
    np.testing.assert_allclose(y, found("near")[name][0], rtol=1e-14)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"function": "relu", "negative_slope": -0.1}, r"negative_slope: -0.1 is outside its range \[0, inf\)"),
        ({"function": "elu", "alpha": 0.0}, r"alpha: 0.0 is outside its range \(0, inf\)"),
        ({"function": "rellu"}, "relu"),
    ],
)
def test_an_impossible_value_is_refused_with_its_range(values, words):
    with pytest.raises(PlanError, match=words):
        Activation(**values)

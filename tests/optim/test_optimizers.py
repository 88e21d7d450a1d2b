"""Every optimizer against its formula in NumPy and against torch, twenty steps in float64."""

import dataclasses
import json
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gammabeta.compiling import ONCE
from gammabeta.errors import PlanError
from gammabeta.nn import Activation, BatchNorm, Call, Dense, Residual, Sequential
from gammabeta.optim import (
    Adagrad,
    Adam,
    AdamW,
    FromOptax,
    Momentum,
    Nadam,
    Nesterov,
    OptaxTransformation,
    Optimizer,
    RMSProp,
    Sgd,
    decays,
)
from gammabeta.serial import Description, dumps, from_json, lift, lower, to_json

STEPS = 20


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


# ---- the formulas: a generator takes gradients and gives directions of one parameter, without decay


def sgd(optimizer):
    g = yield
    while True:
        g = yield g


def momentum(optimizer):
    g = yield
    m = np.zeros_like(g)
    share = 1 if optimizer.form == "heavy_ball" else 1 - optimizer.momentum
    while True:
        m = optimizer.momentum * m + share * g
        g = yield m


def nesterov(optimizer):
    g = yield
    m = np.zeros_like(g)
    while True:
        m = optimizer.momentum * m + g
        g = yield g + optimizer.momentum * m


def adagrad(optimizer):
    g = yield
    s = np.zeros_like(g)
    while True:
        s = s + g**2
        g = yield g / (np.sqrt(s) + optimizer.epsilon)


def over_root(optimizer, m, v):
    inside = optimizer.epsilon_placement == "inside"
    return m / np.sqrt(v + optimizer.epsilon) if inside else m / (np.sqrt(v) + optimizer.epsilon)


def rmsprop(optimizer):
    g = yield
    v = np.zeros_like(g)
    while True:
        v = optimizer.b * v + (1 - optimizer.b) * g**2
        g = yield over_root(optimizer, g, v)


def adam(optimizer):
    g = yield
    m, v, t = np.zeros_like(g), np.zeros_like(g), 0
    while True:
        t += 1
        m = optimizer.b1 * m + (1 - optimizer.b1) * g
        v = optimizer.b2 * v + (1 - optimizer.b2) * g**2
        on = optimizer.bias_correction
        g = yield over_root(optimizer, *((m / (1 - optimizer.b1**t), v / (1 - optimizer.b2**t)) if on else (m, v)))


def nadam(optimizer):
    g = yield
    m, v, t, b1, b2 = np.zeros_like(g), np.zeros_like(g), 0, optimizer.b1, optimizer.b2
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        ahead = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        g = yield over_root(optimizer, ahead, v / (1 - b2**t))


def optax_momentum(optimizer):
    """What optax.sgd(0.05, momentum=0.7) says it does."""
    g = yield
    m = np.zeros_like(g)
    while True:
        m = 0.7 * m + g
        g = yield 0.05 * m


def adamax(optimizer):
    g = yield
    b1, b2, eps = (optimizer.arguments[name] for name in ("b1", "b2", "eps"))
    m, u, t = np.zeros_like(g), np.zeros_like(g), 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g) + eps)
        g = yield m / (1 - b1**t) / u


# Numbers that no default shares, so that a number left unread shows.
MOMENTS = {"learning_rate": 0.05, "b1": 0.8, "b2": 0.95, "epsilon": 1e-3}
ADAMAX = FromOptax(
    name="adamaxw", arguments={"b1": 0.7, "b2": 0.9, "eps": 0.02, "weight_decay": 0.3}, learning_rate=0.5
)
OPTIMIZERS = {
    "sgd": (Sgd(learning_rate=0.03), sgd),
    "sgd with decay": (Sgd(learning_rate=0.03, weight_decay=0.3), sgd),
    "sgd with decay of all": (Sgd(learning_rate=0.03, weight_decay=0.3, decay_all=True), sgd),
    "momentum": (Momentum(learning_rate=0.02, momentum=0.7), momentum),
    "momentum as an average": (Momentum(learning_rate=0.06, momentum=0.7, form="average", weight_decay=0.2), momentum),
    "nesterov": (Nesterov(learning_rate=0.02, momentum=0.7), nesterov),
    "nesterov with decay": (Nesterov(learning_rate=0.02, momentum=0.7, weight_decay=0.2), nesterov),
    "adagrad": (Adagrad(learning_rate=0.3, epsilon=0.02), adagrad),
    "adagrad with decay and no epsilon": (Adagrad(learning_rate=0.3, epsilon=0.0, weight_decay=0.2), adagrad),
    "rmsprop": (RMSProp(learning_rate=0.03, b=0.8, epsilon=1e-3), rmsprop),
    "rmsprop inside": (
        RMSProp(learning_rate=0.03, b=0.8, epsilon=1e-3, epsilon_placement="inside", weight_decay=0.2),
        rmsprop,
    ),
    "adam": (Adam(**MOMENTS), adam),
    "adam with its defaults": (Adam(), adam),
    "adam inside": (Adam(**MOMENTS, epsilon_placement="inside"), adam),
    "adam uncorrected": (Adam(**MOMENTS, bias_correction=False), adam),
    "adam_w": (AdamW(**MOMENTS, weight_decay=0.3), adam),
    "adam_w of all, inside": (AdamW(**MOMENTS, weight_decay=0.3, decay_all=True, epsilon_placement="inside"), adam),
    "adam_w uncorrected": (AdamW(**MOMENTS, weight_decay=0.3, bias_correction=False), adam),
    "nadam": (Nadam(**MOMENTS), nadam),
    "nadam inside": (Nadam(**MOMENTS, epsilon_placement="inside", weight_decay=0.3), nadam),
    "from_optax": (ADAMAX, adamax),
    "from_optax with decay of all": (ADAMAX.replace(decay_all=True), adamax),
    "optax_transformation": (OptaxTransformation(optax.sgd(0.05, momentum=0.7), 0.4), optax_momentum),
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def decay_of(optimizer):
    return (
        optimizer.arguments["weight_decay"]
        if isinstance(optimizer, FromOptax)
        else getattr(optimizer, "weight_decay", 0.0)
    )


# ---- what is minimized: an asymmetric valley, and a network of two layers


VALLEY = np.array([[3.0, 0.7, 0], [0.7, 1.0, -0.2], [0, -0.2, 0.1]])
TARGET = np.array([1.0, -2.0, 5.0])


def valley(params):
    apart = params["weight"] - TARGET
    return apart @ VALLEY @ apart / 2 + jnp.sum((params["bias"] - 3.0) ** 4)


NETWORK = Sequential((Dense(5), BatchNorm(), Activation("tanh"), Dense(2)))
X = 3 + 4 * np.random.default_rng(0).standard_normal((7, 3))
Y = np.random.default_rng(1).standard_normal((7, 2))


def network(params):
    y, _ = NETWORK.apply(params, NETWORK.init(jax.random.key(0), (3,)).stats, X, Call(by_batch=True))
    return jnp.mean((y - Y) ** 2)


@cache
def start(problem):
    with jax.enable_x64(True):
        if problem is valley:
            return {"weight": np.array([4.0, 4, 4]), "bias": np.array([1.0, 2])}
        return jax.tree.map(np.asarray, NETWORK.init(jax.random.key(3), (3,)).params)


@cache
def gradient(problem):
    return jax.jit(jax.grad(problem), compiler_options=ONCE)


traced = []


@partial(jax.jit, static_argnames=("skeleton", "problem"), compiler_options=ONCE)
def twenty_steps(skeleton, numbers, params, problem):
    """The parameters after every step: leaves (steps, ...)."""
    traced.append(skeleton)
    optimizer = lower(skeleton, numbers)
    rule = optimizer.direction()

    def step(carry, _):
        params, slots = carry
        direction, slots = rule.update(jax.grad(problem)(params), slots, params)
        params = jax.tree.map(lambda w, d: w - optimizer.learning_rate * d, params, direction)
        return (params, slots), params

    return jax.lax.scan(step, (params, rule.init(params)), None, length=STEPS)[1]


def by_formula(optimizer, formula, problem):
    """The same in NumPy, one parameter at a time."""
    leaves, shape = jax.tree.flatten(start(problem))
    touched = [getattr(optimizer, "decay_all", False) or weight for weight in jax.tree.leaves(decays(start(problem)))]
    shares = [optimizer.learning_rate * decay_of(optimizer) * on for on in touched]
    rules = [formula(optimizer) for _ in leaves]
    for rule in rules:
        rule.send(None)
    path = []
    for _ in range(STEPS):
        grads = jax.tree.leaves(gradient(problem)(jax.tree.unflatten(shape, leaves)))
        steps = [rule.send(np.asarray(g)) for rule, g in zip(rules, grads, strict=True)]
        leaves = [
            (1 - share) * w - optimizer.learning_rate * step
            for w, step, share in zip(leaves, steps, shares, strict=True)
        ]
        path.append(leaves)
    return jax.tree.unflatten(shape, [np.stack(steps) for steps in zip(*path, strict=True)])


def close(found, wanted, tolerance=1e-9):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


def test_the_list_holds_every_optimizer():
    known = {
        kind
        for kind in Description.kinds.values()
        if issubclass(kind, Optimizer) and kind is not Optimizer and kind.__module__.startswith("gammabeta.")
    }
    assert {type(optimizer) for optimizer, _ in OPTIMIZERS.values()} == known


@pytest.mark.parametrize("problem", [valley, network])
@every_optimizer
def test_twenty_steps_equal_the_formula(name, problem):
    optimizer, formula = OPTIMIZERS[name]
    found = twenty_steps(*lift(optimizer), start(problem), problem)
    close(found, by_formula(optimizer, formula, problem))


def groups(weights, optimizer):
    """The weights as torch wants them where only some decay."""
    leaves = jax.tree.leaves(decays(start(valley if len(weights) == 2 else network)))
    return [{"params": [w], "weight_decay": optimizer.weight_decay * on} for w, on in zip(weights, leaves, strict=True)]


def eps(o):
    return {"lr": o.learning_rate, "eps": o.epsilon}


# torch's weight_decay is L2 in the loss, except for SGD without momentum, where the two are one, and for AdamW.
TORCH = {
    "sgd": lambda torch, w, o: torch.optim.SGD(w, lr=o.learning_rate),
    "sgd with decay": lambda torch, w, o: torch.optim.SGD(groups(w, o), lr=o.learning_rate),
    "momentum": lambda torch, w, o: torch.optim.SGD(w, lr=o.learning_rate, momentum=o.momentum),
    "nesterov": lambda torch, w, o: torch.optim.SGD(w, lr=o.learning_rate, momentum=o.momentum, nesterov=True),
    "adagrad": lambda torch, w, o: torch.optim.Adagrad(w, **eps(o)),
    "rmsprop": lambda torch, w, o: torch.optim.RMSprop(w, alpha=o.b, **eps(o)),
    "adam": lambda torch, w, o: torch.optim.Adam(w, betas=(o.b1, o.b2), **eps(o)),
    "adam_w": lambda torch, w, o: torch.optim.AdamW(groups(w, o), betas=(o.b1, o.b2), **eps(o)),
    # a decay of its momentum so fast that it is gone at the first step leaves the plain form; torch counts in float32
    "nadam": lambda torch, w, o: torch.optim.NAdam(w, betas=(o.b1, o.b2), momentum_decay=1e9, **eps(o)),
}


@pytest.mark.parametrize("problem", [valley, network])
@pytest.mark.parametrize("name", TORCH)
def test_twenty_steps_equal_those_of_torch(name, problem):
    torch = pytest.importorskip("torch")
    optimizer, _ = OPTIMIZERS[name]
    leaves, shape = jax.tree.flatten(start(problem))
    weights = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    theirs = TORCH[name](torch, weights, optimizer)
    for _ in range(STEPS):
        params = jax.tree.unflatten(shape, [w.detach().numpy() for w in weights])
        for w, g in zip(weights, jax.tree.leaves(gradient(problem)(params)), strict=True):
            w.grad = torch.tensor(np.array(g))
        theirs.step()
    found = jax.tree.map(lambda path: path[-1], twenty_steps(*lift(optimizer), start(problem), problem))
    close(jax.tree.leaves(found), [w.detach().numpy() for w in weights], 1e-6 if name == "nadam" else 1e-9)


MOMENTS_OF_OPTAX = {"b1": 0.8, "b2": 0.95}
OPTAX = {
    "sgd": optax.sgd(0.03),
    "momentum": optax.sgd(0.02, momentum=0.7),
    "nesterov": optax.sgd(0.02, momentum=0.7, nesterov=True),
    # its epsilon stands inside the root and ours outside, so that they are one where there is none
    "adagrad with decay and no epsilon": optax.chain(
        optax.scale_by_rss(initial_accumulator_value=0.0, eps=0.0),
        optax.add_decayed_weights(0.2, mask=decays),
        optax.scale(-0.3),
    ),
    "rmsprop": optax.rmsprop(0.03, decay=0.8, eps=1e-3, eps_in_sqrt=False),
    "adam": optax.adam(0.05, **MOMENTS_OF_OPTAX, eps=1e-3),
    "adam inside": optax.adam(0.05, **MOMENTS_OF_OPTAX, eps=0.0, eps_root=1e-3),
    "adam_w": optax.adamw(0.05, **MOMENTS_OF_OPTAX, eps=1e-3, weight_decay=0.3, mask=decays),
    "nadam": optax.nadam(0.05, **MOMENTS_OF_OPTAX, eps=1e-3),
    "from_optax": optax.adamaxw(0.5, 0.7, 0.9, 0.02, weight_decay=0.3, mask=decays),
}


@pytest.mark.parametrize("name", OPTAX)
def test_twenty_steps_equal_those_of_optax(name):
    def step(carry, _):
        params, slots = carry
        updates, slots = OPTAX[name].update(jax.grad(network)(params), slots, params)
        params = optax.apply_updates(params, updates)
        return (params, slots), params

    def steps(params):
        return jax.lax.scan(step, (params, OPTAX[name].init(params)), None, length=STEPS)[1]

    theirs = jax.jit(steps, compiler_options=ONCE)(start(network))
    close(twenty_steps(*lift(OPTIMIZERS[name][0]), start(network), network), theirs)


@every_optimizer
def test_another_number_changes_the_path_without_recompilation(name):
    optimizer, _ = OPTIMIZERS[name]
    first = twenty_steps(*lift(optimizer), start(valley), valley)
    before = len(traced)
    numbers = lift(optimizer)[1]
    for number, value in numbers.items():
        if isinstance(value, dict):
            changes = [{**value, key: 0.6 * part + 0.013} for key, part in value.items()]
        else:
            changes = [0.6 * value + 0.013]
        for changed in changes:
            other = twenty_steps(*lift(optimizer.replace(**{number: changed})), start(valley), valley)
            assert not np.allclose(other["weight"], first["weight"], rtol=1e-9, atol=0), number
    assert len(traced) == before


@every_optimizer
def test_it_comes_back_from_json_equal_and_hashable(name):
    optimizer, _ = OPTIMIZERS[name]
    back = from_json(json.loads(dumps(optimizer)), expected=Optimizer)
    if isinstance(optimizer, OptaxTransformation):
        assert back.transformation is None
        assert hash(optimizer) == hash(OptaxTransformation(optimizer.transformation, 0.4))
        back = from_json(to_json(optimizer, code=True), expected=Optimizer)
    assert back == optimizer
    assert hash(back) == hash(optimizer)
    assert hash(lift(back)[0]) == hash(lift(optimizer)[0])
    assert to_json(back) == to_json(optimizer)


BAD = {
    "learning_rate": ((0.0, -1.0, float("inf"), float("nan"), "fast"), "(0, inf)"),
    "weight_decay": ((-0.1,), "[0, inf)"),
    "momentum": ((-0.1, 1.0), "[0, 1)"),
    "b": ((-0.1, 1.0), "[0, 1)"),
    "b1": ((-0.1, 1.0), "[0, 1)"),
    "b2": ((-0.1, 1.0), "[0, 1)"),
    "epsilon": ((-1e-9,), "inf)"),
    "epsilon_placement": (("outsid",), "outside, inside"),
    "form": (("heavyball",), "heavy_ball, average"),
    "bias_correction": ((1,), "true or false"),
    "decay_all": (("yes",), "true or false"),
    "name": ((3,), "a text"),
    "arguments": (([1],), "a mapping"),
    "options": ((1,), "a mapping"),
    "transformation": (("lion", (1, 2)), "a gradient transformation"),
}


@pytest.mark.parametrize("kind", sorted({type(o) for o, _ in OPTIMIZERS.values()}, key=lambda kind: kind.__name__))
def test_a_value_out_of_range_is_refused_with_the_range(kind):
    good = next(optimizer for optimizer, _ in OPTIMIZERS.values() if type(optimizer) is kind)
    for field in dataclasses.fields(kind):
        values, words = BAD[field.name]
        for value in values:
            with pytest.raises(PlanError, match=field.name) as caught:
                good.replace(**{field.name: value})
            assert words in str(caught.value) or "not a finite number" in str(caught.value)


def test_adagrad_without_epsilon_divides_zero_by_zero_as_it_is_taught():
    grads = {"weight": jnp.array([0.0, 3, -0.5])}
    for epsilon, wanted in ((0.0, [np.nan, 1, -1]), (0.5, [0, 3 / 3.5, -0.5])):
        rule = Adagrad(epsilon=epsilon).direction()
        direction, _ = rule.update(grads, rule.init(grads), grads)
        np.testing.assert_allclose(direction["weight"], wanted)


def test_the_two_forms_of_momentum_walk_one_path_at_rates_that_differ_by_the_share_of_the_new():
    heavy, average = Momentum(learning_rate=0.02, momentum=0.75), Momentum(0.08, 0.75, form="average")
    close(*(twenty_steps(*lift(optimizer), start(valley), valley) for optimizer in (heavy, average)))


def test_adams_first_step_without_correction_is_longer_by_the_ratio_of_the_docstring():
    grads = {"weight": jnp.array([2.0, -0.01])}
    for on, wanted in ((True, 1.0), (False, 0.1 / np.sqrt(0.001))):
        rule = Adam(bias_correction=on).direction()
        direction, _ = rule.update(grads, rule.init(grads), grads)
        np.testing.assert_allclose(np.abs(direction["weight"]), wanted, rtol=1e-4)


def test_a_rule_of_ones_own_is_known_by_its_name():
    @dataclasses.dataclass(frozen=True)
    class SignDescent(Optimizer):
        learning_rate: float = 1e-3

        def direction(self):
            return optax.scale_by_sign()

    try:
        assert from_json(json.loads(dumps(SignDescent(0.02))), expected=Optimizer) == SignDescent(0.02)
    finally:
        del Description.kinds["sign_descent"]


def test_decay_touches_weights_and_never_bias_gamma_or_beta():
    network = Sequential((Dense(3), Activation("relu"), BatchNorm(), Residual(Sequential((Dense(3), BatchNorm())))))
    params = jax.eval_shape(lambda: network.init(jax.random.key(0), (4,)).params)
    touched = decays(params)
    assert touched[0] == {"weight": True, "bias": False}
    assert touched[2] == {"gamma": False, "beta": False}
    assert touched[3] == (({"weight": True}, {"gamma": False, "beta": False}), ())
    assert jax.tree.structure(touched) == jax.tree.structure(params)


def test_without_a_gradient_only_weights_shrink_and_by_the_formula():
    optimizer = AdamW(learning_rate=0.1, weight_decay=0.5)
    params = {"weight": np.array([2.0, -3]), "bias": np.array([4.0]), "gamma": np.array([1.5])}
    rule = optimizer.direction()

    @jax.jit
    def step(params):
        direction, _ = rule.update(jax.tree.map(jnp.zeros_like, params), rule.init(params), params)
        return jax.tree.map(lambda w, d: w - optimizer.learning_rate * d, params, direction)

    after = step(params)
    np.testing.assert_allclose(after["weight"], [2 * 0.95, -3 * 0.95])
    np.testing.assert_array_equal(after["bias"], [4.0])
    np.testing.assert_array_equal(after["gamma"], [1.5])

"""Every optimizer against its formula in NumPy and against torch, twenty steps in float64."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.nn import Activation, BatchNorm, Call, Dense, Residual, Sequential
from gammabeta.optim import Adam, AdamW, Momentum, Optimizer, Sgd
from gammabeta.optim.optimizer import decays
from gammabeta.serial import Description, lift, lower

STEPS = 20
QUICKLY = {"xla_backend_optimization_level": 0}


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


# ---- the formulas: a generator takes gradients and gives directions of one parameter; w is the parameter


def sgd(optimizer, weight_decay):
    g, _ = yield
    while True:
        g, _ = yield g


def momentum(optimizer, weight_decay):
    g, _ = yield
    m = np.zeros_like(g)
    while True:
        m = optimizer.momentum * m + g
        g, _ = yield m


def adam(optimizer, weight_decay):
    g, w = yield
    m, v, t = np.zeros_like(g), np.zeros_like(g), 0
    while True:
        t += 1
        m = optimizer.b1 * m + (1 - optimizer.b1) * g
        v = optimizer.b2 * v + (1 - optimizer.b2) * g**2
        direction = m / (1 - optimizer.b1**t) / (np.sqrt(v / (1 - optimizer.b2**t)) + optimizer.epsilon)
        g, w = yield direction + weight_decay * w


# Numbers that no default shares, so that a number left unread shows.
OPTIMIZERS = {
    "sgd": (Sgd(learning_rate=0.03), sgd),
    "momentum": (Momentum(learning_rate=0.02, momentum=0.7), momentum),
    "adam": (Adam(learning_rate=0.05, b1=0.8, b2=0.95, epsilon=1e-3), adam),
    "adam with its defaults": (Adam(), adam),
    "adam_w": (AdamW(learning_rate=0.05, weight_decay=0.3, b1=0.8, b2=0.95, epsilon=1e-3), adam),
    "adam_w without decay": (AdamW(weight_decay=0.0), adam),
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


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
    return jax.jit(jax.grad(problem), compiler_options=QUICKLY)


traced = []


@partial(jax.jit, static_argnames=("skeleton", "problem"), compiler_options=QUICKLY)
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
    decaying = jax.tree.leaves(decays(start(problem)))
    rules = [formula(optimizer, getattr(optimizer, "weight_decay", 0.0) * decayed) for decayed in decaying]
    for rule in rules:
        rule.send(None)
    path = []
    for _ in range(STEPS):
        grads = jax.tree.leaves(gradient(problem)(jax.tree.unflatten(shape, leaves)))
        steps = [rule.send((np.asarray(g), w)) for rule, g, w in zip(rules, grads, leaves, strict=True)]
        leaves = [w - optimizer.learning_rate * step for w, step in zip(leaves, steps, strict=True)]
        path.append(leaves)
    return jax.tree.unflatten(shape, [np.stack(steps) for steps in zip(*path, strict=True)])


def close(found, wanted, tolerance=1e-9):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


def test_the_list_holds_every_optimizer():
    known = {kind for kind in Description.kinds.values() if issubclass(kind, Optimizer) and kind is not Optimizer}
    assert {type(optimizer) for optimizer, _ in OPTIMIZERS.values()} == known


@pytest.mark.parametrize("problem", [valley, network])
@every_optimizer
def test_twenty_steps_equal_the_formula(name, problem):
    optimizer, formula = OPTIMIZERS[name]
    found = twenty_steps(*lift(optimizer), start(problem), problem)
    close(found, by_formula(optimizer, formula, problem))


TORCH = {
    "sgd": lambda torch, w, o, decay: torch.optim.SGD(w, lr=o.learning_rate),
    "momentum": lambda torch, w, o, decay: torch.optim.SGD(w, lr=o.learning_rate, momentum=o.momentum),
    "adam": lambda torch, w, o, decay: torch.optim.Adam(w, lr=o.learning_rate, betas=(o.b1, o.b2), eps=o.epsilon),
    "adam_w": lambda torch, w, o, decay: torch.optim.AdamW(
        [{"params": [one], "weight_decay": o.weight_decay * on} for one, on in zip(w, decay, strict=True)],
        lr=o.learning_rate,
        betas=(o.b1, o.b2),
        eps=o.epsilon,
    ),
}


@pytest.mark.parametrize("problem", [valley, network])
@pytest.mark.parametrize("name", TORCH)
def test_twenty_steps_equal_those_of_torch(name, problem):
    torch = pytest.importorskip("torch")
    optimizer, _ = OPTIMIZERS[name]
    leaves, shape = jax.tree.flatten(start(problem))
    weights = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    theirs = TORCH[name](torch, weights, optimizer, jax.tree.leaves(decays(start(problem))))
    for _ in range(STEPS):
        params = jax.tree.unflatten(shape, [w.detach().numpy() for w in weights])
        for w, g in zip(weights, jax.tree.leaves(gradient(problem)(params)), strict=True):
            w.grad = torch.tensor(np.array(g))
        theirs.step()
    found = jax.tree.map(lambda path: path[-1], twenty_steps(*lift(optimizer), start(problem), problem))
    close(jax.tree.leaves(found), [w.detach().numpy() for w in weights])


@every_optimizer
def test_another_number_changes_the_path_without_recompilation(name):
    optimizer, _ = OPTIMIZERS[name]
    first = twenty_steps(*lift(optimizer), start(valley), valley)
    before = len(traced)
    for number, value in lift(optimizer)[1].items():
        changed = optimizer.replace(**{number: 0.6 * value + 0.013})
        other = twenty_steps(*lift(changed), start(valley), valley)
        assert not np.allclose(other["weight"], first["weight"], rtol=1e-9, atol=0), number
    assert len(traced) == before


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

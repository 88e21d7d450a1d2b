"""Optimizers of optax by name: each equals optax itself, and a file can name nothing but what is listed."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gammabeta.compiling import ONCE
from gammabeta.errors import PlanError
from gammabeta.optim import FromOptax, Optimizer, decays
from gammabeta.optim.from_optax import ALIASES, PARTS, function, masks
from gammabeta.serial import from_json, lift, lower

PARAMS = {"weight": np.array([[1.0, -2, 0.5], [3, 1, 0.2]]), "bias": np.array([0.3, 1, -4])}
GRADS = [jax.tree.map(lambda w, shift=shift: 2 * np.cos(3 * w + shift), PARAMS) for shift in (0.0, 1.7)]
NEEDED = {"trace": {"decay": 0.8}, "ema": {"decay": 0.8}}


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


def path(rule, rate):
    """Two steps of a rule whose updates are times ``rate``."""
    params, slots = jax.tree.map(jnp.asarray, PARAMS), rule.init(PARAMS)
    for grads in GRADS:
        updates, slots = rule.update(grads, slots, params)
        params = jax.tree.map(lambda w, u: w + rate * u, params, updates)
    return params


@pytest.fixture(scope="module")
def paths():
    """(ours, optax's) by name; in one program, for it is the compiling that takes time."""

    def both(name):
        ours = FromOptax(name=name, arguments=NEEDED.get(name, {}), learning_rate=0.03)
        mask = dict.fromkeys(masks(name), decays)
        theirs = function(name)(**({"learning_rate": 0.03} if name in ALIASES else NEEDED.get(name, {})), **mask)
        return path(ours.direction(), -ours.learning_rate), path(theirs, 1.0 if name in ALIASES else -0.03)

    with jax.enable_x64(True):
        made = jax.jit(
            lambda: {name: both(name) for name in (*ALIASES, *PARTS)},
            compiler_options=ONCE,
        )
        return jax.tree.map(np.asarray, made())


@pytest.mark.parametrize("name", [*ALIASES, *PARTS])
def test_its_steps_are_those_of_optax(paths, name):
    ours, theirs = paths[name]
    for key in PARAMS:
        # muon and adafactor keep float32 inside
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-6, atol=1e-9)
        assert not np.allclose(ours[key], PARAMS[key], rtol=1e-9)


@pytest.mark.parametrize("name", [*ALIASES, *PARTS])
def test_every_listed_name_is_a_function_of_optax(name):
    assert callable(function(name))
    assert isinstance(FromOptax(name=name, arguments=NEEDED.get(name, {})).direction(), optax.GradientTransformation)


def test_it_comes_from_json_with_numbers_and_switches_and_its_numbers_are_traced():
    data = {"type": "from_optax", "name": "sgd", "arguments": {"momentum": 0.7}, "options": {"nesterov": True}}
    ours = from_json(data, expected=Optimizer)
    skeleton, numbers = lift(ours)
    assert numbers == {"arguments": {"momentum": 0.7}, "learning_rate": 1e-3}
    assert skeleton == lift(ours.replace(arguments={"momentum": 0.9}, learning_rate=0.5))[0]
    assert skeleton != lift(ours.replace(options={}))[0]
    found = path(jax.tree.map(lambda part: part, lower(skeleton, numbers).direction()), -0.03)
    wanted = path(optax.sgd(0.03, momentum=0.7, nesterov=True), 1.0)
    np.testing.assert_allclose(found["weight"], wanted["weight"], rtol=1e-6)


REFUSED = {
    "an unknown name": ({"name": "lino"}, "lion"),
    "a name that would run something": ({"name": "os.system"}, "optax has no"),
    "a private name": ({"name": "_src.alias.adam"}, "optax has no"),
    "what is not linear in its rate": ({"name": "fromage"}, "optax has no"),
    "an unknown argument": ({"name": "lion", "arguments": {"b_1": 0.9}}, '"b1"'),
    "the learning rate": ({"name": "lion", "arguments": {"learning_rate": 0.9}}, 'takes no "learning_rate"'),
    "a type": ({"name": "lion", "arguments": {"mu_dtype": 1}}, 'takes no "mu_dtype"'),
    "a text": ({"name": "lion", "arguments": {"b1": "0.9"}}, "not a finite number"),
    "a switch among the numbers": ({"name": "sgd", "arguments": {"nesterov": 1}}, "move it there"),
    "a number among the switches": ({"name": "lion", "options": {"b1": 1}}, "move it there"),
    "what is missing": ({"name": "trace"}, '"decay" is missing'),
    "a decay that would touch bias": ({"name": "novograd", "arguments": {"weight_decay": 0.1}}, "decay_all"),
    "no name": ({}, '"name" is missing'),
    "a negative rate": ({"name": "lion", "learning_rate": -1}, "(0, inf)"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_what_can(data, words):
    with pytest.raises(PlanError) as caught:
        from_json({"type": "from_optax", **data}, "plan.optimizer", expected=Optimizer)
    assert words in str(caught.value)
    assert str(caught.value).startswith("plan.optimizer")


def test_decay_of_optax_leaves_bias_alone_unless_asked():
    still = jax.tree.map(np.zeros_like, PARAMS)
    for decay_all in (False, True):
        rule = FromOptax(name="adamw", arguments={"weight_decay": 0.5}, decay_all=decay_all).direction()
        direction, _ = rule.update(still, rule.init(PARAMS), PARAMS)
        np.testing.assert_allclose(direction["weight"], 0.5 * PARAMS["weight"], rtol=1e-6)
        np.testing.assert_allclose(direction["bias"], 0.5 * decay_all * PARAMS["bias"], rtol=1e-6)

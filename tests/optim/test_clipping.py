"""Clipping: the formulas, what happens to what is not finite, and that the bound is only a number."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gammabeta.errors import PlanError
from gammabeta.optim import ClipByNorm, ClipByValue, Clipping
from gammabeta.serial import Description, dumps, from_json, lift, lower

GRADS = {"weight": np.array([[3.0, -0.5, 7], [0, 2, -11]], np.float32), "bias": (np.array([0.1, -4], np.float32),)}
NORM = float(np.sqrt(sum(np.sum(leaf.astype(float) ** 2) for leaf in jax.tree.leaves(GRADS))))


def by_norm(clipping, g):
    return g * min(1, clipping.max_norm / NORM)


def by_value(clipping, g):
    return np.minimum(np.maximum(g, -clipping.limit), clipping.limit)


# (clipping, formula, the same in optax)
CLIPPINGS = {
    "by norm": (ClipByNorm(max_norm=2.5), by_norm, optax.clip_by_global_norm(2.5)),
    "by a norm that is not reached": (ClipByNorm(max_norm=99), by_norm, optax.clip_by_global_norm(99)),
    "by value": (ClipByValue(limit=2.5), by_value, optax.clip(2.5)),
}
every_clipping = pytest.mark.parametrize(("clipping", "formula", "theirs"), CLIPPINGS.values(), ids=CLIPPINGS)
traced = []


@partial(jax.jit, static_argnames="skeleton")
def applied(skeleton, numbers, grads):
    traced.append(skeleton)
    return lower(skeleton, numbers).apply(grads)


def clipped(clipping, grads=GRADS):
    return applied(*lift(clipping), grads)


def test_the_list_holds_every_clipping():
    known = {kind for kind in Description.kinds.values() if issubclass(kind, Clipping) and kind is not Clipping}
    assert {type(clipping) for clipping, *_ in CLIPPINGS.values()} == known


@every_clipping
def test_it_equals_the_formula_and_optax(clipping, formula, theirs):
    found = clipped(clipping)
    assert jax.tree.structure(found) == jax.tree.structure(GRADS)
    for one, g in zip(jax.tree.leaves(found), jax.tree.leaves(GRADS), strict=True):
        assert one.dtype == g.dtype
        np.testing.assert_allclose(one, formula(clipping, g), rtol=1e-6)
    for one, other in zip(*map(jax.tree.leaves, (found, theirs.update(GRADS, theirs.init(GRADS))[0])), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@every_clipping
def test_in_float64_it_equals_torch(clipping, formula, theirs):
    torch = pytest.importorskip("torch")
    with jax.enable_x64(True):
        grads = jax.tree.map(lambda g: g.astype(np.float64), GRADS)
        found = [np.asarray(leaf) for leaf in jax.tree.leaves(clipping.apply(grads))]
    weights = [torch.zeros(leaf.shape, dtype=torch.float64, requires_grad=True) for leaf in jax.tree.leaves(grads)]
    for weight, leaf in zip(weights, jax.tree.leaves(grads), strict=True):
        weight.grad = torch.tensor(leaf)
    if isinstance(clipping, ClipByNorm):
        torch.nn.utils.clip_grad_norm_(weights, clipping.max_norm)
    else:
        torch.nn.utils.clip_grad_value_(weights, clipping.limit)
    for one, weight in zip(found, weights, strict=True):
        np.testing.assert_allclose(one, weight.grad.numpy(), rtol=1e-6)  # torch's norm is 1e-6 larger


@every_clipping
def test_another_bound_compiles_nothing_and_comes_back_from_json(clipping, formula, theirs):
    clipped(clipping)
    before = len(traced)
    (name,) = lift(clipping)[1]
    tighter = clipping.replace(**{name: 0.3})
    assert np.abs(clipped(tighter)["weight"]).max() <= 0.3 + 1e-6
    assert len(traced) == before
    assert from_json(json.loads(dumps(tighter)), expected=Clipping) == tighter


@pytest.mark.parametrize("kind", [ClipByNorm, ClipByValue])
@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_bound_that_is_none_is_refused(kind, value):
    with pytest.raises(PlanError, match=r"finite number|\(0, inf\)"):
        kind(value)


def test_a_norm_is_kept_where_its_square_overflows():
    found = clipped(ClipByNorm(5.0), {"weight": np.array([3e30, -4e30], np.float32)})
    np.testing.assert_allclose(found["weight"], [3, -4], rtol=1e-6)


def test_gradients_of_zero_stay_zero():
    for clipping in (ClipByNorm(1.0), ClipByValue(1.0)):
        np.testing.assert_array_equal(clipped(clipping, {"weight": np.zeros(3, np.float32)})["weight"], 0)


def test_what_is_not_finite_shows():
    for bad in (np.inf, -np.inf, np.nan):
        grads = {"weight": np.array([1.0, bad], np.float32), "bias": np.array([2.0], np.float32)}
        assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(clipped(ClipByNorm(1.0), grads)))
    found = clipped(ClipByValue(0.7), {"weight": jnp.array([jnp.inf, -jnp.inf, jnp.nan, 0.2])})["weight"]
    np.testing.assert_allclose(found, [0.7, -0.7, np.nan, 0.2], rtol=1e-6)

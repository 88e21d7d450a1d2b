"""L2 in the loss: its gradient is that of its penalty, and it leaves bias, gamma and beta alone unless asked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.optim import l2_gradient, l2_penalty

PARAMS = (
    {"weight": np.array([[2.0, -3, 0.5]]), "bias": np.array([4.0, 1, 2])},
    ({"gamma": np.array([1.5, 1, 0]), "beta": np.array([-0.5, 2, 7])}, {"weight": np.array([[1.0], [5]])}),
)
SQUARES = {False: 4 + 9 + 0.25 + 1 + 25, True: 4 + 9 + 0.25 + 1 + 25 + 21 + 3.25 + 53.25}


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("decay_all", [False, True])
def test_the_penalty_is_half_the_sum_of_squares(decay_all):
    np.testing.assert_allclose(l2_penalty(PARAMS, 0.3, decay_all), 0.15 * SQUARES[decay_all], rtol=1e-12)


@pytest.mark.parametrize("decay_all", [False, True])
def test_the_gradient_is_that_of_loss_plus_penalty(decay_all):
    def loss(params):
        return sum(jnp.sum(jnp.sin(3 * leaf)) for leaf in jax.tree.leaves(params))

    found = l2_gradient(PARAMS, jax.grad(loss)(PARAMS), 0.3, decay_all)
    wanted = jax.grad(lambda params: loss(params) + l2_penalty(params, 0.3, decay_all))(PARAMS)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_only_weights_are_pulled():
    still = jax.tree.map(np.zeros_like, PARAMS)
    (first, (norm, second)) = l2_gradient(PARAMS, still, 0.5)
    np.testing.assert_allclose(first["weight"], 0.5 * PARAMS[0]["weight"])
    np.testing.assert_allclose(second["weight"], 0.5 * PARAMS[1][1]["weight"])
    for untouched in (first["bias"], norm["gamma"], norm["beta"]):
        np.testing.assert_array_equal(untouched, 0)


def test_the_strength_is_only_a_number():
    traced = []

    @jax.jit
    def pulled(l2):
        traced.append(l2)
        return l2_gradient(PARAMS, PARAMS, l2)[0]["weight"]

    assert not np.allclose(pulled(0.1), pulled(0.2))
    assert len(traced) == 1

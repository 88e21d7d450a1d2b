"""Micro-batches give what the undivided batch gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.nn import (
    Activation,
    BatchNorm,
    Call,
    Dense,
    Frozen,
    Paced,
    Residual,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from gammabeta.train.accumulate import accumulated, divided
from gammabeta.train.step import mean_loss

ROWS = 23
BLOCK = Sequential((Dense(5), BatchNorm(), Activation("tanh")))
NETWORKS = {
    "no batch norm": Sequential((Dense(5), Activation("relu"), Dense(3))),
    "one": Sequential((Dense(5), BatchNorm(), Activation("tanh"), Dense(3))),
    "first on the inputs": Sequential((BatchNorm(), Dense(5), Activation("sigmoid"), BatchNorm(), Dense(3))),
    "three, two of them in a residual": Sequential(
        (BLOCK, Residual(Sequential((*BLOCK.layers, Dense(5), BatchNorm()))), Activation("relu"), Dense(3))
    ),
    "paced": Sequential((Paced(Sequential((Dense(5), BatchNorm())), 0.3, 0.5), Activation("tanh"), Dense(3))),
    "frozen, by memory, and not updated": Sequential(
        (
            Frozen(BatchNorm()),
            Dense(5),
            BatchNorm(normalizes_by="memory"),
            Activation("tanh"),
            Dense(4),
            BatchNorm(update=False),
            Dense(3),
        )
    ),
}


def undivided(network, loss, params, stats, x, y, weights):
    def objective(params):
        outputs, seen = network.apply(params, stats, x, Call(weights=weights, by_batch=True))
        return mean_loss(loss, outputs, y, weights), seen

    (value, seen), gradient = jax.value_and_grad(objective, has_aux=True)(params)
    return value, network.remember(stats, seen), gradient


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 4) for name in NETWORKS), ("first on the inputs", 23), ("first on the inputs", 1)]
)
def test_loss_gradient_and_kept_statistics_equal_the_undivided_batch_in_float64(name, size):
    """Which rows share a micro-batch does not matter, nor whether a row is alone in it."""
    network = NETWORKS[name]
    with jax.enable_x64(True):
        random = np.random.default_rng(0)
        x = jnp.asarray(3 + 4 * random.standard_normal((ROWS, 6)))
        weights = jnp.asarray(random.uniform(0, 2, ROWS)).at[5].set(0.0)
        soft = name != "one"
        y = jnp.asarray(random.integers(0, 3, ROWS)) if soft else jnp.asarray(random.integers(0, 2, (ROWS, 3)), float)
        loss = SoftmaxCrossEntropy() if soft else SigmoidCrossEntropy()
        params, stats, _ = network.init(jax.random.key(1), (6,))
        wanted = jax.jit(lambda: undivided(network, loss, params, stats, x, y, weights))()

        @jax.jit
        def micro(x, y, weights):
            value, seen, gradient, _ = accumulated(network, loss, params, stats, x, y, weights, jax.random.key(0), size)
            return value, network.remember(stats, seen), gradient

        for rows in (np.arange(ROWS), random.permutation(ROWS)):
            found = micro(x[rows], y[rows], weights[rows])
            assert jax.tree.structure(found) == jax.tree.structure(wanted)
            for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
                assert one.dtype == np.float64
                np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_compiled_and_eager_micro_batches_give_the_same_in_float64():
    network, loss = NETWORKS["one"], SoftmaxCrossEntropy()
    with jax.enable_x64(True):
        x = jnp.asarray(3 + 4 * np.random.default_rng(1).standard_normal((7, 6)))
        params, stats, _ = network.init(jax.random.key(1), (6,))
        of = (params, stats, x, jnp.arange(7) % 3, jnp.ones(7), jax.random.key(0))
        compiled = jax.jit(lambda: accumulated(network, loss, *of, 3)[:3])()
        for one, other in zip(*map(jax.tree.leaves, (compiled, accumulated(network, loss, *of, 3)[:3])), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_micro_batches_are_equal_in_size_and_hold_every_row_once():
    x = np.arange(ROWS, dtype=np.float32)[:, None]
    parts, _, weights, numbers = divided(jnp.asarray(x), jnp.asarray(x), jnp.ones(ROWS), 5)
    assert parts.shape == (5, 5, 1)
    assert list(numbers) == [0, 1, 2, 3, 4]
    assert sorted(np.asarray(parts)[np.asarray(weights) > 0][:, 0]) == list(range(ROWS))

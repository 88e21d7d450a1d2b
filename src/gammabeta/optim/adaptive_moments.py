"""The rule that Adam, AdamW and Nadam share."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from gammabeta.types import Array, Tree


def scale_by_moments(
    b1: Array,
    b2: Array,
    epsilon: Array,
    *,
    epsilon_placement: Literal["outside", "inside"] = "outside",
    bias_correction: bool = True,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  direction = mhat / (sqrt(vhat) + epsilon)

    epsilon_placement: inside is mhat / sqrt(vhat + epsilon)
    bias_correction: mhat = m / (1 - b1^t), vhat = v / (1 - b2^t), t counting from 1; without it mhat = m, vhat = v
    nesterov: mhat = b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)

    optax.scale_by_adam, bit for bit, where that has the form; it has no switch for the correction.
    """

    def init(params: Tree) -> optax.ScaleByAdamState:
        zeros = optax.tree.zeros_like(params)
        return optax.ScaleByAdamState(count=jnp.zeros((), jnp.int32), mu=zeros, nu=zeros)

    def update(grads: Tree, state: Any, params: Any = None) -> tuple[Tree, optax.ScaleByAdamState]:
        m = optax.tree.update_moment(grads, state.mu, b1, 1)
        v = optax.tree.update_moment_per_elem_norm(grads, state.nu, b2, 2)
        t = optax.safe_increment(state.count)

        def corrected(moment: Tree, decay: Array, count: Array) -> Tree:
            return optax.tree.bias_correction(moment, decay, count) if bias_correction else moment

        if nesterov:
            late, now = corrected(m, b1, t + 1), corrected(grads, b1, t)
            ahead = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, late, now)
        else:
            ahead = corrected(m, b1, t)
        spread = corrected(v, b2, t)
        if epsilon_placement == "inside":
            direction = jax.tree.map(lambda m, v: m / jnp.sqrt(v + epsilon), ahead, spread)
        else:
            direction = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + epsilon), ahead, spread)
        return direction, optax.ScaleByAdamState(count=t, mu=m, nu=v)

    return optax.GradientTransformation(init, update)

"""A slice of the loss along random directions."""

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.measures.batch_loss import BatchLoss
from gammabeta.plan import Plan
from gammabeta.types import Tree


def landscape(
    plan: Plan,
    params: Tree,
    stats: Tree,
    rows: Dataset,
    *,
    points: int = 25,
    reach: float = 1.0,
    axes: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """The loss on ``rows`` around ``params``: (points,) along one direction, (points, points) over two.

    From -reach to reach, 0 in the middle where ``points`` is odd. A direction is N(0, 1) with every unit's part scaled
    to the length of the unit's weights (filter normalization), so that the scale of the weights, which batch norm makes
    arbitrary, does not decide how sharp a minimum looks; biases, gammas and betas stay.

    Source: Li 2018 (Visualizing the loss landscape of neural nets).
    """
    loss = BatchLoss(plan, stats, rows)
    directions = [direction(params, jax.random.key(seed + axis)) for axis in range(axes)]
    at = np.linspace(-reach, reach, points)

    def value(*steps: float) -> float:
        here = params
        for step, along in zip(steps, directions, strict=True):
            here = jax.tree.map(lambda leaf, part, by=step: leaf + by * part, here, along)
        return float(loss.value(here))

    if axes == 1:
        return np.array([value(one) for one in at])
    return np.array([[value(one, other) for other in at] for one in at])


def direction(params: Tree, key: jax.Array) -> Tree:
    """A random direction, filter by filter as long as the weights."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))

    def part(leaf: jax.Array, key: jax.Array) -> jax.Array:
        if leaf.ndim < 2:
            return jnp.zeros_like(leaf)
        noise = jax.random.normal(key, leaf.shape)
        over = tuple(range(leaf.ndim - 1))
        lengths = [jnp.sqrt(jnp.sum(jnp.square(x), axis=over, keepdims=True)) for x in (leaf, noise)]
        return noise * lengths[0] / jnp.maximum(lengths[1], 1e-12)

    return jax.tree.unflatten(structure, [part(leaf, k) for leaf, k in zip(leaves, keys, strict=True)])

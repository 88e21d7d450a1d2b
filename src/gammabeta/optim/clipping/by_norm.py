"""Clipping by global norm (Pascanu et al. 2013)."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.optim.clipping.clipping import Clipping
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """g <- g * min(1, max_norm / ||g||), where ||g|| is the norm of all gradients together: their direction stays.

    max_norm: the largest norm that passes, > 0

    Where a gradient is infinite or NaN, all become NaN: there is no direction left, and a run that goes on would hide
    it. The norm does not overflow before the gradients do: optax and torch square a float32 gradient of 1e20 to
    infinity, and then answer 0. torch also adds 1e-6 to the norm. Source: Pascanu et al. 2013,
    https://arxiv.org/abs/1211.5063
    """

    max_norm: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def apply(self, grads: Tree) -> Tree:
        peak, norm = scaled_norm(grads)
        # in units of the largest gradient; a norm of 0 divides nothing
        shrunk = norm * peak > self.max_norm
        factor = jnp.where(shrunk, self.max_norm / jnp.where(norm == 0, 1.0, norm), 1.0)
        unit = jnp.where(shrunk, peak, 1.0)
        broken = ~jnp.isfinite(peak)
        return jax.tree.map(lambda g: jnp.where(broken, jnp.nan, g / unit * factor).astype(g.dtype), grads)


def scaled_norm(grads: Tree) -> tuple[Array, Array]:
    """(peak, norm / peak), where peak is the largest |g| and norm the root of the sum of squares: both scalars."""
    leaves = [leaf for leaf in jax.tree.leaves(grads) if leaf.size]
    peak = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in leaves]))
    unit = jnp.where(peak == 0, 1.0, peak)
    return peak, jnp.sqrt(sum(jnp.sum((leaf / unit) ** 2) for leaf in leaves))

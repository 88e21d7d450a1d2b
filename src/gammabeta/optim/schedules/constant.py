"""The constant schedule."""

from dataclasses import dataclass

import jax.numpy as jnp

from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.types import Array


@dataclass(frozen=True)
class Constant(Schedule):
    """factor = 1

    Source: Robbins & Monro 1951 ask for rates that fall; a constant one ends in a cloud around the minimum.
    """

    def factor(self, step: Array, steps: Array) -> Array:
        return jnp.ones(())

"""Clipping by value: each gradient on its own."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.optim.clipping.clipping import Clipping
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Tree


@dataclass(frozen=True)
class ClipByValue(Clipping):
    """g <- min(max(g, -limit), limit), entry by entry: the direction may turn.

    limit: the largest size of an entry that passes, > 0

    An infinite gradient becomes the limit with its sign, NaN stays NaN: as torch.nn.utils.clip_grad_value_ and
    optax.clip. Source: Mikolov 2012, Statistical language models based on neural networks.
    """

    limit: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def apply(self, grads: Tree) -> Tree:
        return jax.tree.map(lambda g: jnp.clip(g, -self.limit, self.limit), grads)

"""Cosine decay (Loshchilov & Hutter 2017), without restarts."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class Cosine(Schedule):
    """factor = final + (1 - final) (1 + cos(pi step / steps)) / 2

    final: where it ends, in [0, 1]

    Without restarts, as torch's CosineAnnealingLR and Keras's CosineDecay, which count steps.
    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983
    """

    final: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.0

    def factor(self, step: Array, steps: Array) -> Array:
        done = jnp.clip(step / steps, 0.0, 1.0)
        return self.final + (1 - self.final) * (1 + jnp.cos(jnp.pi * done)) / 2

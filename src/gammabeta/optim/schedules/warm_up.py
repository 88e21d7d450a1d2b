"""Warm-up (Goyal et al. 2017): a linear rise in front of another schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.optim.schedules.constant import Constant
from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Linear from ``start`` to 1 over the first ``share`` of the run; ``then`` has the rest, and begins there.

    factor = (start + (1 - start) step / rise) * then(0)   while step < rise = share * steps
    factor = then(step - rise) of a run of steps - rise    after it

    share: of the run, in (0, 1); start: factor, in [0, 1]; then: any schedule

    torch and optax count warm-up in steps; as a share of the run it keeps its shape when the run gets longer. Source:
    Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """

    share: Annotated[float, Within("(0, 1)"), DYNAMIC] = 0.1
    start: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.01
    then: Schedule = Constant()

    def factor(self, step: Array, steps: Array) -> Array:
        rise = self.share * steps
        warm = self.start + (1 - self.start) * jnp.clip(step / rise, 0.0, 1.0)
        return warm * self.then.factor(jnp.maximum(step - rise, 0.0), steps - rise)

    def after(self, losses: Sequence[float]) -> float:
        return self.then.after(losses)

"""The one-cycle schedule (Smith 2018): up to the full rate, then down to almost nothing."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Cosine from ``start`` up to 1 over the first ``rise`` of the run, then cosine down to ``final``.

    factor = start + (1 - start) (1 - cos(pi done / rise)) / 2                     while done = step / steps < rise
    factor = final + (1 - final) (1 + cos(pi (done - rise) / (1 - rise))) / 2      after it

    rise: share of the run, in (0, 1); start, final: factors at the two ends, in [0, 1]

    Defaults as fastai's fit_one_cycle: the learning rate is the peak; momentum stays as it is (fastai cycles it too).
    Source: Smith 2018, https://arxiv.org/abs/1803.09820
    """

    rise: Annotated[float, Within("(0, 1)"), DYNAMIC] = 0.25
    start: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.04
    final: Annotated[float, Within("[0, 1]"), DYNAMIC] = 1e-5

    def factor(self, step: Array, steps: Array) -> Array:
        done = jnp.clip(step / steps, 0.0, 1.0)
        up = between(self.start, 1.0, done / self.rise)
        down = between(1.0, self.final, (done - self.rise) / (1 - self.rise))
        return jnp.where(done < self.rise, up, down)


def between(first: Array | float, last: Array | float, done: Array) -> Array:
    """Half a cosine wave from ``first`` at 0 to ``last`` at 1."""
    return last + (first - last) * (1 + jnp.cos(jnp.pi * jnp.clip(done, 0.0, 1.0))) / 2

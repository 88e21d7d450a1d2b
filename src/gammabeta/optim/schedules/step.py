"""Step decay: the rate falls by the same factor at even distances."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class Step(Schedule):
    """factor = drop ** floor(step / steps / every)

    every: distance between two drops as a share of the run, in (0, 1]; drop: what each multiplies in, in (0, 1]

    The default divides by ten after each third of the run. torch's StepLR and Keras count ``every`` in epochs or steps;
    as a share of the run it keeps its shape when the run gets longer. Source: He et al. 2016, section 3.4,
    https://arxiv.org/abs/1512.03385
    """

    every: Annotated[float, Within("(0, 1]"), DYNAMIC] = 1 / 3
    drop: Annotated[float, Within("(0, 1]"), DYNAMIC] = 0.1

    def factor(self, step: Array, steps: Array) -> Array:
        done = jnp.clip(step / steps, 0.0, 1.0)
        # without the margin 1/3 of 300 steps would fall at step 101: 100/300 is rounded down
        drops = jnp.floor(done / self.every + 1e-5)
        last = jnp.ceil(1 / self.every - 1e-5) - 1
        return self.drop ** jnp.clip(drops, 0.0, last)

"""A layer that learns at a pace of its own."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from gammabeta.nn.layer import Layer, Wrapper
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class Paced(Wrapper):
    """The layer, learning at ``factor`` times the learning rate, and not before the share ``after`` of the run's steps.

        w <- w - factor eta d from step after * steps on, where d is the optimizer's direction;  w before it

    layer: any layer
    factor: on the learning rate, >= 0; 0 does not learn
    after: share of the steps of the whole run, in [0, 1)

    Decoupled weight decay is a part of d, and so is paced too. Only the parameters wait: batch norm inside normalizes
    by the batch and remembers, dropout drops, and the optimizer's averages fill from the first step (:class:`Frozen`
    is the layer as it is). Inside another ``Paced`` factors multiply and the later ``after`` counts. Both are numbers:
    changing them compiles nothing. In torch: parameter groups with rates of their own. Source: Howard & Ruder 2018,
    discriminative rates and gradual unfreezing, https://arxiv.org/abs/1801.06146
    """

    layer: Layer
    factor: Annotated[float, Within("[0, inf)"), DYNAMIC] = 1.0
    after: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.0

    def pace(self, params: Tree, progress: Array) -> Tree:
        factor = jnp.where(progress >= self.after, self.factor, 0.0)
        # what does not train at all is known without the numbers
        return jax.tree.map(
            lambda own: own if isinstance(own, float) and own == 0 else own * factor, self.layer.pace(params, progress)
        )

"""Dropout (Srivastava 2014)."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.nn.layer import Call, Layer, Seen
from gammabeta.nn.random_bits import bernoulli
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: y = x mask / (1 - rate), mask ~ Bernoulli(1 - rate); the identity outside training.

    rate: the share that is dropped, in [0, 1)
    """

    rate: Annotated[float, Within("[0, 1)"), DYNAMIC]

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        if call.key is None:
            return x, Seen()
        keep = 1.0 - self.rate
        kept = bernoulli(call.key, keep, x.shape)
        return jnp.where(kept, x / keep, 0.0).astype(x.dtype), Seen()

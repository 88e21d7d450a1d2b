"""Dropout (Srivastava 2014)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jax.numpy as jnp

from gammabeta.nn.layer import Call, Layer, Seen
from gammabeta.nn.random_bits import bernoulli
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class Dropout(Layer):
    """Each value by itself is set to 0 with a chance while training: mask ~ Bernoulli(1 - rate).

    x of any shape; each value draws for itself, in images too (Keras's SpatialDropout2D drops whole channels)

    rate: the share that is dropped, in [0, 1), as in torch and Keras; the paper's p is the share that is kept
    form: "inverted": y = x mask / (1 - rate) in training, x outside it, as in torch and Keras.
        "notes": y = x mask in training, x (1 - rate) outside it, which is the following layer's weights scaled by the
        share that is kept, as the paper and lecture notes write it. Both give the layer after it the same expected
        input in training and outside it; that of "notes" is smaller by the factor 1 - rate.

    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    rate: Annotated[float, Within("[0, 1)"), DYNAMIC]
    form: Literal["inverted", "notes"] = "inverted"

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        keep = 1.0 - self.rate
        if call.key is None:
            return x if self.form == "inverted" else (x * keep).astype(x.dtype), Seen()
        kept = bernoulli(call.key, keep, x.shape)
        return jnp.where(kept, x / keep if self.form == "inverted" else x, 0.0).astype(x.dtype), Seen()

"""Flatten."""

import math
from dataclasses import dataclass

from gammabeta.nn.layer import Call, Fresh, Layer, Seen
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Flatten(Layer):
    """(rows, height, width, channels) -> (rows, height * width * channels), the last axis fastest.

    y[r, (i width + j) channels + c] = x[r, i, j, c]; as in Keras; torch, channels first, orders otherwise.

    Source: LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition, Neural Computation 1
    """

    def init(self, key: Array, shape: Shape) -> Fresh:
        return Fresh((), (), (math.prod(shape),))

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        return x.reshape(x.shape[0], -1), Seen()

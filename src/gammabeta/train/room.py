"""How many rows fit at once: fewer where a row is wide."""

import math
from functools import lru_cache

import jax
import jax.numpy as jnp

from gammabeta.nn import Call, Layer, Passage
from gammabeta.types import Array, Shape

MOST_ROWS = 8_192
"""Of one compiled call, at most."""

MOST_VALUES = 1 << 27
"""Numbers that one layer gives for all rows of a pass, at most: half a gigabyte of float32, and XLA holds a few such.

Up to 16,384 numbers a row leave the rows as they are: images of 32 x 32 pixels with 16 channels, tables of 16,384
columns. 256 x 256 pixels with 16 channels go 128 rows at a time.
"""


def rows_at_once(values: int) -> int:
    """How many rows of so many values: a power of two, 1 to 8,192."""
    room = max(1, MOST_VALUES // max(values, 1))
    return min(MOST_ROWS, 1 << (room.bit_length() - 1))


def pass_rows(network: Layer, shape: Shape) -> int:
    """How many rows of ``shape`` go through a network at once, by the widest of its layers."""
    return rows_at_once(widest(network, shape))


@lru_cache(maxsize=64)
def widest(network: Layer, shape: Shape) -> int:
    """The most numbers that a row becomes on its way through the network, computing none of them."""
    found = [math.prod(shape)]

    def noted(passed: Passage) -> dict[str, Array]:
        found.append(math.prod(passed.y.shape[1:]))
        return {}

    def forward(key: Array, x: Array) -> Array:
        fresh = network.init(key, shape)
        y, _ = network.apply(fresh.params, fresh.stats, x, Call(probe=noted))
        found.append(math.prod(y.shape[1:]))
        return y

    jax.eval_shape(forward, jax.eval_shape(lambda: jax.random.key(0)), jax.ShapeDtypeStruct((1, *shape), jnp.float32))
    return max(found)

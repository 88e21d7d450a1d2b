"""Cheap random bits for masks and noise."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.types import Array, Shape


def random_bits(key: Array, shape: Shape) -> Array:
    """uint32 of ``shape``: a hash of each element's number under the two words of ``key``.

    Not the counter-based cipher that ``jax.random`` uses: on a CPU that took 192 us for a mask of 128 x 256, this
    12 us, and a step of a small network takes 400. The hash is Wellons' lowbias32, once per word of the key; tests
    check its frequencies and its correlations between neighbors, keys and steps. Good for dropout, not for secrets.
    """
    first, second = jax.random.key_data(key).astype(jnp.uint32)[:2]
    count = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return lowbias32(lowbias32(count + first) ^ second)


def lowbias32(x: Array) -> Array:
    """A bijection of uint32 in which every input bit flips every output bit with a chance near one half."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def bernoulli(key: Array, chance: Array | float, shape: Shape) -> Array:
    """bool of ``shape``, each true with ``chance`` in [0, 1], to within 2^-24."""
    return (random_bits(key, shape) >> 8) < (jnp.asarray(chance, jnp.float32) * 2**24).astype(jnp.uint32)


def uniform(key: Array, shape: Shape) -> Array:
    """float32 U(0, 1) of ``shape``: multiples of 2^-24 in [0, 1)."""
    return (random_bits(key, shape) >> 8).astype(jnp.float32) * 2.0**-24

"""What an initializer is."""

import math

from gammabeta.serial import Description
from gammabeta.types import Array, Shape


class Initializer(Description):
    """A distribution that weights are drawn from; its scale is a function of the fans."""

    def sample(self, key: Array, shape: Shape) -> Array:
        """Weights of shape (..., fan_in, fan_out); the leading axes are a convolution's window."""
        raise TypeError(f"{type(self).__name__} does not define sample")


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs one output has, and how many outputs one input reaches.

    >>> fans((3, 3, 8, 16))
    (72, 144)
    """
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]

"""What an initializer is."""

import math
from collections.abc import Callable

from gammabeta.errors import PlanError
from gammabeta.serial import Description
from gammabeta.types import Array, Shape, Tree


class Initializer(Description):
    """A distribution that weights are drawn from; its scale is a function of the fans.

    One that needs to see data before the first step defines :meth:`calibrated` besides.
    """

    def sample(self, key: Array, shape: Shape) -> Array:
        """Weights of shape (..., fan_in, fan_out); the leading axes are a convolution's window."""
        raise TypeError(f"{type(self).__name__} does not define sample")

    def calibrated(self, params: Tree, output: Callable[[Tree], Array], weights: Array | None) -> Tree:
        """A layer's params after it has seen a batch; the default leaves them as they were drawn.

        params: {"weight": (..., fan_in, units), "bias": (units,), absent where the layer has none}
        output: from such params to the layer's output (rows, ..., units) on the batch
        weights: (rows,), the rows' weights; None counts every row once
        """
        return params


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs one output has, and how many outputs one input reaches.

    Raises PlanError for a shape that has none: fewer than two axes, or one of length 0.

    >>> fans((3, 3, 8, 16))
    (72, 144)
    """
    if len(shape) < 2 or 0 in shape:
        raise PlanError(
            f"initializer: a weight of shape {shape} has no fan_in and fan_out, expected (..., inputs, units), each "
            "1 or more; choose zeros, constant_weights, standard_normal or scaled_normal, which need neither."
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]

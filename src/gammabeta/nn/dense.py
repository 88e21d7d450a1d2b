"""The fully connected layer."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.initializers import Initializer, XavierNormal
from gammabeta.nn.layer import Call, Fresh, Layer, Seen
from gammabeta.serial import Within
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b, with x (rows, features), W (features, units), b (units,).

    units: how many outputs
    bias: whether there is a b; None: yes, unless a batch norm with shift follows directly, which would undo it
    initializer: of W; None: He for the ReLU family, Xavier otherwise, by the activation that follows.
        b starts at 0.

    W is stored as (fan_in, fan_out), as in Keras and Flax; torch stores its transpose.
    """

    units: Annotated[int, Within("[1, inf)")]
    bias: bool | None = None
    initializer: Initializer | None = None

    def init(self, key: Array, shape: Shape) -> Fresh:
        if len(shape) != 1:
            raise PlanError(f"dense: its input has shape {shape}, expected (features,); put a flatten before it.")
        weight = (self.initializer or XavierNormal()).sample(key, (shape[0], self.units))
        params = {"weight": weight} if self.bias is False else {"weight": weight, "bias": jnp.zeros(self.units)}
        return Fresh(params, (), (self.units,))

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        y = x @ params["weight"]
        return (y + params["bias"] if "bias" in params else y), Seen()

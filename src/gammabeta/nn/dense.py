"""The fully connected layer."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.centered_weights import centered_weights
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
    weight_norm: "centered": each unit's weights, over its inputs, have mean 0 and a learned length, see
        :func:`centered_weights`

    W is stored as (fan_in, fan_out), as in Keras and Flax; torch stores its transpose. Source: Rumelhart, Hinton &
    Williams 1986, https://doi.org/10.1038/323533a0
    """

    units: Annotated[int, Within("[1, inf)")]
    bias: bool | None = None
    initializer: Initializer | None = None
    weight_norm: Literal["none", "centered"] = "none"

    def init(self, key: Array, shape: Shape) -> Fresh:
        if len(shape) != 1:
            raise PlanError(f"dense: its input has shape {shape}, expected (features,); put a flatten before it.")
        weight = (self.initializer or XavierNormal()).sample(key, (shape[0], self.units))
        params = {"weight": weight} if self.bias is False else {"weight": weight, "bias": jnp.zeros(self.units)}
        if self.weight_norm == "centered":
            params["gain"] = jnp.ones(self.units)
        return Fresh(params, (), (self.units,))

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        y = x @ self.matrix(params)
        return (y + params["bias"] if "bias" in params else y), Seen()

    def matrix(self, params: Tree) -> Array:
        """The weights that multiply x, (features, units)."""
        weight = params["weight"]
        return weight if self.weight_norm == "none" else centered_weights(weight, params["gain"])

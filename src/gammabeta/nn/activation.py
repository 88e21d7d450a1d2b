"""Activation functions."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import jax
import jax.numpy as jnp

from gammabeta.nn.layer import Call, Layer, Seen
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Tree

ActivationName = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"]
ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)
SATURATING: tuple[ActivationName, ...] = ("sigmoid", "tanh")
RELU_FAMILY: tuple[ActivationName, ...] = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus")


@dataclass(frozen=True)
class Activation(Layer):
    """An elementwise function of any shape.

    identity: y = x
    sigmoid: y = 1 / (1 + e^-x)
    tanh: y = (e^x - e^-x) / (e^x + e^-x)
    relu: y = max(0, x), Nair & Hinton 2010
    leaky_relu: y = x, below 0 negative_slope x, Maas 2013
    elu: y = x, below 0 alpha (e^x - 1), Clevert 2015, https://arxiv.org/abs/1511.07289
    selu: y = 1.0507 x, below 0 1.0507 * 1.6733 (e^x - 1), Klambauer 2017, https://arxiv.org/abs/1706.02515
    gelu: y = x Phi(x), exact and not the tanh approximation, Hendrycks 2016, https://arxiv.org/abs/1606.08415
    silu: y = x sigmoid(x), Elfwing 2017, https://arxiv.org/abs/1702.03118
    softplus: y = log(1 + e^x), Dugas 2001

    function: y = f(x), by its name
    negative_slope: >= 0, of leaky_relu; alpha: > 0, of elu

    Source: as named, beginning with sigmoid and tanh in Rumelhart, Hinton & Williams 1986
    """

    function: ActivationName
    negative_slope: Annotated[float, Within("[0, inf)"), DYNAMIC] = 0.01
    alpha: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        match self.function:
            case "identity":
                y = x
            case "leaky_relu":
                y = jnp.where(x >= 0, x, self.negative_slope * x)
            case "elu":
                y = jax.nn.elu(x, alpha=self.alpha)
            case "gelu":
                y = jax.nn.gelu(x, approximate=False)
            case "tanh":
                y = jnp.tanh(x)
            case name:
                y = getattr(jax.nn, name)(x)
        return y, Seen()

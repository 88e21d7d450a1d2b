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

    identity x; sigmoid 1 / (1 + e^-x); tanh; relu max(0, x); leaky_relu x or negative_slope x;
    elu x or alpha (e^x - 1); selu 1.0507 (x or 1.6733 (e^x - 1)), Klambauer 2017; gelu x Phi(x), exact and not the
    tanh approximation, Hendrycks 2016; silu x sigmoid(x); softplus log(1 + e^x). "or" switches at x = 0.

    negative_slope: >= 0, of leaky_relu; alpha: > 0, of elu
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

"""The multilayer perceptron."""

from dataclasses import dataclass
from typing import Annotated, Literal

from gammabeta.nn.activation import Activation, ActivationName
from gammabeta.nn.architectures.architecture import Architecture, Position, position_of
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.flatten import Flatten
from gammabeta.nn.initializers import Initializer
from gammabeta.nn.layer import Layer, Normalization
from gammabeta.nn.noise import GaussianNoise
from gammabeta.nn.sequential import Sequential
from gammabeta.nn.whitening import Whitening
from gammabeta.serial import Search, Within
from gammabeta.types import Shape


@dataclass(frozen=True)
class Mlp(Architecture):
    """Fully connected hidden layers, each dense, normalized, activated and dropped out, and a dense layer at the end.

    x <- dropout(activation(norm(x W + b))) for each hidden layer, then y = x W + b

    hidden: units of each hidden layer
    activation: of the hidden layers
    normalization: which one; None for none
    position: of the normalization: "before" or "after" the activation, "first" on the inputs only, as the
        first layer, "auto": after sigmoid and tanh, before all others. Batch norm as the first layer replaces the
        scaling of inputs: fit and the estimators then leave numbers and pixels in their own unit, unless they are
        whitened before
    whitening: of the inputs, before everything else: "pca", "zca" or "none"
    dropout: share dropped after each hidden layer, in [0, 1)
    initializer: of all weights; None: He before the ReLU family, Xavier otherwise
    weight_norm: of all dense layers, "none" or "centered"
    input_noise: standard deviation of N(0, 1) noise added to the inputs while training, in units of the encoded input

    Source: Rumelhart, Hinton & Williams 1986, https://doi.org/10.1038/323533a0
    """

    hidden: Annotated[
        tuple[Annotated[int, Within("[1, inf)")], ...], Search("choice", 32, 64, 128, 256, 512, length=(1, 4))
    ] = (256, 256, 256)
    activation: Annotated[ActivationName, Search("choice", "relu", "gelu", "silu", "tanh")] = "relu"
    normalization: Annotated[Normalization | None, Search("choice", "batch_norm", "layer_norm", None)] = BatchNorm()
    position: Annotated[Position, Search("choice", "auto", "after")] = "auto"
    whitening: Literal["none", "pca", "zca"] = "none"
    dropout: Annotated[float, Within("[0, 1)"), Search("linear", 0.0, 0.5)] = 0.0
    initializer: Initializer | None = None
    weight_norm: Literal["none", "centered"] = "none"
    input_noise: Annotated[float, Within("[0, inf)")] = 0.0

    def expand(self, shape: Shape, outputs: int) -> Sequential:
        layers: list[Layer] = [] if len(shape) == 1 else [Flatten()]
        if self.whitening != "none":
            layers.append(Whitening(self.whitening))
        layers += [GaussianNoise(self.input_noise)] if self.input_noise else []
        position = position_of(self.position, self.activation)
        normalization = [self.normalization] if self.normalization else []
        if position == "first":
            layers += normalization
        for units in self.hidden:
            layers.append(self.dense(units))
            layers += normalization if position == "before" else []
            layers.append(Activation(self.activation))
            layers += normalization if position == "after" else []
            layers += [Dropout(self.dropout)] if self.dropout else []
        return Sequential((*layers, self.dense(outputs)))

    def dense(self, units: int) -> Dense:
        return Dense(units, initializer=self.initializer, weight_norm=self.weight_norm)

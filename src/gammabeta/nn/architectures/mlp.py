"""The multilayer perceptron."""

from dataclasses import dataclass
from typing import Annotated, Literal

from gammabeta.nn.activation import SATURATING, Activation, ActivationName
from gammabeta.nn.architectures.architecture import Architecture
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.flatten import Flatten
from gammabeta.nn.layer import Layer, Normalization
from gammabeta.nn.sequential import Sequential
from gammabeta.nn.whitening import Whitening
from gammabeta.serial import Within
from gammabeta.types import Shape


@dataclass(frozen=True)
class Mlp(Architecture):
    """Fully connected hidden layers, each dense, normalized, activated and dropped out, and a dense layer at the end.

    hidden: units of each hidden layer
    activation: of the hidden layers
    normalization: which one; None for none
    position: of the normalization: "before" or "after" the activation, "first" on the inputs only, as the
        first layer, "auto": after sigmoid and tanh, before all others
    whitening: of the inputs, before everything else: "pca", "zca" or "none"
    dropout: share dropped after each hidden layer, in [0, 1)
    """

    hidden: tuple[Annotated[int, Within("[1, inf)")], ...] = (256, 256, 256)
    activation: ActivationName = "relu"
    normalization: Normalization | None = BatchNorm()
    position: Literal["auto", "before", "after", "first"] = "auto"
    whitening: Literal["none", "pca", "zca"] = "none"
    dropout: Annotated[float, Within("[0, 1)")] = 0.0

    def expand(self, shape: Shape, outputs: int) -> Sequential:
        layers: list[Layer] = [] if len(shape) == 1 else [Flatten()]
        if self.whitening != "none":
            layers.append(Whitening(self.whitening))
        position = self.position
        if position == "auto":
            position = "after" if self.activation in SATURATING else "before"
        normalization = [self.normalization] if self.normalization else []
        if position == "first":
            layers += normalization
        for units in self.hidden:
            layers.append(Dense(units))
            layers += normalization if position == "before" else []
            layers.append(Activation(self.activation))
            layers += normalization if position == "after" else []
            layers += [Dropout(self.dropout)] if self.dropout else []
        return Sequential((*layers, Dense(outputs)))

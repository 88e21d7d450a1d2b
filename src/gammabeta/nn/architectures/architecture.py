"""What a named architecture is."""

from typing import Literal

from gammabeta.nn.activation import SATURATING, ActivationName
from gammabeta.nn.sequential import Sequential
from gammabeta.serial import Description
from gammabeta.types import Shape

Position = Literal["auto", "before", "after", "first"]
"""Where the normalization stands: before or after each activation, or on the inputs only."""


class Architecture(Description):
    """A few choices that stand for a list of layers."""

    def expand(self, shape: Shape, outputs: int) -> Sequential:
        """The layers, for input examples of ``shape`` and a number of outputs."""
        raise TypeError(f"{type(self).__name__} does not define expand")


def position_of(chosen: Position, activation: ActivationName) -> Position:
    """Where the normalization stands, "auto" decided: after sigmoid and tanh, before all others."""
    if chosen != "auto":
        return chosen
    return "after" if activation in SATURATING else "before"

"""What a named architecture is."""

from gammabeta.nn.sequential import Sequential
from gammabeta.serial import Description
from gammabeta.types import Shape


class Architecture(Description):
    """A few choices that stand for a list of layers."""

    def expand(self, shape: Shape, outputs: int) -> Sequential:
        """The layers, for input examples of ``shape`` and a number of outputs."""
        raise TypeError(f"{type(self).__name__} does not define expand")

"""What a schedule is."""

from gammabeta.serial import Description
from gammabeta.types import Array


class Schedule(Description):
    """A factor on the learning rate, as a function of how far the run is."""

    def factor(self, step: Array, steps: Array) -> Array:
        """The factor at ``step`` (0 is the first) of a run of ``steps`` steps: both scalars, the result in [0, 1]."""
        raise TypeError(f"{type(self).__name__} does not define factor")

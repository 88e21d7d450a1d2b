"""What a schedule is."""

from collections.abc import Sequence

from gammabeta.serial import Description
from gammabeta.types import Array


class Schedule(Description):
    """A factor on the learning rate, as a function of how far the run is."""

    def factor(self, step: Array, steps: Array) -> Array:
        """The factor at ``step`` (0 is the first) of a run of ``steps`` steps: both scalars, the result in [0, 1]."""
        raise TypeError(f"{type(self).__name__} does not define factor")

    def after(self, losses: Sequence[float]) -> float:
        """A further factor for the epoch that comes after these, in [0, 1]: 1 for all that ignore how the run goes.

        losses: the validation loss of every epoch so far, oldest first; without validation rows the training loss
        """
        return 1.0

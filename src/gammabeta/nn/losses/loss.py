"""What a loss is."""

from gammabeta.serial import Description
from gammabeta.types import Array


class Loss(Description):
    """A per-row loss, and the map from a network's outputs to what it predicts."""

    def rows(self, outputs: Array, targets: Array) -> Array:
        """The loss of each row, (rows,), from outputs (rows, k) and targets."""
        raise TypeError(f"{type(self).__name__} does not define rows")

    def predict(self, outputs: Array) -> Array:
        """Probabilities or values (rows, k) from outputs (rows, k)."""
        return outputs

"""What clipping is."""

from gammabeta.serial import Description
from gammabeta.types import Tree


class Clipping(Description):
    """A bound on the gradients, between the loss and the optimizer."""

    def apply(self, grads: Tree) -> Tree:
        """The gradients within the bound: the same tree, shapes and dtypes. A pure function; NaN is never hidden."""
        raise TypeError(f"{type(self).__name__} does not define apply")

"""A network once its weights are there: how they started decides no compiled program any more."""

from typing import Any

from gammabeta.nn.initializers import Initializer, Zeros
from gammabeta.serial import Description, fields, unchecked


def without_initializers(value: Any) -> Any:
    """A description, or a tuple of some, with zeros for every initializer.

    Networks that differ in their initializers alone are equal then, and share what is compiled for them: training step,
    predictions, statistics. What draws the weights keeps the network as it is written.
    """
    if isinstance(value, Initializer):
        return Zeros()
    if isinstance(value, Description):
        # built without validation: its numbers may be lifted already
        parts = {name: without_initializers(getattr(value, name)) for name in fields(type(value))}
        return unchecked(type(value), parts)
    if isinstance(value, tuple):
        return tuple(without_initializers(item) for item in value)
    return value

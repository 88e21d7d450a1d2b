"""What an optimizer is."""

import optax

from gammabeta.serial import Description


class Optimizer(Description):
    """A learning rate and a rule that turns gradients into a direction.

    The step is w <- w - learning_rate * factor * direction, where factor is the schedule's; the rules are
    built from optax's parts. A rule of one's own is a few lines, and is then known to plans by its name:

    >>> @dataclass(frozen=True)
    ... class SignDescent(Optimizer):
    ...     learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-3
    ...     def direction(self):
    ...         return optax.scale_by_sign()
    >>> plan.replace(optimizer=SignDescent())

    What optax itself offers needs no class: :class:`FromOptax` by name, :class:`OptaxTransformation` as it is.
    """

    learning_rate: float

    def direction(self) -> optax.GradientTransformation:
        """The rule without the learning rate: gradients -> direction, of the same tree and shapes."""
        raise TypeError(f"{type(self).__name__} does not define direction")

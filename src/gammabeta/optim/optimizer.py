"""What an optimizer is."""

from typing import Any

import optax

from gammabeta.serial import Description
from gammabeta.types import Tree


class Optimizer(Description):
    """A learning rate and a rule that turns gradients into a direction.

    The step is w <- w - learning_rate * factor * direction, where factor is the schedule's; the rules are
    built from optax's parts.
    """

    learning_rate: float

    def direction(self) -> optax.GradientTransformation:
        """The rule without the learning rate: gradients -> direction, of the same tree and shapes."""
        raise TypeError(f"{type(self).__name__} does not define direction")


def decays(params: Tree) -> Tree:
    """Which parameters weight decay touches: a tree of bools, true for weights, never for bias, gamma, beta."""

    def visit(tree: Any, name: str) -> Any:
        if isinstance(tree, dict):
            return {key: visit(value, key) for key, value in tree.items()}
        if isinstance(tree, tuple):
            return tuple(visit(value, name) for value in tree)
        return name == "weight"

    return visit(params, "")

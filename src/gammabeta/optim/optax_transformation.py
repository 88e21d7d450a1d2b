"""Any transformation of optax, made in Python."""

from dataclasses import dataclass
from typing import Annotated, Any

import optax

from gammabeta.errors import PlanError
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, UNWRITTEN, Within


@dataclass(frozen=True)
class OptaxTransformation(Optimizer):
    """An optax transformation as it is: w <- w + learning_rate * factor * update, factor the schedule's.

    transformation: an optimizer such as ``optax.lion(3e-4)`` or a chain, whose updates are added to the weights
    learning_rate: > 0, on top of the transformation's own; 1 leaves that as it is

    A plan makes one by itself of what optax gives, and the plan's schedule is applied to it as to every optimizer: take
    :class:`Constant` where the transformation has a schedule of its own.

    >>> Plan(network=Mlp(), loss=SquaredError(), optimizer=optax.lion(3e-4), schedule=Constant())

    It is code, which no file holds: a plan or model file leaves the transformation out. Such a model predicts as ever,
    and a plan that is read from there trains once its optimizer is set again; until then that is refused with a
    PlanError, as is a transformation that wants more than gradients and weights. Equal are two of the same
    transformation, made once: another one compiles anew, and a search kept in a database cannot tell the two apart.
    :class:`FromOptax` has none of these limits, for what it can name.

    Source: DeepMind 2020, the JAX Ecosystem, https://github.com/google-deepmind/optax
    """

    transformation: Annotated[optax.GradientTransformation | None, UNWRITTEN] = None
    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1.0

    def direction(self) -> optax.GradientTransformation:
        if self.transformation is None:
            raise PlanError(
                "plan.optimizer: the optax transformation that this plan was made with is code, which is in no file, "
                "expected an optimizer; set it again, or name it: from_optax."
            )
        rule = self.transformation

        def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
            try:
                updates, state = rule.update(updates, state, params)
            except TypeError as error:
                raise PlanError(
                    f"plan.optimizer: an optax transformation gets gradients, its state and the weights, which is not "
                    f"enough for this one: {error}; choose one that needs no more."
                ) from None
            return updates, state

        return optax.chain(optax.GradientTransformation(rule.init, update), optax.scale(-1.0))

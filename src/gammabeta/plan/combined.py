"""Several plans, whose networks answer as one."""

from dataclasses import dataclass
from typing import Annotated

from gammabeta.errors import PlanError
from gammabeta.plan.plan import Plan
from gammabeta.serial import Description, Within, kind_name


@dataclass(frozen=True, kw_only=True)
class Combined(Description):
    """Plans that are trained one by one, each with its own seed; the answer is the mean of their answers.

    members: one or more, with losses of one kind; the seed of the first splits the rows
    averaged_epochs: of each member the mean of the weights after its best epoch and those before it, so many in all,
        >= 1

    What a plan file holds where `gammabeta recipe` ends with a mean, so that `gammabeta fit --plan` comes to the same
    model. An :class:`Ensemble` in a plan is another thing: one network, whose members are trained together.

    Source: Lakshminarayanan et al. 2017, https://arxiv.org/abs/1612.01474; Izmailov et al. 2018, Averaging weights
    leads to wider optima, https://arxiv.org/abs/1803.05407
    """

    members: tuple[Plan, ...]
    averaged_epochs: Annotated[int, Within("[1, inf)")] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.members:
            raise PlanError("combined.members: found none, expected one plan or more.")
        losses = list(dict.fromkeys(kind_name(type(member.loss)) for member in self.members))
        if len(losses) > 1:
            raise PlanError(f"combined.members: losses {' and '.join(losses)} do not answer alike; give all the same.")

"""Reduce on plateau: the rate falls when the validation loss has stopped falling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from gammabeta.optim.schedules.constant import Constant
from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """The rate is multiplied by ``drop`` whenever the loss has not improved for ``patience`` epochs.

    factor = max(minimum, drop ** plateaus so far) * then

    An epoch improves when its loss < (1 - threshold) * the best before it; NaN never does. After a drop the patience
    begins anew, the best stays. The rate never falls below ``minimum`` times what it was.

    patience: epochs, >= 1; drop: what each plateau multiplies in, in (0, 1]; minimum: a factor, in [0, 1]
    threshold: a share of the loss, in [0, 1)
    then: the schedule whose factor is reduced

    patience counts as in Keras and as early stopping does here; torch waits one epoch more (its ``patience`` 9 is 10
    here). threshold, minimum and the default drop are torch's, but torch's ``min_lr`` is a rate, not a factor. Source:
    Krizhevsky, Sutskever & Hinton 2012, section 5, https://papers.nips.cc/paper/4824
    """

    patience: Annotated[int, Within("[1, inf)"), DYNAMIC] = 10
    drop: Annotated[float, Within("(0, 1]"), DYNAMIC] = 0.1
    minimum: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.0
    threshold: Annotated[float, Within("[0, 1)"), DYNAMIC] = 1e-4
    then: Schedule = Constant()

    def factor(self, step: Array, steps: Array) -> Array:
        return self.then.factor(step, steps)

    def after(self, losses: Sequence[float]) -> float:
        factor, best, waited = 1.0, float("inf"), 0
        for loss in losses:
            waited += 1
            if loss < (1 - self.threshold) * best:
                best, waited = loss, 0
            if waited >= self.patience:
                factor, waited = max(factor * self.drop, self.minimum), 0
        return factor * self.then.after(losses)

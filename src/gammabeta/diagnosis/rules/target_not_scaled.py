"""GB113: a target of regression far from mean 0 and spread 1."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import numbers
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import on_rows
from gammabeta.nn import BinnedRegression

PAGE = Page(
    code="GB113",
    name="target not scaled",
    what="The numbers to be predicted are far from mean 0 and spread 1.",
    why="The gradient of a squared error grows with the size of the target, and the last layer has to grow to it: with "
    "plain descent the steps are too long, with Adam, whose steps have the length of the rate, the weights take "
    "|target| / rate steps to get there. Clipping, weight decay and L2 mean something else at every scale.",
    evidence="A target's standard deviation in the training rows outside [0.1, 10], or a mean more than 3 standard "
    "deviations from 0; proved by runs on a standardized target, whose r2 (which has no unit) ends better.",
    do="Standardize the target with the mean and standard deviation of the training rows, and undo it for what is "
    "predicted; a logarithm first where it spans orders of magnitude. `gammabeta fit` does it when it reads a table.",
    ignore="When the fork did not gain: with many steps a network gets there.",
    sources="LeCun 1998 (Efficient BackProp).",
)


def rule(case: Case) -> Iterator[Suspicion]:
    y = numbers(case, case.train)
    # bins are learned from the targets: there is no scale
    if y is None or len(y) < 2 or isinstance(case.plan.loss, BinnedRegression):
        return
    mean, std = y.mean(axis=0), y.std(axis=0)
    if not (std > 0).all():
        return
    off = np.maximum(std / 10, 0.1 / std)
    offset = np.abs(mean) / std
    if off.max() <= 1 and offset.max() <= 3:
        return
    gross = max(float(off.max()), float(offset.max()) / 10)
    # a count of the rows, upstream of every step that is too long or too short for them
    certainty = 0.8 if gross > 1 else 0.3
    if gross <= 1 and (not case.trained or case.shortfall < 2 * case.chance):
        return
    worst = int(np.argmax(np.maximum(off, offset / 3)))
    yield Suspicion(
        code=PAGE.code,
        place="target" if len(std) == 1 else f"target {worst}",
        evidence=f"the target has mean {mean[worst]:.3g} and standard deviation {std[worst]:.3g} in the training rows",
        numbers={"mean": float(mean[worst]), "std": float(std[worst])},
        certainty=certainty,
        treatments=(
            on_rows("target standardized by the training rows", change_y=lambda values: (values - mean) / std),
        ),
        advice="standardize the target by the training rows, and undo it for what is predicted",
    )

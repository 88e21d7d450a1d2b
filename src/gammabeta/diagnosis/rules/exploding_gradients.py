"""GB404: the gradient grows from layer to layer."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rules.deep_batch_norm import deep_stack
from gammabeta.diagnosis.rules.vanishing_gradients import backward
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import batch_norm_added, skips_added
from gammabeta.optim import ClipByNorm

PAGE = Page(
    code="GB404",
    name="exploding gradients",
    what="The gradient that reaches the first layers is many times that at the last: one step throws them far away.",
    why="Backward, every layer multiplies by its weights: a gain of 1.5 a layer is 57 over ten. Deep batch norm "
    "networks without skips do so by construction, about 1.2 a layer.",
    evidence="The root mean square of the loss's derivative by each layer's output, first hidden layer over last, "
    "above 100, or more than 1.5 a layer over five layers, on the probe rows at the start; proved by runs with "
    "batch norm, skips or clipping; where other initial weights alone cure it, GB202 is the cause.",
    do="Initial weights that suit the activation, then batch norm or skips, then clipping.",
    ignore="When only a note.",
    sources="Pascanu 2013; Yang 2019 (batch norm without skips).",
)

GROWN, SLOPE = 100.0, 1.5


def rule(case: Case) -> Iterator[Suspicion]:
    found = backward(case)
    # GB508 is about stacks of batch norm
    if found is None or not explodes(case) or deep_stack(case):
        return
    ratio, layers = found
    per_layer = slope(ratio, layers)
    yield Suspicion(
        code=PAGE.code,
        place="network",
        evidence=f"the gradient at the first of {layers} hidden layers is {ratio:.1e} times that at the last at the "
        f"start, a factor of {per_layer:.2g} a layer",
        numbers={"ratio": ratio, "factor_per_layer": per_layer},
        certainty=0.75,
        treatments=(
            batch_norm_added(),
            skips_added(),
            Treatment("gradients clipped to norm 1", lambda plan: plan.replace(clipping=ClipByNorm(1.0))),
        ),
        advice="initial weights that suit the activation, batch norm, or clipping",
    )


def explodes(case: Case) -> bool:
    """Whether the gradient at the first hidden layer is many times that at the last."""
    found = backward(case)
    if found is None:
        return False
    ratio, layers = found
    return np.isfinite(ratio) and (ratio > GROWN or (slope(ratio, layers) > SLOPE and layers >= 5))


def slope(ratio: float, layers: int) -> float:
    """By how much a gradient grows from each of so many layers to the one before it."""
    return float(ratio ** (1 / max(layers - 1, 1)))

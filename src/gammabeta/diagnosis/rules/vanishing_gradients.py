"""GB403: the gradient fades from layer to layer."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import own
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import activation, batch_norm_added, skips_added
from gammabeta.nn import Activation, Residual

PAGE = Page(
    code="GB403",
    name="vanishing gradients",
    what="The gradient that reaches the first layers is a tiny part of that at the last: they hardly learn.",
    why="Backward, every layer multiplies by its weights and the activation's slope; sigmoid's is at most 1/4, so ten "
    "layers leave 1e-6.",
    evidence="The root mean square of the loss's derivative by each layer's output, first hidden layer over last, "
    "below 1e-3 on the probe rows at the start; proved by runs with batch norm, ReLU or skips; where other "
    "initial weights alone cure it, GB202 is the cause.",
    do="Batch norm or ReLU, then residual connections; fewer layers.",
    ignore="When only a note: adaptive optimizers undo the scale, not the noise.",
    sources="Hochreiter 1991; Glorot & Bengio 2010; He 2016.",
)

FADED, SLOPE = 1e-3, 0.5


def rule(case: Case) -> Iterator[Suspicion]:
    found = backward(case)
    if found is None:
        return
    ratio, layers = found
    per_layer = ratio ** (1 / max(layers - 1, 1))
    if not 0 < ratio < 0.03:
        return
    certain = ratio < FADED or per_layer < SLOPE
    if not certain and case.shortfall < 2 * case.chance:
        return
    yield Suspicion(
        code=PAGE.code,
        place="network",
        evidence=f"the gradient at the first of {layers} hidden layers is {ratio:.1e} of that at the last at the "
        f"start, a "
        f"factor of {per_layer:.2g} a layer",
        numbers={"ratio": ratio, "factor_per_layer": per_layer},
        certainty=0.8 if certain else 0.4,
        treatments=(
            batch_norm_added(),
            activation("relu"),
            skips_added(),
        ),
        advice="batch norm, ReLU or residual connections keep it alive",
    )


def backward(case: Case) -> tuple[float, int] | None:
    """(gradient at the first hidden layer over that at the last, how many): None for fewer than three."""
    kinds = Activation | Residual
    sizes = [view.gradient for view in case.at_start.layers if isinstance(view.layer, kinds) or own(view.layer)]
    if len(sizes) < 3 or not all(np.isfinite(sizes)) or sizes[-1] == 0:
        return None
    return sizes[0] / sizes[-1], len(sizes)

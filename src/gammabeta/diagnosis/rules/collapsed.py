"""GB405: all rows look alike inside the network."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import own
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import activation, batch_norm_added
from gammabeta.nn import Activation

PAGE = Page(
    code="GB405",
    name="collapsed representation",
    what="A hidden layer gives nearly the same values for every row: what tells the rows apart is lost there.",
    why="If the spread over the rows is a thousandth of the values themselves, the layers above see a constant, and "
    "the gradients below carry a thousandth. A softmax or a very deep sigmoid stack between the layers does it.",
    evidence="The spread over the probe rows by the root mean square of a hidden layer's output: below 1 % at the "
    "start or the end, or hidden outputs whose every row sums to 1; proved by runs with ReLU or batch norm; where "
    "other initial weights alone cure it, GB202 is the cause.",
    do="Use ReLU or batch norm there; softmax belongs to the loss.",
    ignore="When only a note.",
    sources="TheDeepChecker 2022.",
)

FLAT = 0.01


def rule(case: Case) -> Iterator[Suspicion]:
    worst, least, when = "", 1.0, ""
    for view, moment in ((case.at_start, "at the start"), (case.at_end, "at the end")):
        for layer in view.leaves[:-1] if view else ():
            if not (isinstance(layer.layer, Activation) or own(layer.layer)) or layer.rms == 0:
                continue
            share = float(np.sqrt(np.mean(layer.std**2))) / layer.rms
            if share < least:
                worst, least, when = layer.place, share, moment
    mixes = any(own(layer.layer) and softmax_like(layer.mean, layer.least) for layer in case.at_start.leaves[:-1])
    if not mixes and (least > FLAT or not worst):
        return
    words = f"the outputs of {worst} differ between rows by {least:.2g} of their size {when}"
    yield Suspicion(
        code=PAGE.code,
        place=worst,
        evidence=f"{words}; a hidden layer's outputs sum to 1 in every row" if mixes else words,
        numbers={"spread_by_size": least},
        certainty=0.85 if mixes else 0.6,
        treatments=(activation("relu"), batch_norm_added()),
        advice="exchange the activation there",
    )


def softmax_like(mean: np.ndarray, least: np.ndarray) -> bool:
    """Whether a layer's units are shares of 1."""
    return bool(len(mean) > 1 and np.all(least >= 0) and abs(float(np.sum(mean)) - 1) < 1e-3)

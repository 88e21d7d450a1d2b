"""GB402: sigmoid or tanh units that sit at their ends."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import activation, batch_norm_added, batch_norm_first
from gammabeta.nn import Activation

PAGE = Page(
    code="GB402",
    name="saturated units",
    what="Sigmoid or tanh units sit at the flat ends of their curve for nearly every row.",
    why="sigmoid'(z) = s (1 - s) and tanh'(z) = 1 - t^2: at |z| = 5 that is 2.7 % and 0.02 % of the largest slope, "
    "and the gradient of everything below is multiplied by it.",
    evidence="The mean slope of every unit on the probe rows as a share of the largest one (0.25 and 1), bounded "
    "from the unit's mean and spread: below 5 % for more than half of a layer's units. Proved by runs with "
    "batch norm in front of the activation, inputs scaled, or ReLU; where other initial weights alone cure it, GB202 "
    "is the cause.",
    do="Smaller initial weights, scaled inputs, batch norm before the activation, or ReLU.",
    ignore="At the output of a solved task: a sure answer is saturated.",
    sources="Glorot & Bengio 2010; Ioffe & Szegedy 2015.",
)

FLAT, MANY = 0.05, 0.5


def rule(case: Case) -> Iterator[Suspicion]:
    worst, share, when = "", 0.0, ""
    for view, moment in ((case.at_start, "at the start"), (case.at_end, "at the end")):
        for layer in view.leaves if view else ():
            if isinstance(layer.layer, Activation) and layer.layer.function in ("sigmoid", "tanh"):
                flat = float(np.mean(slope(layer.layer.function, layer.mean, layer.std) < FLAT))
                if flat > share:
                    worst, share, when = layer.place, flat, moment
    if share <= MANY:
        return
    yield Suspicion(
        code=PAGE.code,
        place=worst,
        evidence=f"{share:.0%} of the units of {worst} have less than {FLAT:.0%} of the largest slope {when}",
        numbers={"saturated_share": share},
        certainty=0.7,
        treatments=(batch_norm_first(), batch_norm_added(), activation("relu")),
        advice="bring what enters the activation near zero",
    )


def slope(function: str, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """E[f'] / max f' of every unit, exactly, from the moments of its output: s (1 - s) and 1 - t^2 are quadratic."""
    square = mean**2 + std**2
    found: np.ndarray = 4 * (mean - square) if function == "sigmoid" else 1 - square
    return found

"""GB201: units of a layer start equal, and stay equal."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import weighted
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import initializers_by_activation
from gammabeta.diagnosis.weights import matrices
from gammabeta.nn import part_at

PAGE = Page(
    code="GB201",
    name="symmetric units",
    what="Units of a hidden layer start with the same weights, get the same gradients and stay the same for ever: the "
    "layer is as wide as one unit.",
    why="Equal weights in, equal weights out: dL/dw is the same for each of them. All zeros do not learn at all, since "
    "every gradient passes through a zero.",
    evidence="The cosine between the incoming weights of every two units at the start; more than 10 % of the pairs "
    "above 0.999, or a layer whose weights are all zero, in a hidden layer. Of a single input, whose weights are all "
    "parallel, units whose weight and bias are the same to a thousandth.",
    do="Leave network initializers open (He or Xavier by the activation), or give a random one.",
    ignore="Never in hidden layers. A last layer that starts at zero is harmless and does not count.",
    sources="Saxe 2013; the notes' example of 29 equal weights.",
)

EQUAL, SHARE = 0.999, 0.1


def rule(case: Case) -> Iterator[Suspicion]:
    found = list(zip(weighted(case.network), matrices(case.network, case.start.params), strict=True))
    for one, (place, weights) in found[:-1]:
        norms = np.linalg.norm(weights, axis=0)
        if weights.shape[1] < 2:
            continue
        if np.all(norms == 0):
            share, words = 1.0, f"all weights of {place} start at zero"
        else:
            alone = len(weights) == 1
            bias = part_at(case.start.params, one.path).get("bias")
            alike = same(weights[0], bias) if alone else parallel(weights, norms)
            share = float(np.mean(alike[np.triu_indices(weights.shape[1], 1)]))
            words = f"{share:.0%} of the pairs of units of {place} start with the same weights"
            words += " and biases" if alone else f" (cosine > {EQUAL:g})"
        if share > SHARE:
            yield Suspicion(
                code=PAGE.code,
                place=place,
                evidence=words,
                numbers={"share_of_equal_pairs": share},
                certainty=1.0,
                treatments=(initializers_by_activation(),),
                advice="start from random weights",
            )
            return


def parallel(weights: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """(units, units): whether two of the columns of (inputs, units) weights point the same way."""
    units = weights / np.maximum(norms, 1e-30)
    found: np.ndarray = units.T @ units > EQUAL
    return found


def same(weights: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """(units, units): whether two units of one input have the same weight, and the same bias where there are any."""
    alike: np.ndarray = np.ones((len(weights), len(weights)), bool)
    for values in (weights, *([] if bias is None else [np.asarray(bias, np.float64)])):
        size = np.maximum(np.abs(values)[:, None], np.abs(values))
        alike &= np.abs(values[:, None] - values) <= (1 - EQUAL) * size
    return alike

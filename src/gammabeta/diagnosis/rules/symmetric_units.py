"""GB201: units of a layer start equal, and stay equal."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import initializers_by_activation
from gammabeta.diagnosis.weights import matrices

PAGE = Page(
    code="GB201",
    name="symmetric units",
    what="Units of a hidden layer start with the same weights, get the same gradients and stay the same for ever: the "
    "layer is as wide as one unit.",
    why="Equal weights in, equal weights out: dL/dw is the same for each of them. All zeros do not learn at all, since "
    "every gradient passes through a zero.",
    evidence="The cosine between the incoming weights of every two units at the start; more than 10 % of the pairs "
    "above 0.999, or a layer whose weights are all zero, in a hidden layer.",
    do="Leave network initializers open (He or Xavier by the activation), or give a random one.",
    ignore="Never in hidden layers. A last layer that starts at zero is harmless and does not count.",
    sources="Saxe 2013; the notes' example of 29 equal weights.",
)

EQUAL, SHARE = 0.999, 0.1


def rule(case: Case) -> Iterator[Suspicion]:
    found = matrices(case.network, case.start.params)
    for place, weights in found[:-1]:
        norms = np.linalg.norm(weights, axis=0)
        if weights.shape[1] < 2:
            continue
        if np.all(norms == 0):
            share, words = 1.0, f"all weights of {place} start at zero"
        else:
            units = weights / np.maximum(norms, 1e-30)
            pairs = (units.T @ units)[np.triu_indices(weights.shape[1], 1)]
            share = float(np.mean(pairs > EQUAL))
            words = f"{share:.0%} of the pairs of units of {place} start with the same weights (cosine > {EQUAL:g})"
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

"""GB202: the initial weights are too small or too large."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import initializers_by_activation
from gammabeta.diagnosis.weights import matrices
from gammabeta.nn import Conv2D, Dense, HeNormal, HeUniform, XavierNormal, XavierUniform

PAGE = Page(
    code="GB202",
    name="initial scale wrong",
    what="The initial weights shrink or blow up what passes through the layers.",
    why="The output's variance is fan_in x var(w) x E[f(z)^2] of the input's. Away from 1 it grows or fades with the "
    "power of the depth, and so do the gradients. He: var(w) = 2 / fan_in before ReLU; Xavier: 2 / (fan_in + fan_out).",
    evidence="The spread of each layer's initial weights against He's and Xavier's (further than a factor of 3 away), "
    "and the growth from input to last layer on the probe rows; proved by runs with weights that suit the activation.",
    do="Leave the initializers open, or use lsuv or data_dependent, which measure instead of assuming.",
    ignore="When batch norm follows every layer: it makes the scale of the weights before it irrelevant.",
    sources="Glorot & Bengio 2010; He 2015; Mishkin & Matas 2015.",
)

FACTOR = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    if case.metric == "" or not case.network.layers:
        return
    layers = [layer for layer in every(case.network) if isinstance(layer, Dense | Conv2D)]
    usual = (HeNormal, HeUniform, XavierNormal, XavierUniform)
    off = []
    for layer, (place, weights) in zip(layers, matrices(case.network, case.start.params), strict=False):
        if isinstance(layer.initializer, usual):
            continue
        spread = float(np.sqrt(np.mean(weights**2)))
        expected = float(np.sqrt(2 / weights.shape[0])), float(np.sqrt(2 / sum(weights.shape)))
        ratio = spread / max(expected) if spread > max(expected) else spread / min(expected)
        if spread > 0 and (ratio > FACTOR or ratio < 1 / FACTOR):
            off.append((place, spread, ratio))
    if not off:
        return
    place, spread, ratio = max(off, key=lambda one: abs(np.log(one[2])))
    growth = case.at_start.layers[-1].rms / max(case.at_start.layers[0].rms_input, 1e-30)
    yield Suspicion(
        code=PAGE.code,
        place=place,
        evidence=f"the initial weights of {place} have a spread of {spread:.2g}, {ratio:.2g} times what suits its "
        f"width "
        f"({len(off)} layers are off); from input to output the signal grows by {growth:.2g}",
        numbers={"spread": spread, "ratio": ratio, "growth": growth},
        certainty=0.9 if ratio > 10 or ratio < 0.1 else 0.85 if ratio > 5 or ratio < 0.2 else 0.6,
        treatments=(initializers_by_activation(),),
        advice="start from weights whose spread suits the width",
    )

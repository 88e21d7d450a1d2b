"""GB202: the initial weights are too small or too large."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every, place_of
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import initializers_by_activation
from gammabeta.diagnosis.weights import matrices
from gammabeta.nn import Conv2D, Dense, HeNormal, HeUniform, XavierNormal, XavierUniform, places

PAGE = Page(
    code="GB202",
    name="initial scale wrong",
    what="The initial weights shrink or blow up what passes through the layers.",
    why="The output's variance is fan_in x var(w) x E[f(z)^2] of the input's. Away from 1 it grows or fades with the "
    "power of the depth, and so do the gradients. He: var(w) = 2 / fan_in before ReLU; Xavier: 2 / (fan_in + fan_out).",
    evidence="The spread of each layer's initial weights against He's and Xavier's (further than a factor of 3 away), "
    "and the growth from input to last layer on the probe rows. Where others do better also a layer that makes the "
    "signal more than 10 times larger or smaller, all of them together 30 times, forward or backward, or He's "
    "weights where Xavier's suit. Proved by runs with weights that suit the activation.",
    do="Leave the initializers open, or use lsuv or data_dependent, which measure instead of assuming.",
    ignore="When batch norm follows every layer: it makes the scale of the weights before it irrelevant.",
    sources="Glorot & Bengio 2010; He 2015; Mishkin & Matas 2015.",
)

FACTOR = 3.0
GAIN, WHOLE = 10.0, 30.0
HE, XAVIER = (HeNormal, HeUniform), (XavierNormal, XavierUniform)


def rule(case: Case) -> Iterator[Suspicion]:
    if case.metric == "" or not case.network.layers:
        return
    layers = [layer for layer in every(case.network) if isinstance(layer, Dense | Conv2D)]
    off = []
    for layer, (place, weights) in zip(layers, matrices(case.network, case.start.params), strict=False):
        if isinstance(layer.initializer, HE + XAVIER):
            continue
        spread = float(np.sqrt(np.mean(weights**2)))
        expected = float(np.sqrt(2 / weights.shape[0])), float(np.sqrt(2 / sum(weights.shape)))
        ratio = spread / max(expected) if spread > max(expected) else spread / min(expected)
        if spread > 0 and (ratio > FACTOR or ratio < 1 / FACTOR):
            off.append((place, spread, ratio))
    if not off:
        yield from by_gain(case)
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
        # where most layers are off, what the gradients do on their way follows from it
        certainty=0.9
        if ratio > 10 or ratio < 0.1
        else 0.85
        if ratio > 5 or ratio < 0.2 or 2 * len(off) > len(layers)
        else 0.6,
        treatments=(initializers_by_activation(),),
        advice="start from weights whose spread suits the width",
    )


def by_gain(case: Case) -> Iterator[Suspicion]:
    """What the layers do to the size of signal and gradient, or He's weights before a tanh, where others do better."""
    leaves = case.at_start.leaves
    weighted = [view for view in leaves if isinstance(view.layer, Dense | Conv2D) and view.rms_input > 0]
    if not weighted or not case.shortfall > 2 * case.chance:
        return
    gains = {view.place: view.rms / view.rms_input for view in weighted}
    growth = weighted[-1].rms / weighted[0].rms_input
    back = leaves[0].gradient / leaves[-1].gradient if leaves[-1].gradient > 0 else 1.0
    odd = [place for place, gain in gains.items() if not 1 / GAIN <= gain <= GAIN]
    whole = not 1 / WHOLE <= growth <= WHOLE or not (1 / WHOLE <= back <= WHOLE or back == 0)
    other = other_family(case)
    if odd:
        place, words = odd[0], f"{odd[0]} makes the signal {gains[odd[0]]:.2g} times as large"
    elif whole:
        place, words = "network", f"{len(weighted)} layers with weights stand one after another"
    elif other:
        place, words = (
            other[0],
            f"{', '.join(other)} start with weights for another activation than the one that follows",
        )
    else:
        return
    yield Suspicion(
        code=PAGE.code,
        place=place,
        evidence=f"{words}: from input to output the signal grows by {growth:.2g}, the gradient backward by {back:.2g}",
        numbers={"growth": growth, "backward": back},
        certainty=0.5 if odd or whole else 0.3,
        treatments=(initializers_by_activation(),),
        advice="start from weights that suit width and activation",
    )


def other_family(case: Case) -> list[str]:
    """The layers whose He or Xavier weights are not those that the activation behind them asks for."""
    suited = initializers_by_activation().plan(case.plan)
    found = []
    for one, other in zip(places(case.network), places(suited.layers), strict=True):
        given, asked = (getattr(place.layer, "initializer", None) for place in (one, other))
        if isinstance(given, HE + XAVIER) and isinstance(given, HE) != isinstance(asked, HE):
            found.append(place_of(one))
    return found

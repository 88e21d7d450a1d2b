"""GB202: the initial weights are too small or too large."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import place_of, weighted
from gammabeta.diagnosis.rules.exploding_gradients import explodes
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import HE, XAVIER, initializers_by_activation
from gammabeta.diagnosis.weights import matrices
from gammabeta.nn import Conv2D, Dense, places

PAGE = Page(
    code="GB202",
    name="initial scale wrong",
    what="The initial weights shrink or blow up what passes through the layers.",
    why="The output's variance is fan_in x var(w) x E[f(z)^2] of the input's. Away from 1 it grows or fades with the "
    "power of the depth, and so do the gradients. He: var(w) = 2 / fan_in before ReLU; Xavier: 2 / (fan_in + fan_out).",
    evidence="The spread of each layer's initial weights against He's and Xavier's (further than a factor of 3 away), "
    "and the growth from input to last layer on the probe rows. Where others do better also a layer that makes the "
    "signal more than 10 times larger or smaller, all of them together 15 times, forward or backward, or "
    "He's weights where Xavier's suit, or any others. Proved by runs with weights that suit the activation.",
    do="Leave the initializers open, or use lsuv or data_dependent, which measure instead of assuming.",
    ignore="When batch norm follows every layer: it makes the scale of the weights before it irrelevant.",
    sources="Glorot & Bengio 2010; He 2015; Mishkin & Matas 2015.",
)

FACTOR = 3.0
GAIN, WHOLE = 10.0, 15.0
BY_GAIN = 0.75
"""Certainty where signal or gradient grow too much. Its fork changes the initial weights and nothing else: where the
same fork cures dead units or exploding gradients, these follow from the weights."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.network.layers:
        return
    off = []
    known = list(zip(weighted(case.network), matrices(case.network, case.start.params), strict=True))
    for one, (place, weights) in known:
        if isinstance(getattr(one.layer, "initializer", None), HE + XAVIER):
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
    found = passing(case)
    growth = float("nan") if found is None else found.growth
    # where most layers are off, or the gradients grow, what these do on their way follows from it
    certainty = 0.85 if ratio > 5 or ratio < 0.2 or 2 * len(off) > len(known) or explodes(case) else 0.6
    yield Suspicion(
        code=PAGE.code,
        place=place,
        evidence=f"the initial weights of {place} have a spread of {spread:.2g}, {ratio:.2g} times what suits its "
        f"width ({len(off)} layers are off); from input to output the signal grows by {growth:.2g}",
        numbers={"spread": spread, "ratio": ratio, "growth": growth},
        certainty=0.9 if ratio > 10 or ratio < 0.1 else max(certainty, BY_GAIN if found and found.whole else 0.0),
        treatments=(initializers_by_activation(),),
        advice="start from weights whose spread suits the width",
    )


@dataclass(frozen=True, eq=False)
class Passing:
    """What the layers with weights do to the size of signal and gradient before the first step.

    gains: of the signal, by the layer's place; growth: from the first input to the last output; back: of the gradient,
    from the last layer to the first
    """

    gains: Mapping[str, float]
    growth: float
    back: float

    @property
    def odd(self) -> list[str]:
        return [place for place, gain in self.gains.items() if not 1 / GAIN <= gain <= GAIN]

    @property
    def whole(self) -> bool:
        """Whether all layers together change one of them too much; a gradient of 0 is stopped, not faded."""
        known = [size for size in (self.growth, self.back) if np.isfinite(size) and size > 0]
        return any(not 1 / WHOLE <= size <= WHOLE for size in known)


def passing(case: Case) -> Passing | None:
    """None without layers that have weights and inputs."""
    leaves = case.at_start.leaves
    weighted = [view for view in leaves if isinstance(view.layer, Dense | Conv2D) and view.rms_input > 0]
    if not weighted:
        return None
    return Passing(
        {view.place: view.rms / view.rms_input for view in weighted},
        weighted[-1].rms / weighted[0].rms_input,
        leaves[0].gradient / leaves[-1].gradient if leaves[-1].gradient > 0 else 1.0,
    )


def by_gain(case: Case) -> Iterator[Suspicion]:
    """What the layers do to the size of signal and gradient, or He's weights before a tanh, where others do better."""
    found = passing(case)
    if found is None or not case.shortfall > 2 * case.chance or suited_already(case):
        return
    odd, whole, other = found.odd, found.whole, other_family(case)
    if odd:
        place, words = odd[0], f"{odd[0]} makes the signal {found.gains[odd[0]]:.2g} times as large"
    elif whole:
        place, words = "network", f"{len(found.gains)} layers with weights stand one after another"
    elif other:
        place = other[0]
        words = f"{', '.join(other)} start with weights for another activation than the one that follows"
    else:
        place, words = "network", "the initial weights are not those that suit the activations"
    yield Suspicion(
        code=PAGE.code,
        place=place,
        evidence=f"{words}: from input to output the signal grows by {found.growth:.2g}, the gradient backward by "
        f"{found.back:.2g}",
        numbers={"growth": found.growth, "backward": found.back},
        certainty=BY_GAIN if odd or whole else 0.3 if other else 0.5,
        treatments=(initializers_by_activation(),),
        advice="start from weights that suit width and activation",
    )


def suited_already(case: Case) -> bool:
    """Whether the initial weights are those that suit the activations: nothing else can be tried."""
    return bool(initializers_by_activation().plan(case.plan).layers == case.plan.layers)


def other_family(case: Case) -> list[str]:
    """The layers whose He or Xavier weights are not those that the activation behind them asks for."""
    suited = initializers_by_activation().plan(case.plan)
    found = []
    for one, other in zip(places(case.network), places(suited.layers), strict=True):
        given, asked = (getattr(place.layer, "initializer", None) for place in (one, other))
        if isinstance(given, HE + XAVIER) and isinstance(given, HE) != isinstance(asked, HE):
            found.append(place_of(one))
    return found

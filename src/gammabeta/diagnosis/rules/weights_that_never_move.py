"""GB206: weights that get no gradient."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import jax
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.examine import LayerView
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import layer_left_out, unfrozen
from gammabeta.diagnosis.weights import matrices
from gammabeta.nn import Activation

PAGE = Page(
    code="GB206",
    name="weights that never move",
    what="Some layers end with exactly the weights they started from.",
    why="A layer is frozen, cut off by a stopped gradient, or nothing of it reaches the loss: it is a random "
    "projection.",
    evidence="The gradient on the probe rows is exactly zero at the start and at the end, and the weights at the end "
    "equal those at the start bit for bit, or are the same ones shrunk evenly, which weight decay does without any "
    "gradient. Layers that the plan freezes on purpose are a note, a warning where a run that trains them ends "
    "better. Nothing is said where dead ReLU units (GB401) keep the gradient away. Where a layer without weights lets "
    "nothing back, a run without it is tried.",
    do="Take the layer out of frozen, or connect it; see what stands between it and the loss.",
    ignore="When the layers are meant to be frozen, as in transfer learning.",
    sources="SageMaker Debugger (UnchangedTensor).",
)

EVENLY = 1e-5
"""Of the largest weight: how far float32 takes an even shrinking over many steps."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or case.steps_made == 0:
        return
    before, after = matrices(case.network, case.start.params), matrices(case.network, case.params)
    same = [place for (place, one), (_, other) in zip(before, after, strict=True) if shrunk(one, other)]
    if not same or (len(same) == len(before) and case.steps_made < 2):
        return
    meant = [place for place in same if place in frozen(case)]
    silent = [place for place in same if place not in meant and gradient(case, place) == 0.0]
    # a gradient that stops at dead units is their symptom: GB401 is about those
    silent = [place for place in silent if not beside_dead_units(case, place)]
    if meant:
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(meant),
            evidence=f"{len(meant)} of {len(before)} layers with weights are frozen by the plan",
            numbers={"layers": float(len(meant))},
            certainty=0.9,
            treatments=(unfrozen(),),
            advice="let them train, if they are not frozen for a reason",
            meant=True,
        )
    if silent:
        worse = case.shortfall > 2 * case.chance
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(silent),
            evidence=f"the weights of {', '.join(silent)} get a gradient of exactly zero and end as they started",
            numbers={"layers": float(len(silent))},
            certainty=0.95,
            treatments=stopping(case),
            severity="error" if worse or len(silent) * 2 >= len(before) else "warning",
            costs="these layers learn nothing",
            advice="see what stands between these layers and the loss",
        )


def frozen(case: Case) -> list[str]:
    """The places whose weights the plan says do not train."""
    paces = case.network.pace(case.start.params, 0.0)
    still = jax.tree.map(
        lambda pace, value: np.full(np.shape(value), float(isinstance(pace, float) and pace == 0.0)),
        paces,
        case.start.params,
    )
    return [place for place, flags in matrices(case.network, still) if flags.all()]


def shrunk(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether weights are what they were, or an even share of it."""
    size = float(np.sum(one * one))
    share = float(np.sum(one * other)) / size if size > 0 else 0.0
    if np.array_equal(one, other):
        return True
    return 0 < share < 1 and bool(np.all(np.abs(other - share * one) <= EVENLY * np.abs(one).max()))


def gradient(case: Case, place: str) -> float:
    """The larger one of those at the start and at the end; NaN where the layer is not known by itself."""
    path = place.removeprefix("layers.").replace("body", "0").replace("shortcut", "1")
    views = [case.at_start, *([case.at_end] if case.at_end else [])]
    return max(view.params.get(f"{path}.weight", {}).get("gradient", float("nan")) for view in views)


def beside_dead_units(case: Case, place: str) -> bool:
    """Whether, at the start and at the end, ReLUs without a living unit keep the gradient from a layer."""
    return all(cut_off_by_dead_units(view.leaves, place) for view in (case.at_start, case.at_end) if view)


def cut_off_by_dead_units(leaves: Sequence[LayerView], place: str) -> bool:
    """Whether nothing but zeros enters the layer, or the first one behind it whose output gets a gradient is dead."""
    names = [view.place.partition(" ")[0] for view in leaves]
    if place not in names:
        return False
    at = names.index(place)
    if leaves[at].rms_input == 0:
        return any(dead(view) for view in leaves[:at])
    stop = next((view for view in leaves[at + 1 :] if view.gradient > 0), None)
    return stop is not None and dead(stop)


def dead(view: LayerView) -> bool:
    """Whether a layer is a ReLU all of whose units are at zero for every row."""
    return isinstance(view.layer, Activation) and view.layer.function == "relu" and bool(np.all(view.most <= 0))


def stopping(case: Case) -> tuple[Treatment, ...]:
    """The layer of the first level behind which there is a gradient and before which there is none, left out."""
    views = case.at_start.layers
    for before, view in pairwise(views):
        if before.gradient == 0 < view.gradient and case.start.params[view.index] == ():
            return (layer_left_out(view.index),)
    return ()

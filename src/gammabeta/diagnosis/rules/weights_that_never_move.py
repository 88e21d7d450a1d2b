"""GB206: weights that get no gradient."""

from collections.abc import Iterator

import jax
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.weights import matrices

PAGE = Page(
    code="GB206",
    name="weights that never move",
    what="Some layers end with exactly the weights they started from.",
    why="A layer is frozen, cut off by a stopped gradient, or nothing of it reaches the loss: it is a random "
    "projection.",
    evidence="The gradient on the probe rows at the start is exactly zero, and the weights at the end equal those at "
    "the start bit for bit. Layers that the plan freezes on purpose are named in a note.",
    do="Take the layer out of frozen, or connect it; see what stands between it and the loss.",
    ignore="When the layers are meant to be frozen, as in transfer learning.",
    sources="SageMaker Debugger (UnchangedTensor).",
)


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or case.steps_made == 0:
        return
    before, after = matrices(case.network, case.start.params), matrices(case.network, case.params)
    same = [place for (place, one), (_, other) in zip(before, after, strict=True) if np.array_equal(one, other)]
    if not same or (len(same) == len(before) and case.steps_made < 2):
        return
    moves = case.network.pace(case.start.params, 0.0) if hasattr(case.network, "pace") else None
    meant = moves is not None and any(isinstance(leaf, float) and leaf == 0.0 for leaf in jax.tree.leaves(moves))
    silent = [place for place in same if gradient(case, place) == 0.0]
    if meant and not silent:
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(same),
            evidence=f"{len(same)} of {len(before)} layers with weights are frozen by the plan",
            certainty=1.0,
            severity="note",
        )
    elif silent:
        worse = case.shortfall > 2 * case.chance
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(silent),
            evidence=f"the weights of {', '.join(silent)} get a gradient of exactly zero and end as they started",
            numbers={"layers": float(len(silent))},
            certainty=0.95,
            severity="error" if worse or len(silent) * 2 >= len(before) else "warning",
            costs="these layers learn nothing",
            advice="see what stands between these layers and the loss",
        )


def gradient(case: Case, place: str) -> float:
    path = place.removeprefix("layers.").replace("body", "0").replace("shortcut", "1")
    return case.at_start.params.get(f"{path}.weight", {}).get("gradient", float("nan"))

"""GB209: layers in an order that wastes or hurts."""

import itertools
from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.nn import BatchNorm, Conv2D, Dense

PAGE = Page(
    code="GB209",
    name="redundant bias",
    what="A dense or convolution layer with a bias stands directly before batch norm with shift.",
    why="Batch norm subtracts the mean, and the bias with it: it never changes an output, and its gradient is zero.",
    evidence="The order of the layers.",
    do="Set bias to false, or leave it open: it is then left out by itself.",
    ignore="Always, if you like: it costs a few numbers and no performance.",
    sources="Ioffe & Szegedy 2015, section 3.2.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    layers = case.network.layers
    found = [
        index
        for index, (layer, after) in enumerate(itertools.pairwise(layers))
        if isinstance(layer, Dense | Conv2D) and layer.bias and isinstance(after, BatchNorm) and after.shift
    ]
    if found:
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(f"layers.{index}" for index in found),
            evidence=f"{len(found)} biases stand directly before a batch norm that undoes them",
            numbers={"layers": float(len(found))},
            certainty=1.0,
            severity="note",
            fix={f"network.layers.{index}.bias": False for index in found},
            advice="leave out the bias",
        )

"""GB209: layers in an order that wastes or hurts."""

import itertools
from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import place_of, setting_of
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.nn import BatchNorm, Conv2D, Dense, places
from gammabeta.nn.memories import named_batch_norms

PAGE = Page(
    code="GB209",
    name="redundant bias",
    what="A dense or convolution layer with a bias stands directly before batch norm with shift that normalizes by the "
    "batch.",
    why="Batch norm subtracts the mean, and the bias with it: it never changes an output, and its gradient is zero.",
    evidence="The order of the layers.",
    do="Set bias to false, or leave it open: it is then left out by itself.",
    ignore="Always, if you like: it costs a few numbers and no performance.",
    sources="Ioffe & Szegedy 2015, section 3.2.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    order = list(places(case.network))
    norms = dict(named_batch_norms(case.network, "network"))
    found = [
        place
        for place, after in itertools.pairwise(order)
        if isinstance(place.layer, Dense | Conv2D)
        and place.layer.bias
        and isinstance(after.layer, BatchNorm)
        and after.layer.shift
        # a memory stays what it is, whatever the bias adds
        and norms[setting_of(case.network, after.path)].normalizes_by == "batch"
        # in the same sequence, one right behind the other
        and (*place.path[:-1], place.path[-1] + 1) == after.path
    ]
    if found:
        yield Suspicion(
            code=PAGE.code,
            place=", ".join(place_of(place) for place in found),
            evidence=f"{len(found)} biases stand directly before a batch norm that undoes them",
            numbers={"layers": float(len(found))},
            certainty=1.0,
            severity="note",
            fix={f"{setting_of(case.network, place.path)}.bias": False for place in found},
            advice="leave out the bias",
        )

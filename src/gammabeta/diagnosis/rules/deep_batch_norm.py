"""GB508: a deep stack of batch norm layers without skips."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rules.vanishing_gradients import backward
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import skips_added
from gammabeta.nn import Activation, BatchNorm, Residual

PAGE = Page(
    code="GB508",
    name="deep batch norm network without skips",
    what="Many layers with batch norm stand one after another without a residual connection.",
    why="With batch norm and ReLU the gradient grows by about pi / (pi - 1) = 1.47 in variance, 1.21 in size, with "
    "every layer backward, whatever the initial weights; forward, the rows become alike.",
    evidence="Ten or more batch norms in a row without a skip, and the growth of the gradient from the last to the "
    "first layer at the start. Proved by runs with residual connections.",
    do="Residual connections around every one or two layers; fewer layers.",
    ignore="When only a note.",
    sources="Yang 2019 (a mean field theory of batch normalization).",
)

DEEP = 10


def deep_stack(case: Case) -> int:
    """How many batch norms stand in a row without a skip, where they are many; 0 where they are not."""
    layers = case.network.layers
    norms = sum(isinstance(layer, BatchNorm) for layer in layers)
    activations = sum(isinstance(layer, Activation) for layer in layers)
    few = norms < DEEP or activations < DEEP or any(isinstance(layer, Residual) for layer in layers)
    return 0 if few else norms


def rule(case: Case) -> Iterator[Suspicion]:
    norms = deep_stack(case)
    if not norms:
        return
    found = backward(case)
    growth = found[0] if found else float("nan")
    yield Suspicion(
        code=PAGE.code,
        place="network",
        evidence=f"{norms} batch norms stand one after another without a skip; the gradient grows {growth:.2g} times "
        f"from the last to the first",
        numbers={"layers": float(norms), "growth": growth},
        certainty=0.8,
        treatments=(skips_added(),),
        advice="residual connections",
    )

"""GB205: a deep network without an activation is a linear model."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every, weighted
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import activations_added
from gammabeta.nn import PREDICTING, Activation
from gammabeta.train.step import ingested, scale_of

PAGE = Page(
    code="GB205",
    name="no nonlinearity",
    what="Between the layers with weights there is no activation, so that the whole network is one linear map.",
    why="W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2): depth and width add nothing.",
    evidence="The affine test: f((x + x') / 2) against (f(x) + f(x')) / 2 on the probe rows, equal to 1e-4 of the "
    "outputs' spread, in a network of two or more layers with weights; proved by runs with ReLU after each.",
    do="Put an activation after every hidden layer.",
    ignore="When a linear model is meant, or nothing more is there to be learned: then no fork wins and it stays a "
    "note.",
    sources="UMLAUT 2021; NeuraLint 2021.",
)


def rule(case: Case) -> Iterator[Suspicion]:

    if len(weighted(case.network)) < 2 or case.probe.rows < 4 or bends(case):
        return
    x = np.asarray(ingested(jnp.asarray(case.probe.x[:64]), scale_of(case.probe)), np.float32)
    if not np.isfinite(x).all():
        return
    half = len(x) // 2
    one, other = x[:half], x[half : 2 * half]

    def f(rows: np.ndarray) -> np.ndarray:
        outputs, _ = case.network.apply(case.start.params, case.start.stats, jnp.asarray(rows), PREDICTING)
        return np.asarray(outputs, np.float64)

    middle, mean = f((one + other) / 2), (f(one) + f(other)) / 2
    spread = float(np.std(f(x)))
    error = float(np.max(np.abs(middle - mean))) / max(spread, 1e-30)
    if spread > 0 and error < 1e-4:
        yield Suspicion(
            code=PAGE.code,
            place="network",
            evidence=f"f((x + x') / 2) equals (f(x) + f(x')) / 2 to {error:.1g} of the outputs' spread",
            numbers={"affine_error": error},
            certainty=1.0,
            treatments=(activations_added(),),
            advice="put an activation after every hidden layer",
        )


def bends(case: Case) -> bool:
    """Whether a layer is surely nonlinear: nothing has to be measured then."""
    return any(isinstance(layer, Activation) and layer.function != "identity" for layer in every(case.network))

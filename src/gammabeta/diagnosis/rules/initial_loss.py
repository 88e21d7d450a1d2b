"""GB203: the loss before the first step is not that of a network that knows nothing."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import class_numbers
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import last_layer_from_zeros, setting
from gammabeta.nn import SigmoidCrossEntropy, SoftmaxCrossEntropy

PAGE = Page(
    code="GB203",
    name="initial loss wrong",
    what="Before the first step the network is already sure of answers that it cannot know, or its output bias does "
    "not know how unequal the classes are.",
    why="Knowing nothing, the loss is ln C for C classes, or the entropy H(y) of their shares where the bias knows "
    "these. Logits of variance 4 start at about twice ln C: the first steps unlearn chance answers. A bias at zero "
    "among very unequal classes spends them on learning the shares.",
    evidence="The loss on the probe rows at the start against ln C and H(y), and the variance of the logits that "
    "explains it: above 4 by the last layer's own weights (a root mean square of at most 3 comes in; else something "
    "before it is the cause). Or classes of which the smallest has less than a fifth of the rows of the largest, and a "
    "bias that does not know it. Proved by runs with a last layer that starts at zero, and with the bias at the prior.",
    do="Smaller initial weights in the last layer, or zeros; output_bias=prior.",
    ignore="When only a note: a few steps unlearn it.",
    sources="cs231n notes (check the initial loss); Karpathy 2019 (initialize the final bias well); Lin 2017.",
)

LARGE, HUGE = 4.0, 16.0
USUAL_INPUT = 3.0
UNEQUAL = 0.2


def rule(case: Case) -> Iterator[Suspicion]:
    y, outputs = class_numbers(case, case.train), case.at_start.outputs
    if y is None or not isinstance(case.plan.loss, SoftmaxCrossEntropy | SigmoidCrossEntropy):
        return
    if not np.isfinite(outputs).all():
        return
    counts = np.bincount(y, np.asarray(case.train.weights, np.float64), minlength=max(outputs.shape[1], 2))
    shares = counts / max(float(counts.sum()), 1e-30)
    present = shares[shares > 0]
    prior, even = float(-np.sum(present * np.log(present))), float(np.log(len(shares)))
    variance, loss = logit_variance(outputs), case.at_start.loss
    words = (
        f"before the first step the loss is {loss:.3g}, where knowing nothing costs ln {len(shares)} = {even:.3g}, and "
        f"knowing the classes' shares {prior:.3g}"
    )
    numbers = {"loss": loss, "ln_classes": even, "entropy": prior, "logit_variance": variance}
    if variance > LARGE and case.at_start.leaves[-1].rms_input <= USUAL_INPUT:
        yield Suspicion(
            code=PAGE.code,
            place=case.at_start.layers[-1].place,
            evidence=f"{words}; the logits have a variance of {variance:.3g}",
            numbers=numbers,
            certainty=0.9 if variance > HUGE else 0.6,
            treatments=(last_layer_from_zeros(),),
            severity=None if case.has_run or variance > HUGE else "note",
            advice="let the last layer start from smaller weights, or from zeros",
        )
    unequal = present.min() / present.max() < UNEQUAL
    if unequal and case.plan.output_bias == "zero" and (not case.has_run or case.shortfall > 2 * case.chance):
        yield Suspicion(
            code=PAGE.code,
            place="output_bias",
            evidence=f"{words}; the output bias starts at zero",
            numbers=numbers,
            certainty=0.2,
            treatments=(setting("the output bias at the prior", output_bias="prior"),),
            severity=None if case.has_run else "note",
            fix={"output_bias": "prior"},
            advice="set output_bias to prior",
        )


def logit_variance(outputs: np.ndarray) -> float:
    """Of a row's logits among the classes, the mean over the rows; one logit is the difference of two."""
    if outputs.shape[1] == 1:
        return float(np.mean(outputs.astype(np.float64) ** 2) / 2)
    return float(np.mean(np.var(outputs.astype(np.float64), axis=1, ddof=1)))

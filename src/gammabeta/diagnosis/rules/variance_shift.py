"""GB503: dropout in front of batch norm shifts the variance it remembers."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.measures.variance_shift import variance_shift
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import no_dropout
from gammabeta.nn import Dropout, GaussianNoise, places

PAGE = Page(
    code="GB503",
    name="variance shift of dropout before batch norm",
    what="Dropout in front of a batch norm makes the variance while training larger than when the network predicts.",
    why="Inverted dropout keeps the mean and adds variance: var(x m / p) = var(x) / p + mean(x)^2 (1 - p) / p. Batch "
    "norm learns to divide by the larger one, and predicts with what passes without dropout.",
    evidence="The variance of every batch norm's input on the probe rows with dropout and without: the median ratio "
    "of a layer above 1.3. Proved by runs without dropout.",
    do="Put dropout behind the last batch norm, or lower it. The exact estimator re-estimates without dropout, which "
    "heals what predicting does, not what training did.",
    ignore="When only a note: with small shares, or the exact estimator, it often costs nothing.",
    sources="Li 2019 (understanding the disharmony between dropout and batch normalization).",
)

RATIO = 1.3


def rule(case: Case) -> Iterator[Suspicion]:
    layers = [place.layer for place in places(case.network)]
    if not case.norms or not any(isinstance(layer, Dropout | GaussianNoise) for layer in layers):
        return
    params, stats = (case.params, case.stats) if case.trained else (case.start.params, case.start.stats)
    shifts = variance_shift(case.plan, params, stats, case.probe)
    if not shifts:
        return
    where, worst = max(shifts, key=lambda one: one.ratio)
    if worst < RATIO:
        return
    share = max((layer.rate for layer in layers if isinstance(layer, Dropout)), default=0.0)
    yield Suspicion(
        code=PAGE.code,
        place=where,
        evidence=f"the variance that {where} sees is {worst:.2f} times as large with dropout (of {share:g}) as "
        f"without it",
        numbers={"ratio": worst, "dropout": share},
        certainty=0.8 if worst > 1.6 else 0.5,
        treatments=(no_dropout(),),
        advice="put dropout behind the last batch norm, or lower it",
    )

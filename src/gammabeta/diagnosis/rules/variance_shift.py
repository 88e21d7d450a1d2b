"""GB503: dropout in front of batch norm shifts the variance it remembers."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.measures.variance_shift import variance_shift
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import no_dropout
from gammabeta.nn import Dropout, places

PAGE = Page(
    code="GB503",
    name="variance shift of dropout before batch norm",
    what="Dropout in front of a batch norm makes the variance while training larger than when the network predicts.",
    why="Inverted dropout keeps the mean and adds variance: var(x m / p) = var(x) / p + mean(x)^2 (1 - p) / p. Batch "
    "norm learns to divide by the larger one, and predicts with what passes without dropout.",
    evidence="The variance of every batch norm's input on the probe rows with dropout and without: the median ratio "
    "of a layer above 1.3. Proved by runs without dropout; above 1.6 it is a note even where nothing is proved.",
    do="Put dropout behind the last batch norm, or lower it. The exact estimator re-estimates without dropout, which "
    "heals what predicting does, not what training did.",
    ignore="When only a note: with small shares, or the exact estimator, it often costs nothing.",
    sources="Li 2019 (understanding the disharmony between dropout and batch normalization).",
)

RATIO, STRONG = 1.3, 1.6
"""From which it is suspected, and from which it is worth a note whatever it costs: a share of 0.3 behind a ReLU."""


def rule(case: Case) -> Iterator[Suspicion]:
    params, stats = (case.params, case.stats) if case.trained else (case.start.params, case.start.stats)
    shifts = variance_shift(case.plan, params, stats, case.probe)
    worst = max(shifts, key=lambda shift: shift.ratio, default=None)
    if worst is None or worst.ratio < RATIO:
        return
    share = max((place.layer.rate for place in places(case.network) if isinstance(place.layer, Dropout)), default=0.0)
    cause = f"dropout (of {share:g})" if share else "noise"
    yield Suspicion(
        code=PAGE.code,
        place=worst.place,
        evidence=f"the variance that it sees is {worst.ratio:.2f} times as large with {cause} as without",
        numbers={"ratio": worst.ratio, "dropout": share},
        certainty=0.8 if worst.ratio > STRONG else 0.5,
        noted=worst.ratio > STRONG,
        treatments=(no_dropout(),),
        advice="put dropout behind the last batch norm, or lower it",
    )

"""GB112: too few rows to judge by."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import error_of, goodness
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB112",
    name="too few rows to judge",
    what="There are so few validation rows that the metric is known only roughly.",
    why="An accuracy a on n rows has the 95 % interval a +- 1.96 sqrt(a (1 - a) / n): 9 points at n = 50 and a = 0.88. "
    "Smaller differences between two networks, or two epochs, are chance, and choosing by them overfits the rows.",
    evidence="Fewer than 100 validation rows, and the interval of the metric that so few give.",
    do="Judge by cross-validation, so that every row judges once; give more rows to validation; average several seeds; "
    "do not tune by differences smaller than the interval.",
    ignore="When only differences larger than the interval matter.",
    sources="Binomial standard error; Bengio & Grandvalet 2004.",
)

FEW = 100


def rule(case: Case) -> Iterator[Suspicion]:
    if case.valid is None or not 0 < case.valid.rows < FEW:
        return
    rows = case.valid.rows
    found = goodness(case, case.valid)
    half = 1.96 * (error_of(found) if found is not None else 0.5 / float(np.sqrt(rows)))
    known = f"the {case.metric} of {case.valid_score:.3f} is known to +- {half:.2g} (95 %)"
    yield Suspicion(
        code=PAGE.code,
        place="validation rows",
        evidence=f"with {rows} validation rows, {known if found is not None else f'a share is known to +- {half:.2g}'}",
        numbers={"rows": rows, "half_width": half},
        certainty=0.2,
        severity="note",
        advice="judge by cross-validation or by more rows; smaller differences than this are chance",
    )

"""GB305: others do better, and why is not known."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rules.underfitting import reference
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB305",
    name="performance is missing, cause unknown",
    what="A simple reference does better on the same rows, and nothing that was tried wins it back.",
    why="What a linear model, neighbors or trees find in the rows, a network can find as well. Where it does not, "
    "something is wrong with how it was trained, or trees suit these rows better.",
    evidence="The best of the references, fitted on at most 4,000 rows, is ahead by more than 0.1 of the way from the "
    "best constant answer to a perfect one, and by 3 standard errors.",
    do="Look at the notes beside this finding; let `gammabeta diagnose --deep` try longer runs; search learning rate, "
    "width and regularization; or use the reference, which is the honest choice where it stays ahead.",
    ignore="When the reference is good enough, or the network has to be small.",
    sources="Karpathy 2019 (dumb baselines first); Grinsztajn 2022 (why trees still win on tables).",
)

LEAST = 0.1
ERRORS = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or case.train.y is None:
        return
    shortfall = case.shortfall
    if not shortfall > max(LEAST, ERRORS * case.chance):
        return
    yield Suspicion(
        code=PAGE.code,
        place="network",
        evidence=f"{reference(case)} reaches a {case.metric} of {case.references.best:.3f} on the judging rows, the "
        f"network {case.valid_score:.3f}; the best constant answer has {case.references.constant:.3f}",
        numbers={"shortfall": shortfall, "reference": case.references.best, "network": case.valid_score},
        certainty=0.05,
        severity="warning",
        costs=f"{shortfall:.2f} of the way from a constant answer to a perfect one",
        advice="search the learning rate, the width and the regularization, or use the reference",
    )

"""GB602: the network is too small for what there is to learn."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import wider
from gammabeta.nn import Conv2D, Dense

PAGE = Page(
    code="GB602",
    name="underfitting",
    what="The network does not even fit its training rows: it is too small for what there is to learn.",
    why="Few units draw few boundaries. Longer training does not help, and there is no gap between training and "
    "validation rows to close: both are equally poor.",
    evidence="The skill on training rows stays behind the best reference's on validation rows by more than 0.05 and 2 "
    "standard errors, and that on validation rows is about the same; proved by runs with four times the units, or "
    "sixteen times where a hidden layer has 4 units or less, that end better.",
    do="More units, then more layers; less dropout and weight decay; features that make the task easier. Look at the "
    "learning rate and the number of epochs first, which look alike.",
    ignore="When the references are no better: then the task is at its limit, not the network.",
    sources="Goodfellow 2016, chapter 5 (capacity).",
)

LEAST = 0.05
ERRORS = 2.0
NARROW = 4


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or case.train.y is None:
        return
    train, valid, best = (case.skill(one) for one in (case.train_score, case.valid_score, case.references.best))
    if not (best - train > max(LEAST, ERRORS * case.chance) and train - valid < max(LEAST, ERRORS * case.chance)):
        return
    yield Suspicion(
        code=PAGE.code,
        place="network",
        evidence=f"the {case.metric} is {case.train_score:.3f} on training rows and {case.valid_score:.3f} on "
        "validation "
        f"rows, no gap, where {reference(case)} reaches {case.references.best:.3f}",
        numbers={"skill_training": train, "skill_validation": valid, "skill_reference": best},
        certainty=0.4,
        treatments=(wider(16 if narrowest(case) <= NARROW else 4),),
        advice="more units in the hidden layers",
    )


def narrowest(case: Case) -> int:
    """The units, or channels, of the smallest hidden layer."""
    weighted = [layer for layer in every(case.network) if isinstance(layer, Dense | Conv2D)]
    sizes = [layer.units if isinstance(layer, Dense) else layer.filters for layer in weighted[:-1]]
    return min(sizes, default=NARROW + 1)


def reference(case: Case) -> str:
    """Which reference is the best one."""
    return next((name for name, score in case.references.scores.items() if score == case.references.best), "a constant")

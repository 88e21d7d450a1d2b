"""GB306: the batches are so small that the gradient is mostly noise."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import batches_of

PAGE = Page(
    code="GB306",
    name="batch too small",
    what="A step sees so few rows that its gradient is mostly chance.",
    why="The noise of the gradient falls with the square root of the rows; at a given rate it leaves the loss "
    "rate x noise above the minimum.",
    evidence="Batches of 4 rows or fewer; proved by runs with 32 rows, as many steps.",
    do="Raise batch_size, or lower the rate, or let the schedule bring it down.",
    ignore="When only a note: small batches regularize, and on small data they are fine.",
    sources="McCandlish 2018 (gradient noise scale).",
)

SMALL = 4


def rule(case: Case) -> Iterator[Suspicion]:
    size = min(case.plan.batch_size, case.train.rows)
    if size > SMALL or case.norms:
        return
    yield Suspicion(
        code=PAGE.code,
        place="batch_size",
        evidence=f"a step sees {size} rows",
        numbers={"batch_size": float(size)},
        certainty=0.7,
        treatments=(batches_of(32),),
        advice="raise the batch size",
    )

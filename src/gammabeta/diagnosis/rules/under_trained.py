"""GB603: training ended too early."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.curves import curves
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import longer

PAGE = Page(
    code="GB603",
    name="under-trained",
    what="Training ended while the loss was still falling.",
    why="The weights had not yet reached what they were moving to: the score is that of a run broken off.",
    evidence="The loss on the judging rows still falls over the last quarter of the epochs, by a line more than 3 "
    "standard errors steep that would lose more than 3 % of the first epochs' loss in another quarter; or the whole "
    "run has fewer than 500 steps and is behind the references; not where the loss was far down and came back up. "
    "Proved by runs with four times the epochs that end better.",
    do="More epochs; a higher learning rate if the loss falls evenly and slowly; a schedule that does not end early.",
    ignore="When the metric that counts has long stopped to improve.",
    sources="Tuning playbook (is training still improving at its end?).",
)

FALLING, STRONGLY = 0.03, 0.08
FEW_STEPS = 500


def rule(case: Case) -> Iterator[Suspicion]:
    found = curves(case)
    if found is None or not case.trained or found.ended in ("early stopping", "non-finite loss"):
        return
    if found.undone(case.constant_loss):
        return
    behind = case.shortfall > 2 * case.chance
    falling, short = found.falling, behind and case.steps_made < FEW_STEPS
    if not (falling > STRONGLY or (falling > FALLING and behind) or short):
        return
    words = f"the run had {case.steps_made} steps in {len(found.train)} epochs"
    if falling > 0:
        words += f"; in a quarter more epochs the loss would fall by another {falling:.0%} of where it came from"
    if behind:
        words += f"; the {case.metric} is {case.valid_score:.3f}, a reference reaches {case.references.best:.3f}"
    yield Suspicion(
        code=PAGE.code,
        place=f"epoch {len(found.train)}",
        evidence=words,
        numbers={"steps": case.steps_made, "falling": falling, "shortfall": case.shortfall},
        certainty=0.7 if falling > STRONGLY else 0.5 if falling > FALLING else 0.3,
        treatments=(longer(4),),
        advice="train for more epochs",
    )

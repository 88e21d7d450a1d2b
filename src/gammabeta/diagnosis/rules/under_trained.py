"""GB603: training ended too early."""

from collections.abc import Iterator

import numpy as np

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
    evidence="The loss on the judging rows still falls over the last quarter of the epochs, at least 4, by a line "
    "more than 3 standard errors steep that would lose more than 3 % of the first epochs' loss in a quarter more "
    "epochs, at least 4; or the whole run has fewer than 500 steps and is behind the references (convicting more "
    "where it has fewer than 100), or fewer than 100 in which the loss fell from every epoch to the next; not where "
    "the loss was far down and came back up. Proved by runs with four times the epochs, and with sixteen times where "
    "that is few steps, that end better.",
    do="More epochs; a higher learning rate if the loss falls evenly and slowly; a schedule that does not end early.",
    ignore="When the metric that counts has long stopped to improve.",
    sources="Tuning playbook (is training still improving at its end?).",
)

MOST_STEPS = 1_600
"""Of a fork of a run that was far too short."""

FALLING, STRONGLY = 0.03, 0.08
FEW_STEPS, VERY_FEW_STEPS = 500, 100


def rule(case: Case) -> Iterator[Suspicion]:
    found = curves(case)
    if found is None or not case.trained or found.ended in ("early stopping", "non-finite loss"):
        return
    if found.undone(case.constant_loss):
        return
    behind = case.shortfall > 2 * case.chance
    falling, short = found.falling, behind and case.steps_made < FEW_STEPS
    # the validation loss of a young batch norm wavers with its memory
    fell = next((losses for losses in (found.watched, found.train) if bool(np.all(np.diff(losses) < 0))), None)
    brief = (fell is not None or behind) and case.steps_made < VERY_FEW_STEPS
    if not (falling > STRONGLY or (falling > FALLING and behind) or short or brief):
        return
    words = f"the run had {case.steps_made} steps in {len(found.train)} epochs"
    if falling > 0:
        words += (
            f"; in another {found.quarter} epochs the loss would fall by another {falling:.0%} of where it came from"
        )
    elif fell is not None and len(fell) > 1:
        words += f"; the loss fell in every one, from {fell[0]:.3g} to {fell[-1]:.3g}"
    if behind:
        words += f"; the {case.metric} is {case.valid_score:.3f}, a reference reaches {case.references.best:.3f}"
    yield Suspicion(
        code=PAGE.code,
        place=f"epoch {len(found.train)}",
        evidence=words,
        numbers={"steps": case.steps_made, "falling": falling, "shortfall": case.shortfall},
        certainty=0.7 if falling > STRONGLY else 0.6 if brief else 0.5 if falling > FALLING else 0.3,
        treatments=(longer(4), *([longer(16)] if 16 * case.steps_made <= MOST_STEPS else [])),
        advice="train for more epochs",
    )

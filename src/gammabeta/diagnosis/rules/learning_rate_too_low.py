"""GB302: the learning rate is too low."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rules.learning_rate_too_high import longest_update
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import learning_rate_times

PAGE = Page(
    code="GB302",
    name="learning rate too low",
    what="The steps are so short that the training ends long before the minimum.",
    why="To first order the loss falls by rate x |gradient|^2 a step: a tenth of the rate needs ten times the steps.",
    evidence="Updates below 0.01 % of the weights they change (median over the matrices; where others do better, below "
    "0.03 %, and less surely below 0.1 %), or a loss that still falls at the end; proved by runs with the rate "
    "x 3, x 10, x 30, x 100 and x 1000 from the same start on the same batches.",
    do="Multiply optimizer.learning_rate as the fork says, or look at `gammabeta range-test`.",
    ignore="When only a note: fine-tuning is slow on purpose.",
    sources="cs231n notes (update ratio about 1e-3).",
)

UPDATE_RATIO, SHORT, USUAL = 1e-4, 3e-4, 1e-3
FEWEST = 4
"""Epochs, below which nothing is said of how the loss falls."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained:
        return
    rate = case.plan.optimizer.learning_rate
    ratio = longest_update(case)
    learned = case.skill(case.valid_score)
    falling = still_falling(case)
    small = ratio < UPDATE_RATIO
    behind = case.shortfall >= 2 * case.chance
    certainty = 0.45 if falling > 0.1 else 0.4 if ratio < USUAL and behind else 0.15
    if small and learned < 0.9:
        certainty = 0.8
    elif ratio < SHORT and behind:
        certainty = 0.6
    if not small and falling <= 0.1 and not behind:
        return
    yield Suspicion(
        code=PAGE.code,
        place="optimizer.learning_rate",
        evidence=f"the learning rate is {rate:g}{update_in_words(ratio)}{fall_in_words(case)}",
        numbers={"learning_rate": rate, "update_ratio": ratio, "fall_in_last_quarter": falling},
        certainty=certainty,
        treatments=tuple(learning_rate_times(factor) for factor in (3, 10, 30, 100, 1000)),
        advice="raise the learning rate",
    )


def update_in_words(ratio: float) -> str:
    """How long an update is; "" where nothing was probed."""
    if not np.isfinite(ratio):
        return ""
    return f"; an update is {ratio:.2g} of the weights that it changes (median over the matrices)"


def still_falling(case: Case) -> float:
    """By how much of itself the training loss fell from the first to the last of the last quarter of the epochs."""
    losses = training_losses(case)
    if len(losses) < FEWEST:
        return 0.0
    before, after = losses[-in_last_quarter(losses)], losses[-1]
    return float((before - after) / before) if before > 0 else 0.0


def fall_in_words(case: Case) -> str:
    """The same in words; "" after too few epochs."""
    losses = training_losses(case)
    if len(losses) < FEWEST:
        return ""
    first = len(losses) - in_last_quarter(losses) + 1
    return f", and the loss fell by {still_falling(case):.0%} from epoch {first} to epoch {len(losses)}"


def training_losses(case: Case) -> list[float]:
    """Of every epoch that has one."""
    return [line["train"]["loss"] for line in case.history if line.get("train", {}).get("loss") is not None]


def in_last_quarter(losses: list[float]) -> int:
    """How many of the epochs are its last quarter, 2 or more."""
    return max(2, len(losses) // 4)

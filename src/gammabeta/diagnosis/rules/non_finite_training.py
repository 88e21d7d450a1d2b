"""GB701: the loss was no longer finite."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.replay import MOST_REPLAYED, first_non_finite
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import learning_rate_times, setting
from gammabeta.optim import ClipByNorm

PAGE = Page(
    code="GB701",
    name="non-finite numbers in training",
    what="A NaN or an infinity appeared in a step, and every number after it is lost.",
    why="Steps too long make activations overflow; a logarithm or a division by zero in a loss or layer of one's "
    "own, or a NaN in the rows, does the same at once.",
    evidence="The first step whose loss is not finite, run again to the layer: the first whose output is not finite "
    "while its input still is made it, the others pass it on. A note where the rows themselves hold it (GB101).",
    do="Where the inputs are finite and it takes some steps: lower the learning rate, or clip. Where the first step "
    "has it: see the rows and the layer named.",
    ignore="Never.",
    sources="JAX debug_nans.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    ended = [line for line in case.history if line.get("ended") == "non-finite loss"]
    if not ended:
        return
    where = first_non_finite(case)
    if where is not None and where.layer in ("inputs", "targets"):
        yield Suspicion(
            code=PAGE.code,
            place=where.layer,
            evidence=f"step {where.step} is the first whose loss is not finite; {where.says}. GB101 explains it",
            numbers={"step": float(where.step)},
            certainty=1.0,
            severity="note",
            advice="mend the rows that GB101 names",
        )
        return
    words = f"the loss was no longer finite, and not within the first {MOST_REPLAYED:,} steps, which were run again"
    yield Suspicion(
        code=PAGE.code,
        place="loss" if where is None else where.layer,
        evidence=words if where is None else f"step {where.step} is the first whose loss is not finite; {where.says}",
        numbers={} if where is None else {"step": float(where.step)},
        certainty=0.3,
        treatments=(
            learning_rate_times(1 / 10),
            Treatment("gradients clipped to norm 1", lambda plan: plan.replace(clipping=ClipByNorm(1.0))),
            setting("no weight or gradient noise", weight_noise=None, gradient_noise=None),
        ),
        severity="error",
        costs="the run is lost from there on",
        advice="lower the learning rate or clip; where the first step has it, see the rows and the layer",
    )

"""What the loss curves say, in words."""

from collections.abc import Sequence

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.curves import Curves, curves
from gammabeta.diagnosis.finding import Finding
from gammabeta.diagnosis.rules.learning_rate_too_high import longest_update
from gammabeta.diagnosis.rules.learning_rate_too_low import UPDATE_RATIO

LEAST_GAP = 0.05
JUMP = 0.1
"""Share by which the training loss must rise from one epoch to the next to count as a jump."""

LEAST_JUMP = 0.02
"""The same, as a share of the first epoch's loss."""

JUMPS = 0.25
"""Share of epochs with a jump from which the steps are called too long."""

SLOW = 0.3
"""Share of what there is to learn: a falling loss that has won less by the end was moving too slowly."""

FALLING = 0.03
FEW_EPOCHS = 5
RATES = {"GB301": "Learning rate too high", "GB302": "Learning rate too low"}
"""What a proved cause says of the rate."""


def verdict(case: Case, findings: Sequence[Finding] = ()) -> str:
    """One or two sentences on the shape of the curves, with numbers.

    findings: what forks have proved; where they say that the rate is too high or too low, the curves do not contradict
    One of: no epoch measured; learning rate too high; learning rate too low; under-trained (still falling);
    overfitting (gap); underfitting (no gap, both behind the references); at its limit, or fine.
    """
    found = curves(case)
    if found is None:
        return "There is no history of this run: nothing can be said of its curves."
    last = f"The training loss went from {found.train[0]:.3g} to {found.train[-1]:.3g} in {len(found.train)} epochs"
    if found.ended == "non-finite loss" or not np.isfinite(found.train[-1]):
        steps = f"the loss was no longer finite after {case.steps_made} steps"
        first = first_cause(findings)
        if first is not None and first.code not in ("GB301", "GB701"):
            return f"{first.name[0].upper()}{first.name[1:]}: {steps}."
        return f"Learning rate too high, or values that are not finite in the data: {steps}."
    finished = case.trained and case.train.y is not None
    for words in (
        rate_proved(findings),
        rate_too_low(case, found, finished),
        rate_too_high(case, found, finished, findings),
    ):
        if words:
            return f"{words} {last}."
    if found.falling > FALLING and found.ended != "early stopping":
        return (
            f"Under-trained, still falling: in another {found.quarter} epochs the loss would fall by another "
            f"{found.falling:.0%} of where it came from. {last}; train longer."
        )
    gap, words = scores(case, found, finished)
    if found.overfitted >= 3:
        lowest = int(np.nanargmin(found.valid))
        harm = "the best epoch is kept" if gap < LEAST_GAP else "regularization may win something back"
        return (
            f"Overfitting: the validation loss rose from {found.valid[lowest]:.3g} in epoch {lowest + 1} to "
            f"{found.valid[-1]:.3g} while the training loss fell to {found.train[-1]:.3g}; {words}, {harm}."
        )
    if finished and case.shortfall > max(LEAST_GAP, 2 * case.chance):
        missing = f"where a reference reaches {case.references.best:.3f}"
        if len(found.train) < FEW_EPOCHS and found.ended == "epochs":
            return f"Under-trained: only {case.steps_made} steps in {len(found.train)} epochs; {words}, {missing}."
        if gap < max(LEAST_GAP, 2 * case.chance):
            return f"Underfitting: no gap and both poor; {words}, {missing}."
        return f"Overfitting: a gap, and no rise of the validation loss yet; {words}, {missing}."
    if gap > max(LEAST_GAP, 3 * case.chance if finished else 0.0):
        return f"Fine, with a gap: {words}; no reference does better on new rows."
    if finished and case.skill(case.valid_score) < 0.8:
        best = f"the best reference reaches {case.references.best:.3f}"
        return f"A hard task at its limit, no fault of training: {words}, and {best}."
    return f"Fine: the learning rate suits and the loss has settled; {words}."


def first_cause(findings: Sequence[Finding]) -> Finding | None:
    """The first finding that is more than a note."""
    return next((finding for finding in findings if finding.severity != "note"), None)


def rate_proved(findings: Sequence[Finding]) -> str:
    """The verdict where the first cause is the learning rate, by the forks that proved it; "" elsewhere."""
    first = first_cause(findings)
    words = RATES.get(first.code) if first is not None and first.proof is not None else None
    return f"{words}: {first.costs}." if first is not None and words else ""


def rate_too_high(case: Case, found: Curves, finished: bool, findings: Sequence[Finding]) -> str:
    """The verdict where the curve jumps or stays above the constant answer's loss; "" elsewhere."""
    losses = found.train
    # a loss near 0 doubles for nothing
    least = np.maximum(JUMP * np.abs(losses[:-1]), LEAST_JUMP * abs(losses[0]))
    jumps = float(np.mean(np.diff(losses) > least)) if len(losses) > 4 else 0.0
    if jumps >= JUMPS:
        return f"Learning rate too high: the training loss jumps up in {jumps:.0%} of the epochs."
    if finished and found.undone(case.constant_loss):
        first = first_cause(findings)
        proved = first is not None and first.proof is not None
        name = f"{first.name[0].upper()}{first.name[1:]}" if first is not None and proved else RATES["GB301"]
        return (
            f"{name}: the training loss was down at {losses.min():.3g} in epoch "
            f"{int(np.argmin(losses)) + 1} and lost it again, where a constant answer has {case.constant_loss:.3g}."
        )
    above = len(losses) > 1 and losses[-1] > 1.05 * case.constant_loss > 0
    if finished and above and losses[-1] > 0.5 * losses[0]:
        short = longest_update(case) < UPDATE_RATIO
        way = "too low" if short else "too high"
        words = f"an update is at most {longest_update(case):.1g} of the weights, and " if short else ""
        return (
            f"Nothing learned, or learning rate {way}: {words}it ends above the constant answer's "
            f"{case.constant_loss:.3g}."
        )
    return ""


def rate_too_low(case: Case, found: Curves, finished: bool) -> str:
    """The verdict where the loss falls evenly and has won little by the end; "" elsewhere."""
    losses = found.train
    if not finished or len(losses) < 5 or found.falling <= 0.0 or case.shortfall <= 2 * case.chance:
        return ""
    first, second = losses[0] - losses[len(losses) // 2], losses[len(losses) // 2] - losses[-1]
    won = 1 - losses[-1] / max(losses[0], 1e-30)
    if won < SLOW and second > 0.5 * first:
        return f"Learning rate too low, or far too few steps: the loss still falls evenly and has lost only {won:.0%}."
    return ""


def scores(case: Case, found: Curves, finished: bool) -> tuple[float, str]:
    """(gap in skill, the two scores in words); by the history where there is no finished network."""
    if finished and case.valid is not None:
        gap = case.skill(case.train_score) - case.skill(case.valid_score)
        both = f"{case.train_score:.3f} on training rows and {case.valid_score:.3f} on validation rows"
        return gap, f"the {case.metric} is {both}"
    name = f"{case.metric} of {found.metric[found.best]:.3f}"
    return 0.0, f"a {name} on {'validation' if len(found.valid) else 'training'} rows in the kept epoch"

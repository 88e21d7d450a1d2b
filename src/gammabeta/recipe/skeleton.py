"""Step 2: everything end to end, beside answers that cost nothing."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case
from gammabeta.diagnosis.forks import short_run
from gammabeta.diagnosis.references import references
from gammabeta.diagnosis.rows import good_rows
from gammabeta.errors import UsageError
from gammabeta.nn import ClassLoss
from gammabeta.recipe.gate import Gate, Served
from gammabeta.recipe.known import Known
from gammabeta.recipe.score import Score, score
from gammabeta.recipe.training import run_of
from gammabeta.tune.trial import row_losses

ERRORS = 2.0
"""Standard errors by which one must lead the other; less is chance."""

BLIND_STEPS = 200
HIGH_START = 1.65
"""Loss before the first step, over that of knowing nothing, from which the start counts as too loud: the outputs then
have a variance of about 4."""

SECONDS_FOR_BOOSTING = 20.0


class Lead(NamedTuple):
    """By how much the network is ahead of something, and the standard error of that, over the validation rows."""

    ahead: float
    error: float

    @property
    def sure(self) -> bool:
        return self.ahead > ERRORS * self.error

    @property
    def behind(self) -> bool:
        return -self.ahead > ERRORS * self.error

    @classmethod
    def of(cls, network: np.ndarray, other: np.ndarray) -> "Lead":
        """From how good both are on each row, (rows,)."""
        gains = network - other
        return cls(float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains))))


def skeleton(known: Known) -> Gate:
    """The plan as it is, trained, beside the best constant answer, a linear model, neighbors and trees.

    The gate asks that the network beats the constant answer beyond chance and that none of the others is ahead of it
    beyond chance, both on the validation rows; and that the same network without its inputs is worse. Raises UsageError
    where the time is not even enough for one pass over the training rows.
    """
    known.say("training the first plan")
    made = run_of(known, known.plan)
    cut = refuse_too_short(known, made.served, made.seconds)
    model = made.served.model
    more = (made.served.history, model.params, model.stats, None, known.schema)
    case = Case.of(model.plan, known.train, known.valid, *more)
    own = {name: score(model, rows) for name, rows in known.counted.items()}
    known.say("fitting what costs nothing: linear, neighbors, trees")
    found = references(model.plan.loss, case.counted, case.judged_on, boosted=known.clock.left() > SECONDS_FOR_BOOSTING)
    leads = {name: lead(case, known.valid, answer) for name, answer in found.answers.items()}
    over_constant = lead_in_loss(case, known.valid, found.answers["constant"])
    known.say("training without inputs")
    blind = blind_loss(known, case)
    start = at_start(case)
    facts: dict[str, Any] = {
        "metric": found.metric,
        "network": {name: one._asdict() for name, one in own.items()},
        "references": {"constant": found.constant, **found.scores},
        "leads": {name: one._asdict() for name, one in leads.items()},
        "lead_in_loss_over_constant": over_constant._asdict(),
        "start": start,
        "blind_loss": blind,
        "seconds": made.seconds,
        "training_seconds": made.training_seconds,
        "epochs": len(made.served.history),
        "ended": made.served.history[-1]["ended"],
        "early": early(made.served),
    }
    beats = leads["constant"].sure or over_constant.sure
    behind = any(each.behind for each in leads.values())
    sees = math.isnan(blind) or own["valid"].loss < blind
    reason = sentence(own["valid"], found.scores, found.constant, leads, beats, behind, sees, start) + cut
    return known.gate(beats and not behind and sees, reason, facts, served=made.served)


def refuse_too_short(known: Known, served: Served, seconds: float) -> str:
    """What to say of a first training that the time limit cut; raises UsageError where it was cut in its first pass."""
    last = served.history[-1]
    if last["ended"] != "time limit":
        return ""
    epochs = known.plan.epochs
    compiling = sum(line["compile_seconds"] for line in served.history)
    wanted = math.ceil(4 * compiling + (4 + 0.2 * epochs) * max(seconds - compiling, 0.0) + 5)
    if last["epoch"] <= 1:
        raise UsageError(
            f"time limit: the first training had {seconds:.1f} s and was not through its first of {epochs} epochs, "
            f"expected time for all; give at least {wanted} s, or fewer epochs."
        )
    return f" The time limit cut its training after {last['epoch']} of {epochs} epochs."


def lead(case: Case, valid: Dataset, other: np.ndarray) -> Lead:
    """By the headline metric, row by row."""
    assert case.on_valid is not None
    rows = [good_rows(case, answer, valid) for answer in (case.on_valid.predicted, other)]
    if rows[0] is None or rows[1] is None:
        return Lead(float("nan"), float("nan"))
    return Lead.of(rows[0], rows[1])


def lead_in_loss(case: Case, valid: Dataset, constant: np.ndarray) -> Lead:
    """By the loss, row by row: probabilities can be better where the answers are the same."""
    assert case.on_valid is not None
    classes = case.on_valid.predicted.shape[1]
    wide = np.pad(constant, ((0, 0), (0, max(classes - constant.shape[1], 0))))
    if isinstance(case.plan.loss, ClassLoss):
        # a class that no training row has would cost the constant answer everything
        wide = (wide + 1 / len(case.train.weights)) / (1 + classes / len(case.train.weights))
    own, other = (row_losses(case.plan, answer, valid) for answer in (case.on_valid.predicted, wide))
    return Lead.of(-own, -other)


def blind_loss(known: Known, case: Case) -> float:
    """The least validation loss of the same network trained a little with all inputs 0; NaN without time for it."""
    if known.clock.over():
        return float("nan")
    train, valid = (blinded(part) for part in (case.train, known.valid))
    plan = case.plan.replace(**({"loss": case.plan.loss.replace(label_smoothing=0.0)} if smooths(case) else {}))
    return short_run(plan, train, valid, min(BLIND_STEPS, case.steps)).loss


def smooths(case: Case) -> bool:
    return bool(getattr(case.plan.loss, "label_smoothing", 0.0))


def blinded(data: Dataset) -> Dataset:
    """The rows with inputs that say nothing."""
    return replace(data, x=np.zeros_like(data.x))


def at_start(case: Case) -> dict[str, float]:
    """The loss before the first step; of outputs that are all 0, which is ln C for C classes; of the best constant."""
    y = jnp.asarray(case.probe.y)
    nothing = case.plan.loss.rows(jnp.zeros(case.at_start.outputs.shape), y)
    weights = case.probe.weights
    return {
        "loss": case.at_start.loss,
        "knowing_nothing": float(np.average(np.asarray(nothing), weights=weights)),
        "best_constant": case.constant_loss,
    }


def early(served: Served) -> dict[str, Any]:
    """What keeping the best epoch is worth: the validation loss there and at the end."""
    losses = [line["valid"]["loss"] for line in served.history]
    best = max((n for n, line in enumerate(served.history) if line["best"]), default=len(losses) - 1)
    return {"best_epoch": served.history[best]["epoch"], "best_loss": losses[best], "last_loss": losses[-1]}


def sentence(
    own: Score,
    scores: dict[str, float],
    constant: float,
    leads: dict[str, Lead],
    beats: bool,
    behind: bool,
    sees: bool,
    start: dict[str, float],
) -> str:
    """What the gate says."""
    beside = [f"{name} {value:.4f}" for name, value in {"constant answer": constant, **scores}.items()]
    numbers = f"{own.metric} {own.value:.4f} on the validation rows ({', '.join(beside)})"
    known = {name: each for name, each in leads.items() if name != "constant" and not math.isnan(each.ahead)}
    if not beats:
        others = any(each > constant for each in scores.values()) if own.metric != "hamming_loss" else True
        best = max(known.values(), key=lambda each: -each.ahead, default=None)
        nobody = best is None or not best.behind or not others
        words = "nor does anything else: the inputs say nothing of the target that could be found" if nobody else ""
        why = words or "while others do better: something is wrong with how it trains, see `gammabeta diagnose`"
        return f"The network does not beat the best constant answer beyond chance, {why}; {numbers}."
    if not sees:
        return f"The network is no better than the same network without inputs; {numbers}."
    if behind:
        first = sorted((item for item in known.items() if item[1].behind), key=lambda item: item[1].ahead)
        ahead = " and ".join(f"{name} by {-by.ahead:.4f} +- {by.error:.4f}" for name, by in first)
        return f"Ahead of the network beyond chance: {ahead}; it is not worth it yet; {numbers}."
    worst = min(known.items(), key=lambda item: item[1].ahead, default=None)
    more = ""
    if worst is not None:
        name, by = worst
        place = "ahead of" if by.sure else "level with"
        more = f" It is {place} the best of them, {name}, by {by.ahead:+.4f} +- {by.error:.4f}."
    loud = start["loss"] > HIGH_START * start["knowing_nothing"]
    begin = f" Its loss starts at {start['loss']:.3g} where knowing nothing gives {start['knowing_nothing']:.3g}."
    return f"The network beats the best constant answer: {numbers}.{more}{begin if loud else ''}"

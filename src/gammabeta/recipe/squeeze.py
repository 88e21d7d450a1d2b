"""Step 6: what is left to win once the plan is settled: more seeds, means of models and of weights, more epochs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gammabeta.diagnosis import Case
from gammabeta.diagnosis.curves import curves
from gammabeta.errors import TrainingError
from gammabeta.model import Model
from gammabeta.model.means import ensemble, with_mean_weights
from gammabeta.plan import Combined
from gammabeta.recipe.gate import Gate, Served
from gammabeta.recipe.known import Known
from gammabeta.recipe.score import Score, score
from gammabeta.recipe.training import AVERAGED, Made, run_of
from gammabeta.train.together import side_by_side

SEEDS = 5
"""Runs of the settled plan, the plan's own seed among them."""

FALLING = 0.03
"""Share of the loss that a quarter more of the epochs would win, from which twice the epochs are tried."""

KINDS = {
    "default": "the first plan",
    "single": "the settled plan",
    "averaged": "mean weights of its best epochs",
    "longer": "twice the epochs",
    "ensemble": "ensemble of its seeds",
    "mixed": "ensemble of its seeds and the first plan",
}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model that may win; kind: of KINDS."""

    kind: str
    served: Served
    score: Score


def squeeze(known: Known) -> Gate:
    """Train the settled plan with several seeds, and keep what is best on the validation rows.

    Candidates: the first plan's model, the settled plan with the plan's own seed, the mean of that run's weights over
    its best epochs, twice the epochs where the curve still falls, and means of the answers of all seeds. The least loss
    wins among those that are not worse than the first plan's model, by loss or by headline metric. A single run with a
    lucky seed is no candidate. The gate is passed where something wins against the first plan's model.
    """
    assert known.default is not None
    default = candidate(known, "default", known.default)
    made = settled(known, known.default)
    candidates, runs = [default], []
    if made is not None:
        runs.append(made)
        if known.plan != known.first:
            candidates.append(candidate(known, "single", made.served))
        if len(made.recent) > 1:
            candidates.append(candidate(known, "averaged", averaged(known, made)))
        candidates += longer(known, made)
        runs += other_seeds(known, made.training_seconds)
        candidates += ensembles(known, default, runs)
    allowed = [one for one in candidates if not one.score.worse_than(default.score)]
    best = min(allowed, key=lambda one: one.score.loss)
    seeds = [score(run.served.model, known.counted["valid"]) for run in runs]
    facts: dict[str, Any] = {
        "candidates": [
            {"kind": one.kind, "says": KINDS[one.kind], **one.score._asdict(), "allowed": one in allowed}
            for one in candidates
        ],
        "winner": best.kind,
        "seeds": {"losses": [one.loss for one in seeds], "values": [one.value for one in seeds]},
        "reproduced_by": reproduced_by(best),
    }
    gain = default.score.loss - best.score.loss
    if best is default:
        reason = f"Nothing that was tried is better than the first plan's model ({default.score.told()})."
    else:
        reason = (
            f"Best on the validation rows: {KINDS[best.kind]}, with {best.score.told()}; the first plan's model has "
            f"{default.score.told()}."
        )
    if not runs:
        reason += " There was no time to train the settled plan."
    return known.gate(best is not default and gain > 0, reason, facts, served=best.served)


def candidate(known: Known, kind: str, served: Served) -> Candidate:
    return Candidate(kind, served, score(served.model, known.counted["valid"]))


def settled(known: Known, default: Served) -> Made | None:
    """The run of the settled plan with its own seed; None where there is no time for one, or it came to nothing."""
    known.say("training the settled plan")
    if known.clock.over():
        return None
    try:
        return run_of(known, known.plan)
    except TrainingError:
        return None


def averaged(known: Known, made: Made) -> Served:
    """The same run with the mean of its weights over its best epochs."""
    model, history = made.served.model, made.served.history
    combined = Combined(members=(model.plan,), averaged_epochs=AVERAGED)
    return Served(with_mean_weights(model, made.recent, known.train), history, combined)


def longer(known: Known, made: Made) -> list[Candidate]:
    """Twice the epochs, where the loss still fell at the end and there is time."""
    model = made.served.model
    found = curves(Case(model.plan, known.train, known.valid, made.served.history))
    falls = found is not None and found.ended == "epochs" and found.falling > FALLING
    if not falls or known.clock.left() < 2.5 * made.training_seconds:
        return []
    known.say("the loss still falls: training twice as long")
    plan = known.plan.replace(epochs=2 * known.plan.epochs)
    try:
        again = run_of(known, plan)
    except TrainingError:
        return []
    return [candidate(known, "longer", again.served)] if again.whole else []


def other_seeds(known: Known, seconds: float) -> list[Made]:
    """The settled plan with other seeds, as many as there is time for, several at once."""
    made: list[Made] = []
    seeds = list(range(1, SEEDS))
    while seeds and known.clock.left() > 1.3 * seconds and not known.should_stop():
        some, seeds = seeds[: known.workers], seeds[known.workers :]
        known.say(f"other seeds, {len(made)} of {SEEDS - 1} done")
        found = list(side_by_side(partial(other_seed, known), some, known.workers))
        made += [one for one in found if one is not None]
    return made


def other_seed(known: Known, number: int) -> Made | None:
    """One of them; None where it diverged or was cut."""
    plan = known.plan.replace(seed=(known.plan.seed + number) % 2**32)
    try:
        made = run_of(known, plan, hear=lambda epoch: None)
    except TrainingError:
        return None
    return made if made.whole else None


def ensembles(known: Known, default: Candidate, runs: list[Made]) -> list[Candidate]:
    """The mean of all seeds, and with the first plan's model among them where its answers are of the same kind."""
    if len(runs) < 2:
        return []
    models, history = [run.served.model for run in runs], runs[0].served.history
    found = [candidate(known, "ensemble", mean_of(models, history))]
    first = default.served.model
    # a run that was cut cannot be made again
    if default.served.whole and known.plan != known.first and first.plan.loss == models[0].plan.loss:
        found.append(candidate(known, "mixed", mean_of([*models, first], history)))
    return found


def mean_of(models: list[Model], history: tuple[Mapping[str, Any], ...]) -> Served:
    """The ensemble of these models."""
    return Served(ensemble(models), history, Combined(members=tuple(model.plan for model in models)))


def reproduced_by(best: Candidate) -> str:
    """How to come to the same model again."""
    same = "gammabeta fit with the same rows and --plan plan.json"
    return same if best.served.whole else f"{same}, which trains on where the time limit cut this run"

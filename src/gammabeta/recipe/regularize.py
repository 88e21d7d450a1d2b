"""Step 4: close the gap between training and validation rows."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from gammabeta.plan import Plan
from gammabeta.recipe.changes import Change, changes
from gammabeta.recipe.gate import Gate
from gammabeta.recipe.known import Known
from gammabeta.serial import to_json
from gammabeta.train.paired import Paired, paired
from gammabeta.train.together import side_by_side
from gammabeta.tune.trial import Outcome, Problem, folds_for, trained

PAIRS, MORE, PROMISING = 3, 3, 0.3
"""Pairs of runs, how many more where a gain may be there, and up to which chance of luck it may be."""

FIRST_LOOK = 2
"""Pairs after which a change that is worse on average is given up."""

FRESH = 3_000
"""How far these seeds are from the plan's: fixes, forks and the search have others."""

WORTH = 0.005
"""Share of the loss that a change must win: runs from equal seeds differ so little that next to nothing can be sure."""

NO_GAP = 0.02
"""Of the best constant answer's loss: a gap below it is none."""


def regularize(known: Known) -> Gate:
    """Try what regularizes, one change after another, each on top of those that were kept.

    A change is kept where pairs of whole runs from the same seeds, on folds where rows are few, have a lower loss on
    rows they were not trained on, by more than chance explains (one-sided paired t test, 5 %) and by at least
    0.5 %. The gate asks for no gap, or for a change that helps.
    """
    found = known.facts("skeleton")
    own, constant = found["network"], found["start"]["best_constant"]
    gap = own["valid"]["loss"] - own["train"]["loss"]
    facts: dict[str, Any] = {"gap": gap, "constant": constant, "changes": [], "early_stopping": found["early"]}
    words = f"the loss is {own['train']['loss']:.3g} on training rows and {own['valid']['loss']:.3g} on validation rows"
    if gap < NO_GAP * constant:
        return known.gate(True, f"There is no gap to close: {words}.", facts)
    trial = Trials(known)
    plan, before = known.plan, trial.outcomes(known.plan, range(PAIRS))
    if before is None:
        return known.gate(False, f"A gap, and no time for pairs of runs: {words}.", facts)
    start = mean(before)
    for make in changes(known.train.input_shape, found["early"]["best_epoch"]):
        change = make(plan)
        known.say(f"trying {change.name}: {change.says}")
        if change.plan is None:
            facts["changes"].append(told(change, "left out"))
            continue
        after, pairs = compared(trial, plan, before, change.plan)
        if pairs is None:
            facts["changes"].append(told(change, "no time"))
            continue
        kept = pairs.better and pairs.gain > WORTH * mean(before[: pairs.pairs])
        line = {**pairs._asdict(), "before": mean(before[: pairs.pairs]), "after": mean(after)}
        facts["changes"].append(told(change, "kept" if kept else "not kept") | line)
        if kept:
            plan, before = change.plan, after
    return known.gate(*concluded(facts, words, start, mean(before)), facts, plan=plan)


def concluded(facts: dict[str, Any], words: str, start: float, end: float) -> tuple[bool, str]:
    """(whether the gate is passed, its reason)."""
    by_state: dict[str, list[str]] = {}
    for line in facts["changes"]:
        by_state.setdefault(line["state"], []).append(line["name"])
    kept = by_state.get("kept", [])
    untried = f"; no time for {', '.join(by_state['no time'])}" if "no time" in by_state else ""
    if kept:
        better = f"over pairs of runs the loss went from {start:.4g} to {end:.4g}"
        return True, f"{' and '.join(kept).capitalize()} helped: {better} ({words}){untried}."
    return False, f"No change closed the gap beyond chance: {words}{untried}."


def told(change: Change, state: str) -> dict[str, Any]:
    """A line of the facts."""
    plan = None if change.plan is None else to_json(change.plan)
    return {"name": change.name, "says": change.says, "state": state, **({"plan": plan} if state == "kept" else {})}


def mean(outcomes: Sequence[Outcome]) -> float:
    return sum(one.value for one in outcomes) / len(outcomes)


def compared(trial: "Trials", plan: Plan, before: list[Outcome], changed: Plan) -> tuple[list[Outcome], Paired | None]:
    """What the changed plan came to, and what the pairs say; None where there was no time for them.

    before: of the plan, for the first seeds; made longer where more pairs are wanted
    """
    after: list[Outcome] = []
    for seeds in (range(FIRST_LOOK), range(FIRST_LOOK, PAIRS), range(PAIRS, PAIRS + MORE)):
        found = trial.outcomes(changed, seeds)
        more = trial.outcomes(plan, seeds) if found is not None and len(before) < seeds.stop else []
        if found is None or more is None:
            break
        after, before[:] = [*after, *found], [*before, *more]
        pairs = gains(before, after)
        hopeless = pairs.gain <= 0 or (len(after) >= PAIRS and pairs.error >= PROMISING)
        if hopeless or (len(after) >= PAIRS and pairs.better):
            return after, pairs
    # a gain that only the first look has seen is no evidence
    return after, gains(before, after) if len(after) >= PAIRS else None


def gains(before: list[Outcome], after: list[Outcome]) -> Paired:
    """Of the second over the first, seed by seed; a run that came to nothing loses."""
    values = [usable(one) - usable(other) for one, other in zip(before, after, strict=False)]
    return paired([-1e9 if value != value else value for value in values])


def usable(outcome: Outcome) -> float:
    return outcome.value if outcome.ended == "done" else float("inf")


class Trials:
    """Whole runs of plans on seeds that nothing else uses, several at once."""

    def __init__(self, known: Known) -> None:
        self.known = known
        folds = folds_for(known.train, known.valid)
        self.problem = Problem(known.schema, known.train, known.valid, folds, True, known.first.class_weights)
        self.seconds = float(known.facts("skeleton")["training_seconds"]) * folds

    def outcomes(self, plan: Plan, seeds: range) -> list[Outcome] | None:
        """What the plan comes to with each of the seeds; None where the time is over, or would be."""
        if self.known.clock.left() < self.seconds * len(seeds) / self.known.workers:
            return None
        base = self.known.first.seed + FRESH
        plans = [plan.replace(seed=(base + seed) % 2**32) for seed in seeds]
        began = time.perf_counter()
        run = partial(trained, self.problem, should_stop=self.known.clock.over)
        found = list(side_by_side(run, plans, self.known.workers))
        if any(outcome.ended == "stopped" for outcome in found):
            return None
        # compiling counts in the first estimate only
        self.seconds = (time.perf_counter() - began) * self.known.workers / len(seeds)
        return found

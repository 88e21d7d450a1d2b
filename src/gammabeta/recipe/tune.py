"""Step 5: search around what is there."""

from functools import partial
from typing import Any

from gammabeta.errors import GammabetaError
from gammabeta.recipe.gate import Gate
from gammabeta.recipe.known import Known
from gammabeta.tune import Found, Standing, facts, search, write_facts
from gammabeta.tune.ranking import Place
from gammabeta.tune.trial import folds_for

DATABASE_NAME = "search.db"


def tune(known: Known) -> Gate:
    """The search, within its share of the time, from the plan as the steps before have left it.

    Its trials are kept in the folder, so that a recipe that was killed goes on with them. The gate asks that the search
    came to an end with a ranking; that nothing better was found is an answer.
    """
    found = known.facts("skeleton")
    least = float(found["training_seconds"]) * folds_for(known.train, known.valid)
    if known.clock.left() < least:
        words = f"{known.clock.left():.0f} s are left for it, and the plan alone takes about {least:.0f} s"
        return known.gate(False, f"No time for a search: {words}.", {"error": words})
    folder = known.folder
    storage = None if folder is None else f"sqlite:///{folder / DATABASE_NAME}"
    try:
        searched = search(
            known.plan,
            known.schema,
            known.train,
            known.valid,
            trials=known.trials,
            time_limit=known.clock.limit(),
            storage=storage,
            workers=known.workers,
            on_progress=lambda standing: known.say(told(standing)),
            on_found=None if folder is None else partial(write_facts, folder),
            should_stop=known.should_stop,
            place="-o",
        )
    except GammabetaError as error:
        return known.gate(False, f"The search came to nothing: {error}", {"error": str(error)})
    body: dict[str, Any] = facts(searched)
    return known.gate(True, sentence(searched), body, plan=searched.plan)


def told(standing: Standing) -> str:
    """Where the search is."""
    pruned = f", {standing.pruned} pruned" if standing.phase == "searching" else ""
    best = "" if standing.best != standing.best else f", best loss {standing.best:.4g}"
    jobs = " trials done" if standing.phase == "searching" else ""
    return f"{standing.phase}, {standing.done} of {standing.of}{jobs}{pruned}{best}"


def sentence(found: Found) -> str:
    """What came out."""
    done, asked = len(found.outcomes), found.asked
    trials = f"{done} trials" if done == asked else f"{done} of {asked} trials"
    if found.trial == 0:
        return f"Nothing in {trials} was better than the plan the search began with."
    place: Place = next(place for place in found.ranking if place.trial == found.trial)
    if not place.values:
        return (
            f"Of {trials}, number {found.trial} was best, with no time to repeat it on fresh seeds: that may be luck."
        )
    sure = "beyond chance" if place.gain_low > 0 else "which may be chance"
    return f"Of {trials}, number {found.trial} lowers the loss by {place.gain:.4g} on fresh seeds, {sure}."

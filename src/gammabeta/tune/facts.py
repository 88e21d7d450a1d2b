"""A search as JSON values, for files, reports and the command line."""

import csv
import io
from pathlib import Path
from typing import Any

from gammabeta.model.file import write_json
from gammabeta.serial import to_json, without_nan
from gammabeta.tune.asking import LEAST_FOR_IMPORTANCE
from gammabeta.tune.search import Found

FACTS_NAME = "search.json"


def facts(found: Found) -> dict[str, Any]:
    """All that a page needs to tell of a search; numbers that are not finite are null.

    space: the dimensions; trials: a line each, with what was drawn under "params"; ranking: with intervals; winner
    importances: key -> share; axes: for a parallel-coordinates or slice picture, every key with the values of all
    trials in the order of ``trials``, null where it did not apply, and its scale
    phase: "over", or what is under way; importances_from: finished trials from which there are importances
    """
    numbers = sorted(found.outcomes)
    trials = [
        {"trial": n, **found.outcomes[n].to_json(), "params": dict(found.params[n]), "shared": shared(found, n)}
        for n in numbers
    ]
    axes = [
        {
            "key": d.key,
            "scale": d.scale,
            "values": list(d.values),
            "of_trials": [found.params[n].get(d.key) for n in numbers],
        }
        for d in found.space.dimensions
    ]
    body: dict[str, Any] = {
        "winner": found.trial,
        "plan": to_json(found.plan),
        "objective": "log loss or squared error" if found.problem.common else "loss",
        "folds": found.folds,
        "asked": found.asked,
        "done": len(numbers),
        "pruned": sum(found.outcomes[n].ended == "pruned" for n in numbers),
        "phase": found.phase,
        "stopped": found.stopped and found.phase == "over",
        "programs": found.programs,
        "seconds": round(found.seconds, 3),
        "space": found.space.to_json(),
        "ranking": [{**vars(place), "plain": found.plain.get(place.trial)} for place in found.ranking],
        "importances": dict(found.importances),
        "importances_from": LEAST_FOR_IMPORTANCE,
        "trials": trials,
        "axes": axes,
    }
    value: dict[str, Any] = without_nan(body)
    return value


def write_facts(folder: Path, found: Found) -> dict[str, Any]:
    """The facts, written as search.json to a folder, whole or not at all. Raises FileError."""
    body = facts(found)
    write_json(folder / FACTS_NAME, body)
    return body


def shared(found: Found, number: int) -> bool:
    """Whether an earlier trial had compiled the same program."""
    program = found.outcomes[number].program
    return any(found.outcomes[n].program == program for n in found.outcomes if n < number)


def trials_csv(found: Found) -> str:
    """One line for every trial: its number, how it ended, value, metric, epochs, seconds, and what was drawn."""
    keys = [d.key for d in found.space.dimensions]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", "ended", "value", "metric", "score", "epochs", "seconds", "program", *keys])
    for number, outcome in sorted(found.outcomes.items()):
        line = outcome.to_json()
        drawn = [found.params[number].get(key, "") for key in keys]
        head = (line[name] for name in ("ended", "value", "metric", "score", "epochs", "seconds", "program"))
        writer.writerow([number, *head, *("none" if value is None else value for value in drawn)])
    return out.getvalue()

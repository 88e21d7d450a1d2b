"""What a recipe has come to, in its folder: gates in one file, the first plan's model, the best model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gammabeta.errors import FileError, GammabetaError, UsageError
from gammabeta.model import load
from gammabeta.model.file import write_json, write_whole
from gammabeta.plan import Combined, read_plans
from gammabeta.recipe.gate import STEPS, Gate, Served
from gammabeta.serial import dumps
from gammabeta.tune.storage import differences

RECIPE_NAME, DEFAULT_NAME = "recipe.json", "first"
PLAN_NAME, HISTORY_NAME = "plan.json", "history.jsonl"
FORMAT = 1


def write_gates(folder: Path, about: Mapping[str, Any], gates: Sequence[Gate]) -> None:
    """Write recipe.json, whole or not at all.

    about: what the recipe is of: digests of its rows, and the plan it began with
    """
    body = {"format": FORMAT, "about": about, "gates": [gate.to_json() for gate in gates]}
    write_json(folder / RECIPE_NAME, body)


def write_served(folder: Path, served: Served) -> None:
    """Write a model with its history, and the plan or plans that it is made of again, as fit writes them."""
    write_whole(folder / PLAN_NAME, dumps(served.plan).encode())
    lines = "".join(json.dumps(line, allow_nan=False) + "\n" for line in served.history)
    write_whole(folder / HISTORY_NAME, lines.encode())
    served.model.save(folder)


def read_served(folder: Path) -> Served:
    """What was written; FileError where it is not there or cannot be read."""
    model, plan = load(folder), read_plans(folder / PLAN_NAME)
    path = folder / HISTORY_NAME
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path}: cannot be read ({error}), expected the history of this recipe; begin it anew."
        ) from None
    return Served(model, tuple(lines), plan if isinstance(plan, Combined) else None)


def read_gates(folder: Path, about: Mapping[str, Any] | None = None) -> tuple[Gate, ...]:
    """The gates that were written, in their order; () where there is no recipe.

    Raises FileError where the file is cut off or of another format, UsageError where it is of something else than
    ``about``.
    """
    path = folder / RECIPE_NAME
    if not path.is_file():
        return ()
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            raise FileError(f"{path}: format {body['format']}, expected {FORMAT}; begin it anew in another folder.")
        gates = tuple(Gate.from_json(gate) for gate in body["gates"])
        held = dict(body["about"])
    except GammabetaError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be understood ({error}); begin it anew in another folder.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{path}: cannot be understood ({error!r}), expected what a recipe wrote.") from None
    if [gate.step for gate in gates] != list(STEPS[: len(gates)]):
        raise FileError(f"{path}: its steps are out of order; begin it anew in another folder.")
    different = [] if about is None else differences(held, json.loads(json.dumps(about)))
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise UsageError(
            f"{path}: it is a recipe of something else: {'; '.join(different[:3])}{more}. Give what it was begun with, "
            f"or begin another one in another folder."
        )
    return gates

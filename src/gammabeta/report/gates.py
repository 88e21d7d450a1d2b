"""The gates of a recipe, as recipe.json holds them."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.facts.named import Named
from gammabeta.report.names import RECIPE_NAME, STEPS

FORMAT = 1
KEYS = {"step", "passed", "reason", "facts"}
Gate = Mapping[str, Any]


def gates_of(body: Any) -> tuple[Gate, ...]:
    """The gates that were come to, in their order; those from one of another format on are left out."""
    found = body.get("gates") if isinstance(body, dict) and body.get("format") == FORMAT else None
    gates: list[Gate] = []
    for step, gate in zip(STEPS, found if isinstance(found, list) else [], strict=False):
        if not isinstance(gate, dict) or not gate.keys() >= KEYS or gate["step"] != step:
            break
        gates.append(gate)
    return tuple(gates)


def not_drawn(body: Any) -> list[str]:
    """What of recipe.json is not drawn, in words."""
    if body is None:
        return []
    given = body.get("format") if isinstance(body, dict) else None
    if given != FORMAT:
        said = "another format" if given is None else f"format {given}, expected {FORMAT}"
        return [f"{RECIPE_NAME} is of {said}: its steps are left out."]
    held = body.get("gates")
    lost = len(held) - len(gates_of(body)) if isinstance(held, list) else 1
    return [f"{RECIPE_NAME}: {lost} of its steps are of another format, and left out."] if lost else []


def served_by(gates: tuple[Gate, ...]) -> str:
    """The step whose model the folder holds: "data" while there is none."""
    return STEPS[-1] if len(gates) == len(STEPS) else "skeleton" if len(gates) > 1 else "data"


def named_in(gates: tuple[Gate, ...]) -> Named | None:
    """The training rows that the first step names: odd ones, and those whose labels may be wrong; None without it."""
    facts = gates[0]["facts"] if gates else None
    if not isinstance(facts, dict):
        return None
    noise = facts.get("label_noise") or {}
    odd = [one for one in facts.get("odd_rows") or () if isinstance(one, dict)]
    rows = [one.get("row") for one in (*odd, *(noise.get("rows") or ()))]
    # a feature of a category is called by its column and its level
    columns = [str(one.get("feature")).partition("=")[0] for one in odd]
    return Named(tuple(row for row in rows if isinstance(row, int)), tuple(columns))

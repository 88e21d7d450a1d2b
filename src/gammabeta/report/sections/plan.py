"""The plan, and the command that trains it again."""

import json
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

from gammabeta.errors import GammabetaError
from gammabeta.nn.places import places
from gammabeta.plan import Plan
from gammabeta.report.html import Html, joined, paragraph, table, tag
from gammabeta.report.names import PLAN_NAME
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.serial import Description, from_json, kind_name


def plan(known: Known) -> Section:
    """The plan in a few lines and as JSON; how to run it again."""
    if not known.plan:
        return Section("plan", "", Html(""))
    parts: list[object] = []
    command = rerun(known)
    if command:
        parts += [paragraph("The same plan, rows and seed give the same numbers, bit for bit:"), tag("pre", command)]
    elif known.origin:
        origin = known.origin.get("command", "another command")
        parts.append(
            paragraph(f"The run was made by gammabeta {origin}, which began from something else than its plan alone.")
        )
    parts += several(known)
    parts += tables(known)
    text = json.dumps(known.combined or known.plan, indent=2, ensure_ascii=False)
    parts.append(tag("details", tag("summary", "the plan as JSON"), tag("pre", text), class_="numbers long"))
    return Section("plan", "Plan and rerun", joined(parts))


def several(known: Known) -> list[object]:
    """How the networks of several plans are combined, where they are."""
    if not known.combined:
        return []
    count, epochs = len(known.combined["members"]), known.combined.get("averaged_epochs", 1)
    mean = f"The answer is the mean of those of {count} networks; below is the first plan." if count > 1 else ""
    of = " of each" if count > 1 else ""
    weights = f"The weights{of} are the mean over {epochs} epochs up to the best one." if epochs != 1 else ""
    return [paragraph(" ".join(filter(None, (mean, weights))))]


def tables(known: Known) -> list[object]:
    """The layers, and what else the plan sets; nothing for a plan of another version, which stands below as JSON."""
    try:
        plan: Plan = from_json(known.plan, expected=Plan)
    except (GammabetaError, TypeError, AttributeError, ValueError):
        return []
    layers = [[place.name, described(place.layer)] for place in places(plan.layers)]
    rows = [[name, described(value)] for name, value in set_in(plan) if name != "network"]
    note = paragraph("What is not named is at its default.", class_="note")
    network, rest = table(["layer", ""], layers, (0, 1)), table(["field", "value"], rows, (0, 1))
    return [tag("h3", "Network"), network, tag("h3", "Training"), rest, note]


def set_in(value: Description) -> list[tuple[str, Any]]:
    """The fields of a description that are not at their default."""
    found = [(one.name, getattr(value, one.name), one.default) for one in fields(value)]  # type: ignore[arg-type]
    return [(name, held) for name, held, default in found if held != default]


def described(value: Any) -> str:
    """A description in one line: its kind, and what is set in it."""
    if isinstance(value, Description):
        inside = ", ".join(f"{name.replace('_', ' ')} {described(held)}" for name, held in set_in(value))
        return f"{kind_name(type(value))} ({inside})" if inside else kind_name(type(value))
    if isinstance(value, tuple):
        return " x ".join(map(described, value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def rerun(known: Known) -> str:
    """The command, "" where the plan alone does not decide the run."""
    origin = known.origin
    if origin.get("command") != "fit" or not origin.get("data"):
        return ""
    words = ["gammabeta", "fit", str(origin["data"])]
    for option, key in (("--target", "target"), ("--drop", "drop"), ("--kind", "kinds")):
        words += [word for one in origin.get(key) or () for word in (option, str(one))]
    for name in ("task", "valid", "test", "weight"):
        value = origin.get(name)
        words += [f"--{name}", str(value)] if value not in (None, "auto") else []
    words += ["--plan", str(Path(known.folder) / PLAN_NAME), "-o", f"{known.folder}-again"]
    return " ".join(shlex.quote(word) for word in words)

"""Read a plan file."""

import json
import tomllib
from pathlib import Path
from typing import Any

from gammabeta.errors import FileError, PlanError
from gammabeta.plan.combined import Combined
from gammabeta.plan.plan import Plan
from gammabeta.serial import object_from_json


def read_plan(path: str | Path) -> Plan:
    """The plan in a JSON or TOML file; reading builds known descriptions only and runs no other code.

    Raises FileError where the file cannot be read, PlanError where it holds no plan, or several.
    """
    found = read_plans(path)
    if isinstance(found, Combined):
        raise PlanError(
            f"{path}: it holds {len(found.members)} plans that are trained one by one and combined, expected one plan; "
            f"`gammabeta fit --plan` takes it."
        )
    return found


def read_plans(path: str | Path) -> Plan | Combined:
    """The plan in a JSON or TOML file, or the plans that are combined in it; raises as :func:`read_plan`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise FileError(f"{path}: {reason}, expected a plan in JSON or TOML.") from None
    try:
        data: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise PlanError(f"{path}: not valid {kind}: {error}.") from None
    if not isinstance(data, dict):
        raise PlanError(f"{path}: found {type(data).__name__}, expected a plan: an object with a network and a loss.")
    found = object_from_json(data, f"{path}: plan", Plan, Combined)
    assert isinstance(found, Plan | Combined)
    return found

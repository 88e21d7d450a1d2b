"""What the files of a run folder say, as one value; a page is drawn from it and from nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gammabeta.report.facts.measure import Facts
from gammabeta.report.gates import Gate, gates_of, not_drawn, served_by
from gammabeta.report.names import (
    DATABASE_NAME,
    FACTS_NAME,
    FINDINGS_NAME,
    HISTORY_NAME,
    METRICS_NAME,
    PLAN_NAME,
    PROGRESS_NAME,
    RECIPE_NAME,
    ROWS_NAME,
    SEARCH_NAME,
    STEPS,
)
from gammabeta.train.history import Line, Tail, history_lines, left_out

WRITTEN_AT_THE_END = (METRICS_NAME, FINDINGS_NAME, FACTS_NAME)
OWN = (PLAN_NAME, METRICS_NAME, FINDINGS_NAME, ROWS_NAME, FACTS_NAME)


@dataclass(frozen=True)
class Known:
    """What is known of a run, now.

    folder: as it was named; plan: as JSON, {} where there is none, of several that are combined the first
    combined: the plans as JSON where they are several, else {}; history: a line per epoch that was measured
    findings: as JSON, None where nobody looked; metrics, origin: what fit wrote at its end, and of where its rows are
    facts: None where they were not measured; more: every other JSON file of the folder, by its name without ".json",
    for the sections of other commands; database: whether the trials of a search lie here
    missing: what could not be read, in words
    """

    folder: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    combined: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    database: bool = False
    missing: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The headline metric's name, "" before anything was measured."""
        names = [name for line in self.history for name in line["train"] if name != "loss"]
        return names[0] if names else ""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Of a recipe, those that were come to; () elsewhere."""
        return gates_of(self.more.get(stem(RECIPE_NAME)))

    @property
    def cooked(self) -> bool:
        """Whether a recipe came to its last gate."""
        return len(self.gates) == len(STEPS)

    @property
    def search(self) -> Mapping[str, Any] | None:
        """What a search of plans came to so far, as tune.facts tells it; None where there was none."""
        held = next((gate["facts"] for gate in self.gates if gate["step"] == "tune"), None)
        found = held if held is not None else self.more.get(stem(SEARCH_NAME))
        return found if isinstance(found, dict) and "trials" in found else None

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """Where a recipe or a search is that is under way; None where none is."""
        found = self.more.get(stem(PROGRESS_NAME))
        return found if isinstance(found, dict) else None

    @property
    def ended(self) -> str:
        """Why the run is over, "" while it goes on or where it was cut off."""
        return str(self.history[-1].get("ended") or "") if self.history else ""


def known(folder: Path, tail: Tail | None = None) -> Known:
    """Read what there is; what is missing, cut off or of another format is left out and told of. Never raises.

    tail: the history of a run that may go on, so that its last line may be half written; None: read it whole
    """
    if tail is None:
        lines, said = history_lines(folder / HISTORY_NAME)
    else:
        lines, said = tail.lines, left_out(HISTORY_NAME, tail.broken)

    def read(name: str, kind: type) -> Any:
        path = folder / name
        if not path.is_file() or (name in WRITTEN_AT_THE_END and of_another_run(path, folder / PLAN_NAME, lines)):
            return None
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said.append(f"{name} cannot be read, and is left out.")
            return None
        return body if isinstance(body, kind) else None

    others = sorted(path.name for path in folder.glob("*.json") if path.name not in OWN)
    more = {stem(name): body for name in others if (body := read(name, object)) is not None}
    recipe = more.get(stem(RECIPE_NAME))
    gates = gates_of(recipe)
    said += not_drawn(recipe)
    # a recipe that has no model yet may have been begun where another run lies
    fresh = bool(gates) and served_by(gates) == "data"
    plan = {} if fresh else read(PLAN_NAME, dict) or {}
    members = members_of(plan)
    findings = None if fresh else read(FINDINGS_NAME, list)
    return Known(
        folder=str(folder),
        plan=members[0] if members else plan,
        combined=plan if members else {},
        history=() if fresh else lines,
        findings=None if findings is None else tuple(one for one in findings if isinstance(one, dict)),
        metrics={} if fresh else read(METRICS_NAME, dict) or {},
        origin=read(ROWS_NAME, dict) or {},
        facts=facts_of(read(FACTS_NAME, dict), gates, said),
        more=more,
        database=(folder / DATABASE_NAME).is_file(),
        missing=tuple(said),
    )


def stem(name: str) -> str:
    """The name under which a JSON file is known."""
    return name.removesuffix(".json")


def members_of(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The plans of a file that holds several; [] where it holds one."""
    held = plan.get("members") if plan.get("type") == "combined" else None
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []


def facts_of(body: Any, gates: tuple[Gate, ...], said: list[str]) -> Facts | None:
    """The facts; None where they are of another format, which is told of, or of an earlier model of a recipe."""
    found = Facts.from_json(body)
    if found is None and body is not None:
        said.append(f"{FACTS_NAME} is of another format, and is left out.")
    if found is None or not gates:
        return found
    served = served_by(gates)
    return found if found.after in (served, *([""] if served == STEPS[-1] else [])) else None


def of_another_run(path: Path, plan: Path, lines: Sequence[Line]) -> bool:
    """Whether a file is older than the plan of a run that has not ended: it tells of the run that this one replaces."""
    if lines and lines[-1].get("ended"):
        return False
    try:
        return path.stat().st_mtime_ns < plan.stat().st_mtime_ns
    except OSError:
        return False

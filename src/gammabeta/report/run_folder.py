"""What the files of a run folder say, as one value; a page is drawn from it and from nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gammabeta.report.facts.measure import Facts
from gammabeta.report.names import FACTS_NAME, FINDINGS_NAME, HISTORY_NAME, METRICS_NAME, PLAN_NAME, ROWS_NAME
from gammabeta.train.history import Line, Tail, history_lines, left_out

WRITTEN_AT_THE_END = (METRICS_NAME, FINDINGS_NAME, FACTS_NAME)
OWN = (PLAN_NAME, METRICS_NAME, FINDINGS_NAME, ROWS_NAME, FACTS_NAME)


@dataclass(frozen=True)
class Known:
    """What is known of a run, now.

    folder: as it was named; plan: as JSON, {} where there is none; history: a line per epoch that was measured
    findings: as JSON, None where nobody looked; metrics, origin: what fit wrote at its end, and of where its rows are
    facts: None where they were not measured; more: every other JSON file of the folder, by its name without ".json",
    for the sections of other commands; missing: what could not be read, in words
    """

    folder: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The headline metric's name, "" before anything was measured."""
        names = [name for line in self.history for name in line["train"] if name != "loss"]
        return names[0] if names else ""

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

    facts = Facts.from_json(read(FACTS_NAME, dict))
    findings = read(FINDINGS_NAME, list)
    others = sorted(path.name for path in folder.glob("*.json") if path.name not in OWN)
    more = {name.removesuffix(".json"): body for name in others if (body := read(name, object)) is not None}
    return Known(
        folder=str(folder),
        plan=read(PLAN_NAME, dict) or {},
        history=lines,
        findings=None if findings is None else tuple(one for one in findings if isinstance(one, dict)),
        metrics=read(METRICS_NAME, dict) or {},
        origin=read(ROWS_NAME, dict) or {},
        facts=facts,
        more=more,
        missing=tuple(said),
    )


def of_another_run(path: Path, plan: Path, lines: Sequence[Line]) -> bool:
    """Whether a file is older than the plan of a run that has not ended: it tells of the run that this one replaces."""
    if lines and lines[-1].get("ended"):
        return False
    try:
        return path.stat().st_mtime_ns < plan.stat().st_mtime_ns
    except OSError:
        return False

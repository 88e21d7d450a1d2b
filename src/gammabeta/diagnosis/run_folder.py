"""A run as its folder tells of it: what was trained on what, how it went, and what is missing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gammabeta.data import Dataset, Images, Schema, Table, read
from gammabeta.data.origin import Origin, kinds_of, origin_of, parts_of
from gammabeta.diagnosis.case import Case
from gammabeta.errors import DataError, FileError
from gammabeta.model import Model, load, raw_where_normalized, suited
from gammabeta.plan import Combined, Plan, read_plans
from gammabeta.train.history import history_lines


class Rows(NamedTuple):
    """The rows of a run, read again: "train" and, where there are such, "valid" and "test".

    encoded: as the network sees them; parts: as they were read
    """

    schema: Schema
    encoded: Mapping[str, Dataset]
    parts: Mapping[str, Table | Images]


@dataclass(frozen=True, eq=False)
class FolderRun:
    """The case of a run folder.

    said: what is missing from it, in words; no_start: why the state it began from is not known, "" where it is
    """

    case: Case
    rows: Rows
    said: tuple[str, ...]
    no_start: str

    @property
    def forks(self) -> bool:
        """Whether forks make sense, or would begin from nothing."""
        return not self.no_start


def folder_of(run: Path) -> Path:
    """The run folder: itself, or the one that holds a file of it. Raises FileError or DataError where there is none."""
    if run.is_file() and (run.parent / "plan.json").exists():
        return run.parent
    if not run.exists():
        raise FileError(f"{run}: not there, expected a run folder, as fit writes it.")
    if not (run / "plan.json").is_file():
        raise DataError(f"{run}: found no plan.json, expected a run folder, as fit writes it; name that.")
    return run


def read_rows(origin: Origin, plan: Plan, schema: Schema | None) -> Rows:
    """The rows that a plan was trained on, split as then; schema: of the model, None where there is none."""
    parts = parts_of(read(origin.data), origin, plan.seed).there()
    if schema is None:
        kinds = kinds_of(origin.kinds)
        schema = Schema.fit(parts["train"], origin.target or None, origin.task, kinds, origin.drop, origin.weight)
        schema = raw_where_normalized(schema, suited(plan, schema))
    return Rows(schema, {name: schema.encode(part) for name, part in parts.items()}, parts)


def run_in(run: Path, new_rows: Path | None = None) -> FolderRun:
    """The run in a folder, or of one of its files; new_rows: a file that stands for its test rows.

    Raises FileError or DataError where there is no run, or where its rows are not there any more.
    """
    folder = folder_of(run)
    plan = read_plans(folder / "plan.json")
    lines, said = history_of(folder)
    model: Model | None = None
    if (folder / "model.safetensors").exists():
        model = load(folder)
    else:
        said.append("the run has no model: what needs finished weights is left out.")
    origin, command = origin_of(folder / "rows.json")
    several = isinstance(plan, Combined)
    if isinstance(plan, Combined):
        plan = model.plan if model else plan.members[0]
    rows = read_rows(origin, plan, model.schema if model else None)
    if lines and lines[-1].get("ended"):
        # before its end, the metrics are those of a run that this one replaces
        said += changed_rows(folder, rows)
    test = rows.encoded.get("test")
    if new_rows is not None:
        test = rows.schema.encode(read(new_rows), target="if there")
        if test.y is None:
            said.append(f"{new_rows} has no target: only its inputs are compared.")
    case = Case.of(
        plan,
        rows.encoded["train"],
        rows.encoded.get("valid"),
        lines,
        model.params if model else None,
        model.stats if model else None,
        test,
        rows.schema,
    )
    no_start = "the model is a mean of several" if several else ""
    if command != "fit" and not several:
        no_start = f"the run began from another model ({command}), which its folder does not hold"
    if no_start:
        said.append(f"{no_start}: no forks, which would begin from nothing.")
    return FolderRun(case, rows, tuple(said), no_start)


def changed_rows(folder: Path, rows: Rows) -> list[str]:
    """In words, where the run's metrics speak of other numbers of rows than its data file gives now."""
    try:
        counts = {name: int(rows) for name, rows in json.loads((folder / "metrics.json").read_bytes())["rows"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    now = {name: rows.encoded[name].rows if name in rows.encoded else 0 for name in counts}
    if now == counts:
        return []
    words = [" and ".join(f"{many[name]:,} {name} rows" for name in counts) for many in (now, counts)]
    return [f"the data gives {words[0]}, and the run had {words[1]}: what compares them is of another split."]


def history_of(folder: Path) -> tuple[tuple[Mapping[str, Any], ...], list[str]]:
    """(epochs, what is missing in words): lines that were cut off or are of another format are left out."""
    path = folder / "history.jsonl"
    if not path.exists():
        return (), ["the run has no history: what needs its curves is left out."]
    lines, said = history_lines(path)
    if lines and not lines[-1].get("ended"):
        said.append("the run was interrupted before its end.")
    if lines and not any(line.get("signals") for line in lines):
        said.append("the history holds no probes: what needs them is left out.")
    return lines, said

"""The folder of a run while it is written: a name that is free, all files or none, a history that grows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from gammabeta.errors import TrainingError, UsageError
from gammabeta.report.names import (
    FACTS_NAME,
    FINDINGS_NAME,
    HISTORY_NAME,
    MEASURES_NAME,
    METRICS_NAME,
    MODEL_NAME,
    PLAN_NAME,
    RECIPE_NAME,
    REPORT_NAME,
    ROWS_NAME,
    SEARCH_NAME,
)

RUN_NAMES = (MODEL_NAME, PLAN_NAME, HISTORY_NAME, METRICS_NAME)
WRITTEN_AT_THE_END = (METRICS_NAME, FINDINGS_NAME, FACTS_NAME, REPORT_NAME)
OF_THE_RUN_BEFORE = (*WRITTEN_AT_THE_END, MEASURES_NAME, RECIPE_NAME, SEARCH_NAME)
"""What tells of the model that a folder held."""

WRITTEN_WHILE_TRAINING = (PLAN_NAME, HISTORY_NAME, ROWS_NAME)


def run_folder(asked: Path | None, data: Path) -> Path:
    """The folder that was asked for, or the first free ``runs/NAME-1``, ``runs/NAME-2``, ..."""
    if asked:
        if asked.is_file():
            raise UsageError(f"-o {asked}: found a file, expected a folder for the run; choose another name.")
        taken = [name for name in RUN_NAMES if (asked / name).exists()]
        if taken and not holds_run(asked):
            raise UsageError(
                f"-o {asked}: found a {taken[0]} that is of no run, and would be replaced; choose another folder."
            )
        return asked
    name = data.name.split(".")[0] or "run"
    number = 1
    while (Path("runs") / f"{name}-{number}").exists():
        number += 1
    return Path("runs") / f"{name}-{number}"


def holds_run(folder: Path) -> bool:
    """Whether a folder holds a run: its model, or the plan and history of one that was killed."""
    model, plan, history, _ = (folder / name for name in RUN_NAMES)
    return model.exists() or (plan.exists() and history.exists())


def as_it_was(folder: Path, names: Sequence[str]) -> Callable[[], None]:
    """A function that leaves the folder as it is now: the files ``names`` back, and no folder that was made since."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    before = {path: path.read_bytes() for name in names if (path := folder / name).is_file()}

    def put_back() -> None:
        with suppress(OSError):
            for name in names:
                (folder / name).unlink(missing_ok=True)
            for path, content in before.items():
                path.write_bytes(content)
            for path in made:
                path.rmdir()

    return put_back


@contextmanager
def all_or_nothing(folder: Path, keeps: Sequence[str] = ()) -> Iterator[None]:
    """Leave the folder as it was where the fit fails: no plan and no history beside another model, or none.

    A run that diverged in a folder of its own stays: without a model, but with all that a diagnosis needs.
    """
    replaced = (folder / PLAN_NAME).is_file()
    put_back = as_it_was(folder, WRITTEN_WHILE_TRAINING)
    try:
        yield
        for name in set(OF_THE_RUN_BEFORE) - set(keeps):
            (folder / name).unlink(missing_ok=True)
    except BaseException as error:
        if isinstance(error, TrainingError) and not replaced:
            raise
        put_back()
        raise


@contextmanager
def history(folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that adds one line to the folder's history, at once readable by others."""
    from gammabeta.model.file import unwritable

    path = folder / HISTORY_NAME

    def write(line: Mapping[str, Any]) -> None:
        try:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
        except OSError as error:
            raise unwritable(path, error) from None

    try:
        file: TextIO = path.open("w", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield write
    finally:
        # every line is flushed; closing tries a failed one again
        with suppress(OSError):
            file.close()

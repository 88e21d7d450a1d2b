"""Where the rows of a run came from: a small file in its folder, by which they are read again."""

import json
from pathlib import Path
from typing import Any

from gammabeta.cli.prepare import DataOptions
from gammabeta.errors import FileError
from gammabeta.report.names import ROWS_NAME

__all__ = ["ROWS_NAME", "remembered", "rows_of"]
KEPT = ("data", "target", "task", "valid", "test", "drop", "weight", "kinds")
"""Of what was typed: all that decides which rows were trained on. Plan and settings are in the plan."""


def remembered(options: DataOptions, command: str) -> bytes:
    """What is written: files by their full paths, so that the run can be diagnosed from anywhere."""
    body: dict[str, Any] = {"command": command}
    for name in KEPT:
        value = getattr(options, name)
        if name in ("data", "valid", "test") and value is not None and Path(value).exists():
            value = str(Path(value).resolve())
        body[name] = list(value) if isinstance(value, tuple) else value if value is None else str(value)
    return (json.dumps(body, indent=2) + "\n").encode()


def rows_of(folder: Path, plan: Path) -> tuple[DataOptions, str]:
    """(options that read the same rows again, the command that trained on them); FileError where that is unknown."""
    path = folder / ROWS_NAME
    try:
        # runs of before rows had weights say nothing of them
        body = {"weight": None, **json.loads(path.read_text(encoding="utf-8"))}
        known: dict[str, Any] = {
            name: tuple(body[name]) if isinstance(body[name], list) else body[name] for name in KEPT
        }
        command = str(body["command"])
    except FileNotFoundError:
        raise FileError(
            f"{path}: not there, expected the file that says where the rows came from; train again with this version."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path}: cannot be understood ({error}), expected what fit wrote; train again.") from None
    known["data"] = Path(str(known["data"]))
    if not known["data"].exists():
        raise FileError(
            f"{known['data']}: the rows of this run are not there any more; put them back, or name their place in "
            f"{path}."
        )
    return DataOptions(**{**known, "plan": plan, "settings": ()}), command

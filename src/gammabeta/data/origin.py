"""Where the rows of a run came from: read and split alike, now and when the run is looked at again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from gammabeta.data.images import Images
from gammabeta.data.readers import read
from gammabeta.data.splits import split
from gammabeta.data.table import Table
from gammabeta.errors import FileError, UsageError


@dataclass(frozen=True)
class Origin:
    """All that decides which rows are trained on.

    valid, test: a share or a file, as it was typed; kinds: such as "pclass=category"
    """

    data: Path
    target: tuple[str, ...]
    task: str
    valid: str | None
    test: str | None
    drop: tuple[str, ...]
    weight: str | None
    kinds: tuple[str, ...]


class Parts(NamedTuple):
    """The rows of an origin; valid, test: None where there are none."""

    train: Table | Images
    valid: Table | Images | None
    test: Table | Images | None

    def there(self) -> dict[str, Table | Images]:
        """Those that there are, by name."""
        return {name: part for name, part in self._asdict().items() if part}


def parts_of(data: Table | Images, origin: Origin, seed: int) -> Parts:
    """Read from files where files were given, split off the rest otherwise."""
    shares: dict[str, float | None] = {}
    files: dict[str, Table | Images] = {}
    for name, text in (("valid", origin.valid), ("test", origin.test)):
        value = share_or_file(text, f"--{name}")
        if isinstance(value, Path):
            files[name], shares[name] = read(value), None
        else:
            shares[name] = 0.2 if value is None else value
    if not any(shares.values()):
        return Parts(data, files.get("valid"), files.get("test"))
    target = origin.target or None
    train, valid, test = split(data, target, valid=shares["valid"], test=shares["test"], seed=seed, task=origin.task)
    return Parts(train, files.get("valid", valid), files.get("test", test))


def share_or_file(text: str | None, option: str) -> float | Path | None:
    """A share where the text is a number, else a file."""
    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        if text.endswith("%") and not Path(text).exists():
            raise UsageError(f"{option} {text}: expected a share in [0, 1), such as 0.2, or a file.") from None
        return Path(text)
    if not 0 <= share < 1:
        raise UsageError(f"{option} {text}: expected a share in [0, 1), or a file; 0.2 takes a fifth of the rows.")
    return share


def kinds_of(given: tuple[str, ...]) -> dict[str, str]:
    """``["pclass=category"]`` as a mapping; the schema checks names and kinds."""
    kinds = {}
    for text in given:
        column, equals, kind = text.rpartition("=")
        if not equals:
            raise UsageError(f"--kind {text}: expected COLUMN=KIND, such as pclass=category.")
        kinds[column] = kind
    return kinds


def remembered(origin: Origin, command: str) -> bytes:
    """What is written into a run folder: files by their full paths, so that it can be diagnosed from anywhere."""
    body: dict[str, Any] = {"command": command}
    for field in fields(Origin):
        value = getattr(origin, field.name)
        if field.name in ("data", "valid", "test") and value is not None and Path(value).exists():
            value = str(Path(value).resolve())
        body[field.name] = list(value) if isinstance(value, tuple) else value if value is None else str(value)
    return (json.dumps(body, indent=2) + "\n").encode()


def origin_of(path: Path) -> tuple[Origin, str]:
    """(where the rows of a run came from, the command that trained on them), from what was remembered in a file.

    Raises FileError where that is unknown, or where the rows are not there any more.
    """
    try:
        # runs of before rows had weights say nothing of them
        body: Mapping[str, Any] = {"weight": None, **json.loads(path.read_text(encoding="utf-8"))}
        known: dict[str, Any] = {
            field.name: tuple(body[field.name]) if isinstance(body[field.name], list) else body[field.name]
            for field in fields(Origin)
        }
        command = str(body["command"])
    except FileNotFoundError:
        raise FileError(
            f"{path}: not there, expected the file that says where the rows came from; train again with this version."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path}: cannot be understood ({error}), expected what fit wrote; train again.") from None
    origin = Origin(**{**known, "data": Path(str(known["data"]))})
    if not origin.data.exists():
        raise FileError(
            f"{origin.data}: the rows of this run are not there any more; put them back, or name their place in {path}."
        )
    return origin, command

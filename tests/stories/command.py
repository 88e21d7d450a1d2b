"""The command ``gammabeta``, called in this process: a process of its own costs seconds."""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from gammabeta.cli import main

SMALL = ("--set", "network.hidden=[8]", "--epochs", "2")
"""What makes a fit a matter of milliseconds, once it is compiled."""


class Outcome(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def complaint(self) -> str:
        """The one sentence on standard error of a command that was refused."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("gammabeta: "), self.err
        assert not self.out, self.out
        return lines[0]


def gammabeta(*typed: object) -> Outcome:
    """Run the command as it would be typed."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["gammabeta", *map(str, typed)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        return Outcome(int(ended.code or 0), out.getvalue(), err.getvalue())
    finally:
        sys.argv = before
    raise AssertionError("main always exits")


def done(*typed: object) -> Outcome:
    """Run a command that must succeed."""
    outcome = gammabeta(*typed)
    assert outcome.code == 0, outcome.err
    return outcome


def held(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, and what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

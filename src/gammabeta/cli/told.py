"""What is under way, told in a file of the run folder to those who watch it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gammabeta.errors import GammabetaError
from gammabeta.report.names import PROGRESS_NAME

BETWEEN = 1.0
"""Seconds between two words on the same step."""


@contextmanager
def telling(folder: Path) -> Iterator[Callable[[str, str], None]]:
    """A function that tells a step and where in it one is; when it is over, nothing is left of it.

    Nothing is told while the folder is not there, nor where it cannot be written to: no run ends for that.
    """
    from gammabeta.model.file import write_whole

    path = folder / PROGRESS_NAME
    last: tuple[str, float] = ("", 0.0)

    def tell(step: str, words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if not folder.is_dir() or (step == last[0] and now - last[1] < BETWEEN):
            return
        last = (step, now)
        with suppress(GammabetaError):
            write_whole(path, (json.dumps({"step": step, "words": words}) + "\n").encode())

    try:
        yield tell
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)

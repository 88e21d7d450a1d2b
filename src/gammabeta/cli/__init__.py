"""The command line: the only place that prints and sets exit codes."""

import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from gammabeta.errors import GammabetaError

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command and leave with its exit code.

    0 done; 1 what the data or a file holds; 2 what was typed; 3 a defect of ours; 130 after Ctrl-C
    """
    # a cache that cannot be used costs time and nothing else
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        from gammabeta.cli.app import app

        code = app(standalone_mode=False)
        sys.stdout.flush()
    except GammabetaError as error:
        leave(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            # files that we read and write end as a FileError: this is standard output, which has no name
            abandon_output()
            leave(f"the output cannot be written, {error.strerror or error}; make room or choose another place.", 1)
        if os.environ.get("GAMMABETA_TRACEBACK"):
            raise
        if hasattr(error, "format_message"):
            refuse_typed(error)
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            leave("not enough memory for this data; give fewer rows or columns, or a smaller network.", 1)
        leave(defect(error), 3)
    finally:
        signal.signal(signal.SIGINT, before)
    if code == INTERRUPTED:
        leave("interrupted.", INTERRUPTED)
    sys.exit(code or 0)


def on_interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but leave at once inside an import: JAX aborts the process where its import is cut."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, b"gammabeta: interrupted.\n")
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def refuse_typed(error: Any) -> NoReturn:
    """Leave with one line for what typer could not parse; without a message it has shown the help already."""
    message = error.format_message()
    if not message:
        sys.exit(error.exit_code)
    command = error.ctx.command_path if getattr(error, "ctx", None) else "gammabeta"
    stop = "" if message.endswith((".", "?")) else "."
    leave(f"{message}{stop} See '{command} --help'.", error.exit_code)


def abandon_output() -> None:
    """Let nothing more be written to standard output: Python would try once more at its end, and complain."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave(message: str, code: int) -> NoReturn:
    """Say what went wrong on standard error, in one line, and exit."""
    with suppress(OSError):
        sys.stdout.flush()
    print(f"gammabeta: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def defect(error: Exception) -> str:
    """What to say of an error that we did not foresee: where it happened, and how to see more."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "unknown place"
    return (
        f"a defect of ours at {where}: {type(error).__name__}: {error}; please report it "
        f"(GAMMABETA_TRACEBACK=1 shows the details)."
    )

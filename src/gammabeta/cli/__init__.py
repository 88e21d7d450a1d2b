"""The command line: the only place that prints and sets exit codes."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from gammabeta.errors import GammabetaError


def main() -> NoReturn:
    """Run the command and leave with its exit code.

    0 done; 1 what the data or a file holds; 2 what was typed; 3 a defect of ours; 130 after Ctrl-C
    """
    from gammabeta.cli.app import app

    try:
        app()
    except GammabetaError as error:
        leave(str(error), error.exit_code)
    except KeyboardInterrupt:
        leave("interrupted.", 130)
    except BrokenPipeError:
        # the reader of our output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        leave("not enough memory for this data; give fewer rows or columns, or a smaller network.", 1)
    except Exception as error:
        if os.environ.get("GAMMABETA_TRACEBACK"):
            raise
        leave(defect(error), 3)
    sys.exit(0)


def leave(message: str, code: int) -> NoReturn:
    """Say what went wrong on standard error, in one line, and exit."""
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

"""What can go wrong, as one tree.

    GammabetaError
    ├── UsageError       what was typed: options, column names            exit code 2
    │   └── PlanError    a plan, or a description inside it               exit code 2
    ├── DataError        what the data or a file holds                    exit code 1
    │   └── FileError    a file that is missing, broken or not writable   exit code 1
    ├── TrainingError    training gave no usable network                  exit code 1
    └── Defect           a mistake of ours                                exit code 3

Every message says the place, what was found, what was expected and what to do, in one sentence or two.
"""

import difflib
from collections.abc import Iterable


class GammabetaError(Exception):
    """The root of every error gammabeta raises on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 3


class UsageError(GammabetaError, ValueError):
    """What was typed is wrong: an option, a column name, an argument."""

    exit_code = 2


class PlanError(UsageError):
    """A plan, or a description inside it, holds an unknown key or an impossible value."""


class DataError(GammabetaError, ValueError):
    """What the data holds cannot be used."""

    exit_code = 1


class FileError(DataError, OSError):
    """A file is missing, broken, or cannot be written."""


class TrainingError(GammabetaError, RuntimeError):
    """Training ended without a usable network."""

    exit_code = 1


class Defect(GammabetaError):
    """gammabeta itself is wrong; please report it."""


def nearest(name: str, names: Iterable[str], what: str = "legal names") -> str:
    """A hint with the nearest legal name, or the legal names when none is near.

    what: stands before them: "its columns" are not a matter of law

    >>> nearest("adm", ["adam", "sgd"])
    'did you mean "adam"?'
    """
    legal = list(names)
    lowered = {candidate.lower(): candidate for candidate in legal}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    if close:
        return f'did you mean "{lowered[close[0]]}"?'
    shown = ", ".join(sorted(legal)[:12])
    more = f" and {len(legal) - 12} more" if len(legal) > 12 else ""
    return f"{what}: {shown}{more}." if legal else "there is none to choose from."

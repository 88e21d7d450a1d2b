"""Every claim of the field as an experiment that can be run."""

import importlib
from functools import cache
from pathlib import Path

from gammabeta.errors import UsageError, nearest
from gammabeta.lab.estimate import Estimate
from gammabeta.lab.experiment import Experiment, Outcome, Size, Verdict, perform, write

__all__ = ["Estimate", "Experiment", "Outcome", "Size", "Verdict", "catalogue", "experiment", "perform", "write"]


@cache
def catalogue() -> dict[str, Experiment]:
    """Every experiment by its name, in the order of the claims: a file of the folder ``experiments`` each."""
    folder = Path(__file__).parent / "experiments"
    names = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    found = {name: importlib.import_module(f"gammabeta.lab.experiments.{name}").EXPERIMENT for name in names}
    return dict(sorted(found.items(), key=lambda item: int(item[1].claim[1:])))


def experiment(name: str) -> tuple[str, Experiment]:
    """(name, experiment) for its name or the number of its claim. Raises UsageError with the nearest name."""
    for known, found in catalogue().items():
        if name.lower().replace("-", "_") == known or name.upper() == found.claim:
            return known, found
    raise UsageError(f'lab: unknown experiment "{name}"; {nearest(name, catalogue())}')

"""What every logger is given, and what it takes from an epoch."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import NamedTuple

from gammabeta.errors import UsageError
from gammabeta.train.fit import Epoch

KEPT = ("spread", "zero", "dead", "saturated", "gradient", "ratio")
"""Of the signals, by their last names: those that show a layer which does not learn."""

NEEDS = {
    "tensorboard": ("tensorboardX", "tensorboardX writes the event files"),
    "mlflow": ("mlflow", "mlflow keeps the runs"),
}


class Log(NamedTuple):
    """Where a run is written.

    epoch: called with every epoch; scores: called once at the end with a part such as "test" and its metrics
    """

    epoch: Callable[[Epoch], None]
    scores: Callable[[str, Mapping[str, float]], None]


def require(name: str) -> None:
    """Refuse before any work where the package of a logger is not here."""
    package, does = NEEDS[name]
    if find_spec(package) is None:
        raise UsageError(f"--log {name}: {does} and is not here; pip install 'gammabeta[{name}]'.")


def scalars(epoch: Epoch) -> dict[str, float]:
    """The finite numbers of an epoch by names such as ``loss/valid`` and ``gradient/0.weight``."""
    line = epoch.to_json()
    found: dict[str, float | None] = {"epoch": line["epoch"], "learning_rate": line["learning_rate"]}
    found |= {"seconds": line["seconds"], "step_loss/mean": line["step_loss"]["mean"]}
    for part in ("train", "valid"):
        found |= {f"{name}/{part}": value for name, value in line[part].items()}
    for key, value in with_ratios(line["signals"]).items():
        place, _, name = key.rpartition(".")
        if name in KEPT:
            found[f"{name}/{place.partition('.')[2]}"] = value
    return {name: float(value) for name, value in found.items() if value is not None}


def with_ratios(signals: Mapping[str, float | None]) -> dict[str, float | None]:
    """The signals, with update / weight of every parameter where only the two were measured."""
    found = dict(signals)
    for key, update in signals.items():
        place, _, name = key.rpartition(".")
        weight = signals.get(f"{place}.weight")
        if name == "update" and update is not None and weight:
            found.setdefault(f"{place}.ratio", update / weight)
    return found

"""Which situations a tier has, in an order of which every beginning is a fair sample."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import healthy
from cells import CORE, FULL, Cell
from healthy import CONTROLS
from plants import DOUBLE, PLANTS
from situation import SEVERITIES, Situation

Tier = Literal["core", "full", "reduced"]


@dataclass(frozen=True)
class Task:
    """One situation to look at, by names alone, so that it can be sent to another process."""

    kind: Literal["fault", "double", "healthy"]
    name: str
    cell: Cell
    severity: str = ""
    seed: int = 0
    number: int = 0
    hard: bool = False

    @property
    def key(self) -> str:
        return "|".join((self.kind, self.name, self.cell.name, self.severity, str(self.seed)))

    def situation(self) -> Situation:
        if self.kind == "healthy":
            return next(one for one in CONTROLS if one.name == self.name).situation(self.cell, self.seed)
        if self.kind == "double":
            return next(one for one in DOUBLE if one.name == self.name).situation(self.cell, self.seed)
        return next(one for one in PLANTS if one.name == self.name).situation(self.cell, self.severity, self.seed)


REDUCED = (
    ("learning rate too high", "regression/mlp-2", "gross"),
    ("learning rate too low", "moons/mlp-2", "gross"),
    ("equal weights", "moons/mlp-2", "gross"),
    ("softmax twice", "blobs/mlp-2-bn", "clear"),
    ("missing values", "breast_cancer/mlp-2-bn", "gross"),
    ("labels of other rows", "moons/mlp-2", "gross"),
    ("batch norm's epsilon", "blobs/mlp-2-bn", "gross"),
    ("target as a feature", "breast_cancer/mlp-2-bn", "gross"),
)
REDUCED_HEALTHY = (
    ("moons", "moons/mlp-2"),
    ("regression", "regression/mlp-2"),
    ("overlapping classes", "blobs/mlp-2-bn"),
    ("nearly all right", "breast_cancer/mlp-2-bn"),
)


def cell(name: str) -> Cell:
    return Cell(*name.split("/"))


def tasks(tier: Tier, cells: str = "all", thorough: bool = False) -> list[Task]:
    """The situations of a tier.

    cells: "all", "calibration" or "held-out"; thorough: every fault at every severity, and twice the healthy runs
    """
    if tier == "reduced":
        found = [fault(name, cell(at), severity) for name, at, severity in REDUCED]
        found += [control(name, cell(at)) for name, at in REDUCED_HEALTHY]
    else:
        among = CORE if tier == "core" else FULL
        found = list(faults(among, thorough))
        found += list(controls(tier, 2 if thorough else 1))
        found += [Task("double", one.name, cell(one.cell)) for one in DOUBLE if tier == "core"]
        # every beginning of the list holds all kinds alike
        found.sort(key=lambda task: zlib.crc32(task.key.encode()))
    if cells != "all":
        found = [task for task in found if task.cell.held_out == (cells == "held-out")]
    return found


def fault(name: str, at: Cell, severity: str) -> Task:
    number = next(one.number for one in PLANTS if one.name == name)
    return Task("fault", name, at, severity, number=number)


def control(name: str, at: Cell, seed: int = 0) -> Task:
    one = next(one for one in CONTROLS if one.name == name)
    return Task("healthy", name, at, seed=seed, number=one.number, hard=one.hard)


CALIBRATED = 5
"""One in so many faults is planted on a calibration cell too: calibrating itself plants all, thoroughly."""


def faults(among: tuple[Cell, ...], thorough: bool) -> Iterator[Task]:
    """Every fault on a held-out cell and each fifth on a calibration cell, at one of its severities.

    thorough: every fault on both, at all of them
    """
    for index, plant in enumerate(PLANTS):
        severities = [severity for severity in SEVERITIES if severity in plant.degrees]
        for degree, severity in enumerate(severities):
            for held_out in (False, True) if thorough or index % CALIBRATED == 0 else (True,):
                possible = [one for one in among if one.held_out == held_out and plant.where(one)]
                if possible and (thorough or degree == (index + held_out) % len(severities)):
                    yield fault(plant.name, possible[(7 * index + degree) % len(possible)], severity)


def controls(tier: Tier, times: int) -> Iterator[Task]:
    """Every control on a calibration cell once and on each of its held-out cells with two seeds, so many times.

    In the full tier plain runs on cells of its own, with two seeds.
    """
    if tier == "full":
        plain = next(one for one in CONTROLS if one.number == 1)
        for name in healthy.FULL:
            for seed in range(2 * times):
                yield control(plain.name, cell(name), seed)
        return
    for one in CONTROLS:
        seen = [name for name in one.cells if not cell(name).held_out]
        for name in one.cells:
            seeds = 2 * times if cell(name).held_out else times if name == seen[0] else 0
            for seed in range(seeds):
                yield control(one.name, cell(name), seed)

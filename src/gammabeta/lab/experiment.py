"""What an experiment is: how it is measured, judged and drawn."""

import csv
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from gammabeta.errors import DataError
from gammabeta.lab.estimate import Estimate
from gammabeta.serial import without_nan

Row = Mapping[str, Any]
Size = Literal["tiny", "quick", "full"]
Case = TypeVar("Case")

RUNS_AT_ONCE = 2
"""Fits on threads: small networks leave a core idle (docs/benchmarks/speed.md)."""


class Sweep(Protocol):
    """Runs ``one`` for every case, several at once, and tells how far it is; rows come in the order of the cases.

    at_once: 1 where the cases are timed, and would share the cores
    """

    def __call__(
        self, one: Callable[[Case], Sequence[Row]], cases: Sequence[Case], /, *, at_once: int = RUNS_AT_ONCE
    ) -> list[Row]: ...


@dataclass(frozen=True)
class Verdict:
    """What the numbers say of the claim.

    holds: True, False, or None where these runs do not decide it
    says: one or two sentences with the numbers in them
    numbers: what the sentence rests on, each with its interval
    """

    holds: bool | None
    says: str
    numbers: Mapping[str, Estimate]

    @property
    def word(self) -> str:
        return {True: "holds", False: "does not hold", None: "undecided"}[self.holds]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A claim of the field as something that can be run.

    claim: its number in the catalogue, "C1"; title: the claim in a sentence
    measure(data, sweep, **size) -> rows: the numbers, one flat mapping a row; ``data`` is a file or folder of images,
        None for scikit-learn's digits
    judge(rows) -> Verdict; draw(rows, figure): both from the rows alone
    sizes: the keywords of ``measure``: "full" within ten minutes on two cores, "quick" within 20 seconds, "tiny" for
        tests; figure_size: inches
    compiles_most: whether the quick size spends most of its time on compiling, which is then done in a hurry
    """

    claim: str
    title: str
    measure: Callable[..., list[Row]]
    judge: Callable[[Sequence[Row]], Verdict]
    draw: Callable[[Sequence[Row], Any], None]
    sizes: Mapping[Size, Mapping[str, Any]]
    figure_size: tuple[float, float] = (9, 4.5)
    compiles_most: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run of an experiment came to.

    data: what it was given, None for its own; files: picture (SVG, PNG), numbers (CSV), verdict (JSON), by kind
    """

    name: str
    experiment: Experiment
    size: Size
    rows: Sequence[Row] = field(repr=False)
    verdict: Verdict
    seconds: float
    data: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The verdict as a JSON object: infinite ends of intervals as null."""
        numbers = {name: without_nan(vars(estimate)) for name, estimate in self.verdict.numbers.items()}
        return {
            "experiment": self.name,
            "claim": self.experiment.claim,
            "title": self.experiment.title,
            "size": self.size,
            "data": str(self.data) if self.data else None,
            "holds": self.verdict.holds,
            "verdict": self.verdict.says,
            "numbers": numbers,
            "seconds": round(self.seconds, 1),
            "files": {kind: str(path) for kind, path in self.files.items()},
        }


def perform(
    name: str,
    experiment: Experiment,
    size: Size = "full",
    data: Path | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Measure and judge; ``tell`` hears how many runs are done, of how many known so far."""
    began = time.perf_counter()
    rows = experiment.measure(data, sweeping(tell), **experiment.sizes[size])
    if not rows:
        raise DataError(f"lab {name}: nothing was measured, expected at least one row; give more data.")
    return Outcome(name, experiment, size, rows, experiment.judge(rows), time.perf_counter() - began, data)


def sweeping(tell: Callable[[int, int], None]) -> Sweep:
    """A sweep that adds up what it was given over the calls of one experiment."""
    counts = {"done": 0, "of": 0}
    lock = threading.Lock()

    def sweep(
        one: Callable[[Case], Sequence[Row]], cases: Sequence[Case], /, *, at_once: int = RUNS_AT_ONCE
    ) -> list[Row]:
        with lock:
            counts["of"] += len(cases)
        found: dict[int, Sequence[Row]] = {}
        with ThreadPoolExecutor(at_once) as pool:
            futures = {pool.submit(one, cases[index]): index for index in far_apart(len(cases), at_once)}
            try:
                for future in as_completed(futures):
                    found[futures[future]] = future.result()
                    with lock:
                        counts["done"] += 1
                        tell(counts["done"], counts["of"])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return [row for index in range(len(cases)) for row in found[index]]

    return sweep


def far_apart(cases: int, at_once: int) -> list[int]:
    """In which order cases begin: neighbors share a compiled program, and one would wait while the other compiles it.

    >>> far_apart(5, 2)
    [0, 3, 1, 4, 2]
    """
    stride = -(-cases // at_once)
    return sorted(range(cases), key=lambda index: (index % stride, index)) if cases else []


def write(outcome: Outcome, folder: Path) -> Outcome:
    """Write picture, numbers and verdict into ``folder``; the outcome with its files."""
    from gammabeta.lab.drawing import drawn

    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"{outcome.name}.{kind}" for kind in ("svg", "png", "csv", "json")}
    drawn(outcome, files["svg"], files["png"])
    names = list(dict.fromkeys(key for row in outcome.rows for key in row))
    with files["csv"].open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(outcome.rows)
    whole = replace(outcome, files=files)
    files["json"].write_text(json.dumps(whole.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return whole

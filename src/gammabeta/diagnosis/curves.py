"""The loss curves of a run, and what their shape says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gammabeta.diagnosis.case import Case

RISE = 0.02
"""Of its minimum: a validation loss that is higher by less has not risen, whatever its noise."""

WELL_BELOW, UNDONE = 0.8, 0.1


@dataclass(frozen=True, eq=False)
class Curves:
    """One number per epoch, NaN where a measurement was not finite.

    train, valid: the loss; valid is () where there were no validation rows; metric: the headline metric on the rows
    that judge; best: the epoch that was kept, by its position; ended: why the run was over
    """

    train: np.ndarray
    valid: np.ndarray
    metric: np.ndarray
    best: int
    ended: str

    @property
    def watched(self) -> np.ndarray:
        """The loss that decides which epoch is kept."""
        return self.valid if len(self.valid) else self.train

    @property
    def noise(self) -> float:
        """Standard deviation of the watched loss around a smooth curve."""
        return noise_of(self.watched)

    @property
    def quarter(self) -> int:
        """A quarter of the epochs, at least 4."""
        return max(4, len(self.watched) // 4)

    @property
    def falling(self) -> float:
        """How far the watched loss would fall in another :attr:`quarter`, as a share of where it came from.

        By the line through the last one; 0 where the line does not fall by more than 3 of its standard errors. Of
        where it came from, the first quarter's median: a solved task's loss halves for ever.
        """
        last = self.watched[-self.quarter :]
        if len(last) < 4 or not np.isfinite(last).all():
            return 0.0
        steps = np.arange(len(last)) - (len(last) - 1) / 2
        slope = float(steps @ last / (steps @ steps))
        left = last - np.mean(last) - slope * steps
        error = float(np.sqrt(left @ left / (len(last) - 2) / (steps @ steps)))
        height = float(np.nanmedian(self.watched[: max(1, len(self.watched) // 4)]))
        if slope > -3 * error or slope >= 0 or not height > 0:
            return 0.0
        return float(min(-slope * self.quarter / height, 1.0))

    def undone(self, constant: float) -> bool:
        """Whether the training loss was well below that of a constant answer, and lost it again.

        Below 80 % of it at its lowest, and at the end within 2 % of it, or above the first epoch's by 10 %.
        """
        losses = self.train
        if len(losses) < 2 or not np.isfinite(losses).all() or not losses.min() < WELL_BELOW * constant:
            return False
        risen = losses[-1] - losses[0] > max(UNDONE * losses[0], RISE * constant)
        return bool(losses[-1] > (1 - RISE) * constant or risen)

    @property
    def overfitted(self) -> int:
        """Epochs at the end in which validation loss stands above its minimum by more than 2 of its noise and 2 %.

        0 where the training loss does not fall meanwhile.
        """
        if not len(self.valid) or not np.isfinite(self.valid).any():
            return 0
        lowest = int(np.nanargmin(self.valid))
        least = float(self.valid[lowest])
        above = self.valid > least + max(2 * self.noise, RISE * abs(least))
        above[: lowest + 1] = False
        run = len(above) if above.all() else int(np.argmin(above[::-1]))
        return run if run and self.train[-1] < self.train[lowest] else 0


def noise_of(values: np.ndarray) -> float:
    """Standard deviation of (epochs,) values around a smooth curve: by second differences, robustly; 0 for a few."""
    if len(values) < 5:
        return 0.0
    bends = np.diff(values, n=2)
    if not np.isfinite(bends).any():
        return 0.0
    return float(1.4826 * np.nanmedian(np.abs(bends - np.nanmedian(bends))) / np.sqrt(6))


def curves(case: Case) -> Curves | None:
    """The curves of a case's history; None where there is none that can be read."""
    return curves_of(case.history, case.metric)


def curves_of(history: Sequence[Mapping[str, Any]], metric_name: str) -> Curves | None:
    """The curves of a history, a line per epoch; None where there is none that can be read."""
    try:
        lines = [line for line in history if line.get("train")]
        if not lines:
            return None
        train = np.array([number(line["train"], "loss") for line in lines])
        valid = np.array([number(line["valid"], "loss") for line in lines if line.get("valid")])
        metric = np.array([number(line.get("valid") or line["train"], metric_name) for line in lines])
        kept = [index for index, line in enumerate(lines) if line.get("best")]
        full = valid if len(valid) == len(lines) else np.zeros(0)
        return Curves(train, full, metric, kept[-1] if kept else len(lines) - 1, str(lines[-1].get("ended", "")))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def number(measured: Mapping[str, Any], name: str) -> float:
    value = measured.get(name)
    return float("nan") if value is None else float(value)

"""Which trial is best: by seeds that no trial has seen, so that luck is not picked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from gammabeta.tune.trial import Outcome

SEEDS = 3
"""Fresh seeds on which every candidate is trained again."""

CANDIDATES = 3
"""Trials that are trained again beside the plan that the search starts from."""

FRESH = 2_000
"""How far the fresh seeds are from the plan's: those of forks and fixes lie between."""


@dataclass(frozen=True)
class Place:
    """One line of the final ranking.

    trial: its number; first: its value in the search, by which it was chosen, and which so is too good on the whole
    values: on the fresh seeds; mean, low, high: of them, with the 95 % interval (t)
    gain, gain_low, gain_high: by how much the loss is below that of the plan the search starts from, paired over seeds
    """

    trial: int
    first: float
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


def fresh_seeds(seed: int) -> list[int]:
    """The seeds of the repeats."""
    return [(seed + FRESH + number) % 2**32 for number in range(SEEDS)]


def candidates(outcomes: Mapping[int, Outcome]) -> list[int]:
    """Trial 0, which is the plan that the search starts from, and the best of those that came out below it."""
    first = [0] if 0 in outcomes and outcomes[0].ended == "done" else []
    least = outcomes[0].value if first else math.inf
    done = sorted((o.value, n) for n, o in outcomes.items() if o.ended == "done" and n != 0 and o.value < least)
    return first + [number for _, number in done[:CANDIDATES]]


def ranked(outcomes: Mapping[int, Outcome], repeats: Mapping[int, Sequence[Outcome]]) -> tuple[Place, ...]:
    """The candidates, the best first: by the mean over fresh seeds, without any by their value in the search.

    repeats: of every candidate, one for each fresh seed; only seeds on which all candidates were trained are counted
    """
    numbers = candidates(outcomes)
    count = min((len(repeats.get(number, ())) for number in numbers), default=0)
    values = {number: tuple(usable(o) for o in repeats.get(number, ())[:count]) for number in numbers}
    places = []
    for number in numbers:
        mean, low, high = interval(values[number] or (outcomes[number].value,))
        reference = values.get(0, ())
        gains = [base - own for base, own in zip(reference, values[number], strict=True)] if reference else []
        places.append(Place(number, outcomes[number].value, values[number], mean, low, high, *interval(gains)))
    return tuple(sorted(places, key=lambda place: (place.mean, place.trial)))


def usable(outcome: Outcome) -> float:
    """The value of a repeat; one that failed loses."""
    return outcome.value if outcome.ended == "done" else math.inf


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, low, high): the 95 % interval of the mean (t), NaN where there is one value, or an infinite one."""
    if not values:
        return math.nan, math.nan, math.nan
    if not np.isfinite(values).all():
        return (math.inf if math.inf in values else -math.inf), math.nan, math.nan
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = float(special.stdtrit(len(values) - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half

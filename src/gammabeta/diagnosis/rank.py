"""Which of several proved causes comes first, and when no further proof can change that."""

from collections.abc import Sequence
from typing import NamedTuple

LIKELY = 0.6
"""Certainty from which a suspicion is tried as a second cause: what many troubles show is always left over."""


def weight(certainty: float) -> float:
    """How far a signature alone counts, in [0.4, 1]."""
    return 0.4 + 0.6 * certainty


def rank(gain: float, best: float, certainty: float) -> float:
    """(gain / best)^(1.05 - c) (0.4 + 0.6 c), in [0, 1]; best: the largest gain of all.

    The surer the signature, the less it matters whether another change wins a little more.
    """
    return float((gain / best) ** (1.05 - certainty) * weight(certainty))


class Proved(NamedTuple):
    """A suspicion that a fork confirmed: its certainty, and the most that one of its treatments won."""

    certainty: float
    gain: float


def decided(proved: Sequence[Proved], fixed: float, waiting: Sequence[float], most: float) -> bool:
    """Whether what was tried decides the first cause, whatever the forks of the suspicions that wait would show.

    fixed: the best score of a suspicion that needs no fork, 0 without; waiting: certainties; most: the largest gain
    there can be, that to a perfect model. A suspicion that waits scores at most its weight; where it wins more than
    all before it, the leader's share of the best gain falls, to gain / most at worst.
    """
    beaten = max((weight(certainty) for certainty in waiting), default=0.0)
    best = max((one.gain for one in proved), default=0.0)
    scores = [rank(one.gain, best, one.certainty) for one in proved]
    if fixed > max([beaten, *scores]):
        # what needs no fork comes first; a likely suspicion that forks prove stands beside it
        likely = [certainty for certainty in waiting if certainty >= LIKELY]
        beside = [one for one in proved if one.certainty >= LIKELY]
        return not likely or (bool(beside) and decided(beside, 0.0, likely, most))
    if not proved:
        return not waiting
    leader = proved[scores.index(max(scores))]
    others = [score for one, score in zip(proved, scores, strict=True) if one is not leader]
    return rank(leader.gain, max(best, most), leader.certainty) > max([fixed, beaten, *others])

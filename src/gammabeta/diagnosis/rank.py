"""Which of several proved causes comes first, and when no further proof can change that."""

from collections.abc import Mapping
from typing import NamedTuple

LIKELY = 0.6
"""Certainty from which a suspicion is tried as a second cause: what many troubles show is always left over."""


def weight(certainty: float) -> float:
    """How far a signature alone counts, in [0.4, 1]."""
    return 0.4 + 0.6 * certainty


def rank(gain: float, best: float, certainty: float) -> float:
    """(gain / best)^(1.05 - c) (0.4 + 0.6 c), in [0, 1]; best: the largest gain of all.

    The surer the signature, the less it matters whether another change wins a little more. Where best is 0 the loss
    alone fell, and the signature decides.
    """
    share = gain / best if best > 0 else 1.0
    return float(share ** (1.05 - certainty) * weight(certainty))


class Proved(NamedTuple):
    """A suspicion that a fork confirmed: its certainty, and the most that one of its treatments won."""

    certainty: float
    gain: float


class Standing(NamedTuple):
    """Whether the first cause is decided, and which suspicion leads: None for one that needs no fork."""

    decided: bool
    leader: int | None


def standing(proved: Mapping[int, Proved], fixed: float, waiting: Mapping[int, float], most: float) -> Standing:
    """Whether what was tried decides the first cause, whatever the forks that are left would show.

    proved: by the suspicion's number; fixed: the best score of one that needs no fork, 0 without; waiting: certainties
    of those with treatments left; most: the largest gain there can be, that to a perfect model. A suspicion that waits
    scores at most its weight; where it wins more than all before it, the leader's share of the best gain falls, to
    gain / most at worst. What the leader itself has left cannot set it back.
    """
    best = max((one.gain for one in proved.values()), default=0.0)
    scores = {index: rank(one.gain, best, one.certainty) for index, one in proved.items()}
    leader = max(scores, key=lambda index: scores[index], default=None)
    beaten = max((weight(certainty) for index, certainty in waiting.items() if index != leader), default=0.0)
    if leader is None or fixed > max(beaten, scores[leader]):
        # what needs no fork comes first; a likely suspicion that forks prove stands beside it
        likely = {index: certainty for index, certainty in waiting.items() if certainty >= LIKELY}
        if leader is None or not likely:
            return Standing(not likely if fixed > beaten else not waiting, None)
        return standing({i: one for i, one in proved.items() if one.certainty >= LIKELY}, 0.0, likely, most)
    one = proved[leader]
    others = [score for index, score in scores.items() if index != leader]
    return Standing(rank(one.gain, max(best, most), one.certainty) > max([fixed, beaten, *others]), leader)

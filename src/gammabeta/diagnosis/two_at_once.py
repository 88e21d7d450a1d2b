"""Two causes of which each hides the other: neither change alone wins anything, both together do."""

from collections.abc import Sequence

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.forks import Tell, forked
from gammabeta.diagnosis.gain import other_units
from gammabeta.diagnosis.rank import LIKELY
from gammabeta.diagnosis.suspicion import Suspicion, as_it_is
from gammabeta.diagnosis.trials import Tried, beside, best_of, proof, seeds_of

MOST = 12
"""Treatments tried on top of the likeliest cause's, at most."""


def two_at_once(
    case: Case, suspicions: Sequence[Suspicion], proofs: Sequence[Sequence[Tried]], tell: Tell
) -> dict[int, Tried]:
    """What each of two likely causes wins on top of the other, by the suspicion's number; {} where no two do.

    The surest one's best treatment is taken, and all others are tried on top of it: of all pairs those that lie
    nearest, and no more forks than a single cause takes.
    """
    likely = [
        index
        for index, (one, group) in enumerate(zip(suspicions, proofs, strict=True))
        if group and one.certainty >= LIKELY and not one.meant and one.judged is as_it_is
    ]
    first, *others = sorted(likely, key=lambda index: -suspicions[index].certainty) or [-1]
    room = MOST
    for index in list(others):
        room -= len(suspicions[index].treatments)
        if room < 0:
            others.remove(index)
    if not others:
        return {}
    base = max(proofs[first], key=lambda one: one.proof.gain)
    seeds = seeds_of(case)
    (before,) = forked([base.branch], seeds, tell)
    on_top = beside(case, base.branch, before, [suspicions[index].treatments for index in others], tell)
    won = {index: top for index, group in zip(others, on_top, strict=True) if (top := best_of(group))}
    if not won:
        return {}
    second = max(won, key=lambda index: suspicions[index].certainty * won[index].proof.gain)
    both = won[second]
    alone = next(one for one in proofs[second] if one.treatment is both.treatment)
    (without,) = forked([alone.branch], seeds, tell)
    shown = proof(case, base.treatment, without, both.outcomes, other_units(case, both.branch))
    return {first: Tried(base.treatment, both.branch, both.outcomes, shown), second: both} if shown.confirmed else {}

"""Treatments tried in short runs, and what the pairs of runs prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Proof
from gammabeta.diagnosis.forks import Branch, Outcome, Tell, forked, runnable
from gammabeta.diagnosis.gain import gain_of, other_units, value_of
from gammabeta.diagnosis.rank import LIKELY, Proved, Standing, standing, weight
from gammabeta.diagnosis.suspicion import Suspicion, Treatment, as_it_is
from gammabeta.errors import GammabetaError
from gammabeta.serial import dumps, lift
from gammabeta.train import together
from gammabeta.train.batches import batch_width
from gammabeta.train.step import program_of

SEEDS = 3
MOST_STEPS = 600
DEEP_STEPS = 4_000
LEAST_GAIN = 0.03
"""Skill that a treatment must win back to count, whatever the noise."""

PROMISING = 0.01
"""Gain of the first seed below which the other seeds are not tried."""

COMPILING = 0.3
"""Certainty that a treatment must have more than another to be tried before it where it has to be compiled."""

LESS_LOSS, WORTH_LOSS = float(np.log(1.05)), 0.01
"""How far the loss has to fall in every pair to count by itself: ln of a ratio, and a share of a constant's loss."""

SPREAD_LOSS = 2.92
"""Standard errors over the seeds that it has to exceed: 5 % one-sided for 3 seeds."""

LONGER = 0.85
"""Of the gain of a longer run that counts against what wins with as many steps as before."""

ERRORS = 1.5
"""Standard errors over the seeds that a gain must exceed, with all seeds on its side."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A treatment, what its fork runs, what that came to for every seed, and what it proves."""

    treatment: Treatment
    branch: Branch
    outcomes: tuple[Outcome, ...]
    proof: Proof

    @property
    def worth(self) -> float:
        """The gain as it ranks: less where the fork was longer, which helps many a trouble a little."""
        return self.proof.gain * (LONGER if self.treatment.times_steps > 1 else 1.0)


class Key(NamedTuple):
    """What makes two forks the same: the plan as text, and how the rows were changed, "" for not at all."""

    plan: str
    rows: str


def tried(case: Case, suspicions: Sequence[Suspicion], deep: bool, tell: Tell) -> list[list[Tried]]:
    """The forks of the suspicions' treatments beside the unchanged plan, the likeliest first.

    Once what was tried decides the first cause, the rest is left untried: [] for a suspicion that nothing was tried of.
    """
    steps = min(case.steps, DEEP_STEPS if deep else MOST_STEPS)
    unchanged = Branch(case.plan, case.train, case.valid, steps, case.began)
    waiting = in_turn(suspicions, unchanged)
    if not waiting:
        return [[] for _ in suspicions]
    trials = Trials(case, unchanged, forked([unchanged], seeds_of(case))[0], Counted(tell))
    most = 1 - min(trials.value_before(metric_only) for metric_only in (False, True))
    sure = [one for one in suspicions if one.certainty >= LIKELY and not one.meant]
    likely = [treatment for suspicion in sure for treatment in suspicion.treatments]
    while waiting:
        now: list[Treatment] = []
        while waiting and trials.new(now) < together.at_once():
            now.append(waiting.pop(0).treatment)
        trials.run([now], likely)
        waiting = [one for one in waiting if trials.new([one.treatment])]
        groups = [trials.known(suspicion.treatments) for suspicion in suspicions]
        found = standing_of(suspicions, groups, waiting, most)
        # what has a severity of its own counts without a fork, too: only its fork says whether another explains it
        if not found.decided or any(suspicions[one.suspicion].severity for one in waiting):
            continue
        # which of the leader's treatments wins most is still open; one that suffices is not outdone by compiling others
        top = None if found.leader is None else best_of(groups[found.leader])
        enough = top is None or suffices(case, top)
        waiting = [one for one in waiting if one.suspicion == found.leader and (one.alike or not enough)]
    return [trials.known(suspicion.treatments) for suspicion in suspicions]


class Waiting(NamedTuple):
    """A treatment to be tried, of which suspicion; alike: whether its fork runs what is compiled already."""

    suspicion: int
    treatment: Treatment
    alike: bool


def in_turn(suspicions: Sequence[Suspicion], unchanged: Branch) -> list[Waiting]:
    """What there is to try: of the sure suspicions first, what must be compiled later."""
    order: list[tuple[float, Waiting]] = []
    for index, suspicion in enumerate(suspicions):
        for treatment in suspicion.treatments:
            branch = branch_of(unchanged, treatment)
            if branch is not None:
                alike = compiled_alike(branch, unchanged)
                turn = suspicion.certainty + bool(suspicion.severity) - (0 if alike else COMPILING)
                order.append((turn, Waiting(index, treatment, alike)))
    return [one for _, one in sorted(order, key=lambda pair: -pair[0])]


def standing_of(
    suspicions: Sequence[Suspicion], groups: Sequence[Sequence[Tried]], waiting: Sequence[Waiting], most: float
) -> Standing:
    """What is decided by what was tried so far."""
    proved: dict[int, Proved] = {}
    fixed = 0.0
    for index, (suspicion, group) in enumerate(zip(suspicions, groups, strict=True)):
        top = best_of(group)
        if top is not None:
            proved[index] = Proved(suspicion.certainty, top.worth)
        elif suspicion.severity in ("error", "warning"):
            fixed = max(fixed, suspicion.certainty * weight(suspicion.certainty))
    return standing(proved, fixed, {one.suspicion: suspicions[one.suspicion].certainty for one in waiting}, most)


def suffices(case: Case, top: Tried) -> bool:
    """Whether a treatment reaches what others reach on the same rows, as far as these rows can tell."""
    return case.skill(top.proof.after) >= case.skill(case.references.best) - case.chance


def compiled_alike(one: Branch, other: Branch) -> bool:
    """Whether two branches differ in numbers only, and run the same compiled program."""

    def of(branch: Branch) -> tuple[Any, ...]:
        plan, rows = branch.plan, branch.train
        return lift(program_of(plan))[0], batch_width(rows.rows, plan.batch_size), rows.input_shape, rows.offset is None

    return of(one) == of(other)


def beside(
    case: Case, unchanged: Branch, base: Sequence[Outcome], treatments: Sequence[Sequence[Treatment]], tell: Tell
) -> list[list[Tried]]:
    """All treatments of likely suspicions on top of a branch; base: what the branch itself came to."""
    return Trials(case, unchanged, base, tell).run(treatments, [one for group in treatments for one in group])


@dataclass(eq=False)
class Counted:
    """Counts the forks of several rounds as those of one."""

    tell: Tell
    done: int = 0
    of: int = 0

    def __call__(self, done: int, of: int) -> None:
        self.of += of if done == 1 else 0
        self.done += 1
        self.tell(self.done, self.of)


class Trials:
    """What was tried beside a branch, each distinct treatment once, with more seeds where promising."""

    def __init__(self, case: Case, unchanged: Branch, base: Sequence[Outcome], tell: Tell) -> None:
        self.case, self.unchanged, self.base, self.tell = case, unchanged, base, tell
        self.made: dict[Key, Tried] = {}
        self.branches: dict[Treatment, Branch | None] = {}

    def value_before(self, metric_only: bool) -> float:
        """Skill of the branch as it is, the mean over its seeds."""
        return float(np.mean([value_of(self.case, one, metric_only) for one in self.base]))

    def keyed(self, treatments: Sequence[Treatment]) -> dict[Key, tuple[Treatment, Branch]]:
        """Those of the treatments that run, each distinct one once."""
        found: dict[Key, tuple[Treatment, Branch]] = {}
        for treatment in treatments:
            if treatment not in self.branches:
                self.branches[treatment] = branch_of(self.unchanged, treatment)
            branch = self.branches[treatment]
            if branch is not None:
                changed = treatment.says if branch.train is not self.unchanged.train else ""
                found.setdefault(Key(dumps(branch.plan), changed), (treatment, branch))
        return found

    def new(self, treatments: Sequence[Treatment]) -> int:
        """How many of these treatments, each distinct one once, were not tried yet."""
        return len(set(self.keyed(treatments)) - set(self.made))

    def known(self, treatments: Sequence[Treatment]) -> list[Tried]:
        """Those of the treatments that were tried."""
        return [self.made[key] for key in self.keyed(treatments) if key in self.made]

    def run(self, groups: Sequence[Sequence[Treatment]], likely: Sequence[Treatment]) -> list[list[Tried]]:
        """Every group's forks; the promising ones with all seeds, of likely ones also those that lower the loss."""
        keys = [self.keyed(group) for group in groups]
        branches: dict[Key, tuple[Treatment, Branch]] = {}
        for key, made in (pair for group in keys for pair in group.items()):
            if key not in self.made:
                branches.setdefault(key, made)
        case, base, seeds = self.case, self.base, seeds_of(self.case)
        first = forked([branch for _, branch in branches.values()], seeds[:1], self.tell)
        outcomes = dict(zip(branches, first, strict=True))
        metric_only = {key: other_units(case, branch) for key, (_, branch) in branches.items()}
        hopeful = set(self.keyed(likely))
        promising = [
            key
            for key in branches
            if gain_of(case, base[0], outcomes[key][0], metric_only[key]) > PROMISING
            or (key in hopeful and less_loss(case, base[:1], outcomes[key], metric_only[key]))
        ]
        more = forked([branches[key][1] for key in promising], seeds[1:], self.tell)
        for key, found in zip(promising, more, strict=True):
            outcomes[key] = [*outcomes[key], *found]
        for key, (treatment, branch) in branches.items():
            shown = proof(case, treatment, base, outcomes[key], metric_only[key])
            self.made[key] = Tried(treatment, branch, tuple(outcomes[key]), shown)
        return [[self.made[key] for key in group] for group in keys]


def best_of(group: Sequence[Tried]) -> Tried | None:
    """The treatment that won most of those that are confirmed."""
    return max((one for one in group if one.proof.confirmed), key=lambda one: one.proof.gain, default=None)


def seeds_of(case: Case) -> list[int]:
    return [(case.plan.seed + i) % 2**32 for i in range(SEEDS)]


def branch_of(unchanged: Branch, treatment: Treatment) -> Branch | None:
    """What the treatment's fork runs; None where the change changes nothing, or makes no plan that runs."""
    try:
        plan = treatment.plan(unchanged.plan)
    except GammabetaError:
        return None
    train, valid = unchanged.train, unchanged.valid
    if treatment.data is not as_it_is:
        train, valid = treatment.data(train), None if valid is None else treatment.data(valid)
    elif plan == unchanged.plan:
        return None
    steps = unchanged.steps * treatment.times_steps
    return Branch(plan, train, valid, steps, unchanged.start) if runnable(plan, train) else None


def less_loss(case: Case, before: Sequence[Outcome], after: Sequence[Outcome], metric_only: bool) -> bool:
    """Whether the loss is lower in every pair, by a share and by an amount worth it, and by more than seeds explain."""
    one, other = (np.array([outcome.loss for outcome in outcomes]) for outcomes in (before, after[: len(before)]))
    if metric_only or case.constant_loss <= 0 or not np.isfinite([*one, *other]).all() or min(*one, *other) <= 0:
        return False
    ratios = np.log(one / other)
    spread = float(np.std(ratios, ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else 0.0
    worth = float(np.mean(one - other)) / case.constant_loss
    return bool(np.all(ratios > LESS_LOSS)) and float(np.mean(ratios)) > SPREAD_LOSS * spread and worth > WORTH_LOSS


def finished_run(case: Case) -> Outcome | None:
    """What the whole run came to; None where nothing was trained."""
    if case.on_valid is None:
        return None
    loss, unknown = case.on_valid.loss, float("nan")
    return Outcome(loss, case.valid_score, unknown, unknown, loss, True, case.steps_made, ())


def proof(
    case: Case, treatment: Treatment, before: Sequence[Outcome], after: Sequence[Outcome], metric_only: bool
) -> Proof:
    """What the pairs of runs prove: a gain beyond what the seeds and the number of judging rows explain."""
    pairs = list(zip(before, after, strict=False))
    gains = np.array([gain_of(case, one, other, metric_only) for one, other in pairs])
    gain = float(np.mean(gains))
    spread = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    needed = max(LEAST_GAIN, case.chance)
    whole = len(gains) == SEEDS and bool(np.all(gains > 0))
    confirmed = whole and gain > needed and gain > ERRORS * spread
    # where the metric is that of a constant answer or less before and after, the loss alone tells them apart
    by_loss = len(gains) == SEEDS and bool(np.all(gains >= 0)) and less_loss(case, before, after, metric_only)
    # a fork that is shorter than the run begins it anew: what it wins there the run may have won long ago
    finished = finished_run(case) if max(one.steps for one in before) < case.steps_made else None
    if finished is not None:
        ahead = np.mean([value_of(case, other, metric_only) for other in after])
        confirmed = confirmed and bool(ahead - value_of(case, finished, metric_only) > case.chance)
        by_loss = by_loss and less_loss(case, [finished] * len(after), after, metric_only)

    def mean(name: str, outcomes: Sequence[Outcome]) -> float:
        return float(np.mean([getattr(outcome, name) for outcome in outcomes]))

    return Proof(
        change=treatment.says,
        metric=case.metric,
        steps=max(outcome.steps for outcome in (*before, *after)),
        seeds=len(pairs),
        before=mean("metric", [one for one, _ in pairs]),
        after=mean("metric", [other for _, other in pairs]),
        loss_before=mean("loss", [one for one, _ in pairs]),
        loss_after=mean("loss", [other for _, other in pairs]),
        gain=gain,
        spread=spread,
        confirmed=confirmed,
        by_loss=by_loss,
        finished=None if finished is None else finished.metric,
    )

"""What a rule says before it is proved: a cause that would explain what is seen, and what would cure it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gammabeta.data import Dataset
from gammabeta.diagnosis.finding import Severity
from gammabeta.plan import Plan


def as_it_is(data: Dataset) -> Dataset:
    return data


@dataclass(frozen=True, eq=False)
class Treatment:
    """One thing changed.

    says: in words, "the learning rate / 10"; plan, data: the change; data: of all rows, train and valid
    times_steps: how much longer its fork has to be
    """

    says: str
    plan: Callable[[Plan], Plan] = lambda plan: plan
    data: Callable[[Dataset], Dataset] = as_it_is
    times_steps: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspicion:
    """A possible cause.

    code: of its page; place, evidence, numbers, advice: as in Finding
    certainty: how far the signature alone convicts, in [0, 1]. 1: a formula or a count proves it, no other cause
        shows it; 0.5: typical of it; 0.1: merely possible, worth a try where performance is missing
    treatments: what would cure it; the best one that is confirmed becomes the fix. Without any, certainty decides
    fix: the change of the plan that is advised where no fork is needed
    severity: where the signature itself proves that it costs performance; None: what the fork wins back decides
    judged: a change of the rows that judge, with and without the treatments; their metric is then a balanced one
    noted: whether it is worth a note where no fork was run and where none won: its numbers are measured on this network
    meant: whether the plan asks for it in so many words; whatever it costs, it is no more than a warning
    """

    code: str
    place: str
    evidence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    certainty: float = 0.5
    treatments: tuple[Treatment, ...] = ()
    fix: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""
    costs: str = ""
    severity: Severity | None = None
    judged: Callable[[Dataset], Dataset] = as_it_is
    noted: bool = False
    meant: bool = False

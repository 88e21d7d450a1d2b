"""What a step of the recipe knows when it begins; no test row is among it."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gammabeta.data import Dataset, Images, Schema, Table
from gammabeta.plan import Plan
from gammabeta.recipe.gate import STEPS, Gate, Served
from gammabeta.train.counted import counted

WEIGHTS = {"data": 2, "skeleton": 10, "overfit": 8, "regularize": 18, "tune": 45, "squeeze": 20}
"""How the time that is left is shared among the steps that are left."""

FIRST_TRAINING = 0.5
"""Of all the time, at most, that the first training may take: without it there is nothing."""


@dataclass(frozen=True)
class Standing:
    """Where a recipe is: the step, what it does in words, and how many seconds are left, NaN without a limit."""

    step: str
    words: str
    left: float


@dataclass(frozen=True)
class Clock:
    """How long a step may take; ``end`` by the performance counter, infinite without a limit."""

    end: float
    should_stop: Callable[[], bool]

    def left(self) -> float:
        """Seconds, 0 when the time is over."""
        return max(self.end - time.perf_counter(), 0.0)

    def limit(self) -> float | None:
        """The same as fit takes it: None without one."""
        return None if math.isinf(self.end) else self.left()

    def over(self) -> bool:
        """Whether the time is over, or somebody wants to stop."""
        return self.should_stop() or self.left() <= 0

    def part(self, share: float) -> "Clock":
        """A clock over a share of what is left."""
        return Clock(time.perf_counter() + share * self.left(), self.should_stop)


@dataclass(frozen=True)
class Budget:
    """The time of a whole recipe: its limit in seconds, what earlier processes spent of it, when this one began."""

    limit: float | None
    spent: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def left(self) -> float:
        """Seconds, infinite without a limit."""
        if self.limit is None:
            return math.inf
        return self.limit - self.spent - (time.perf_counter() - self.began)

    def clock(self, step: str, should_stop: Callable[[], bool]) -> Clock:
        """The share of a step: by the weights of those that are left, for the first training up to half."""
        later = STEPS[STEPS.index(step) :]
        share = WEIGHTS[step] / sum(WEIGHTS[name] for name in later)
        seconds = share * self.left()
        if step == "skeleton" and self.limit is not None:
            seconds = max(seconds, min(FIRST_TRAINING * self.limit, self.left()))
        return Clock(time.perf_counter() + seconds, should_stop)


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What is known so far.

    schema, train, valid: as for model.learn; parts: the same rows as they were read, by "train" and "valid", or {}
    first: the plan that the recipe began with; plan: what has become of it
    gates: of the steps before; default: the model of the first plan, from the skeleton on
    budget, clock: the time of all, and of this step; trials, workers: of the search, and runs at once
    folder: where things are kept, None for nowhere; tell: hears where the recipe is; should_stop: asked all the time
    """

    schema: Schema
    train: Dataset
    valid: Dataset
    parts: Mapping[str, Table | Images]
    first: Plan
    plan: Plan
    budget: Budget
    clock: Clock
    trials: int
    workers: int
    folder: Path | None
    tell: Callable[[Standing], None]
    should_stop: Callable[[], bool]
    gates: tuple[Gate, ...] = ()
    default: Served | None = None

    @cached_property
    def counted(self) -> dict[str, Dataset]:
        """Training and validation rows as they count in the runs of all plans: no step changes what a class weighs."""
        return {"train": counted(self.first, self.train), "valid": counted(self.first, self.valid, self.train)}

    @property
    def step(self) -> str:
        """The step under way."""
        return STEPS[len(self.gates)]

    def facts(self, step: str) -> Mapping[str, Any]:
        """What an earlier step found."""
        return next((gate.facts for gate in self.gates if gate.step == step), {})

    def say(self, words: str) -> None:
        """Tell where the recipe is."""
        left = self.budget.left()
        self.tell(Standing(self.step, words, math.nan if math.isinf(left) else max(left, 0.0)))

    def gate(self, passed: bool, reason: str, facts: Mapping[str, Any], **more: Any) -> Gate:
        """The gate of the step under way; the plan stays as it is unless another one is given."""
        return Gate(step=self.step, passed=passed, reason=reason, facts=facts, **{"plan": self.plan, **more})

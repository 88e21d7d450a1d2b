"""What a step of the recipe gives: a gate that is passed or not, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gammabeta.model import Model
from gammabeta.plan import Combined, Plan
from gammabeta.serial import from_json, to_json, without_nan

STEPS = ("data", "skeleton", "overfit", "regularize", "tune", "squeeze")
"""In their order."""


@dataclass(frozen=True, eq=False)
class Served:
    """A finished model, and how it came about.

    history: a line per epoch, as Epoch.to_json gives it; of the first member where there are several
    combined: the plans that it is a mean of; None where it is what the model's own plan gives
    """

    model: Model
    history: tuple[Mapping[str, Any], ...] = field(repr=False)
    combined: Combined | None = None

    @property
    def plan(self) -> Plan | Combined:
        """What fit makes the model of again."""
        return self.combined or self.model.plan

    @property
    def whole(self) -> bool:
        """Whether its run came to its own end."""
        return self.history[-1]["ended"] not in ("time limit", "stopped")


@dataclass(frozen=True, kw_only=True, eq=False)
class Gate:
    """What a step came to.

    passed: whether what it asks for is there; reason: in a sentence with numbers, either way
    facts: all that a page needs to tell of it, JSON values
    plan: that goes on to the next step; served: the best model so far, where the step made one
    seconds: that it took
    """

    step: str
    passed: bool
    reason: str
    facts: Mapping[str, Any] = field(repr=False)
    plan: Plan = field(repr=False)
    served: Served | None = field(default=None, repr=False)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The gate without its model; numbers that are not finite are null."""
        body: dict[str, Any] = without_nan(
            {
                "step": self.step,
                "passed": self.passed,
                "reason": self.reason,
                "seconds": round(self.seconds, 3),
                "facts": dict(self.facts),
                "plan": to_json(self.plan),
            }
        )
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Gate":
        """The gate again; raises KeyError, TypeError or PlanError for anything else."""
        plan: Plan = from_json(body["plan"], f"{body['step']}.plan", expected=Plan)
        return cls(
            step=str(body["step"]),
            passed=bool(body["passed"]),
            reason=str(body["reason"]),
            facts=dict(body["facts"]),
            plan=plan,
            seconds=float(body["seconds"]),
        )

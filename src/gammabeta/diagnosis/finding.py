"""What a diagnosis says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gammabeta.errors import Defect
from gammabeta.serial import without_nan

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

FAMILIES = {
    "GB1": "data",
    "GB2": "initialization and model",
    "GB3": "optimization",
    "GB4": "activations and gradients",
    "GB5": "batch norm",
    "GB6": "generalization",
    "GB7": "numerics",
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page of a code: all that is the same for every run.

    code: "GB301"; name: in a few words; what: what is wrong, in a sentence; why: why it hurts, with the formula;
    evidence: what is measured, and the threshold; do: what to do, in order; ignore: when to ignore it;
    sources: papers and pages
    """

    code: str
    name: str
    what: str
    why: str
    evidence: str
    do: str
    ignore: str
    sources: str = ""

    @property
    def family(self) -> str:
        return FAMILIES[self.code[:3]]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A pair of short runs from the same start and the same batches, changed in one thing.

    change: what was changed, in words; metric: the headline metric's name; steps: of each run; seeds: pairs
    before, after: the metric, and loss_before, loss_after: the validation loss, means over the seeds
    gain: share of the distance from the best constant answer to a perfect one that the change won
    spread: its standard error over the seeds; confirmed: whether it is more than chance
    by_loss: whether the loss alone is surely lower, by 5 % or more in every pair
    finished: what the whole run came to by the metric, where the pairs are shorter than it, else None
    """

    change: str
    metric: str
    steps: int
    seeds: int
    before: float
    after: float
    loss_before: float
    loss_after: float
    gain: float
    spread: float
    confirmed: bool
    by_loss: bool = False
    finished: float | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong with a run, or worth knowing.

    code, name: of its page; severity: "error" costs performance that a change wins back, "warning" some, "note" none
    place: where: a layer, column, epoch or field of the plan
    evidence: a sentence with the numbers, ``numbers`` the same by name
    costs: what it costs, in a sentence; advice: what to do, in a sentence
    fix: the change of the plan that was tried or is advised, by dotted names as for plan.change; empty where the data
        have to be mended
    proof: the fork that confirmed it; None where the signature is a proof by itself or no fork was run
    """

    code: str
    name: str
    severity: Severity
    place: str
    evidence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    costs: str = ""
    advice: str = ""
    fix: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof | None = None

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object; numbers that are not finite as null."""
        body = {**vars(self), "proof": vars(self.proof) if self.proof else None, "numbers": dict(self.numbers)}
        cleaned: dict[str, Any] = without_nan({**body, "fix": dict(self.fix)})
        return cleaned


def in_order(findings: list[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes; otherwise as they stand."""
    for finding in findings:
        if finding.severity not in SEVERITIES:
            raise Defect(f"finding {finding.code}: severity {finding.severity!r}.")
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))

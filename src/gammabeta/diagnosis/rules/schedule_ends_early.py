"""GB304: the learning rate decays to nothing too early."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.optim import Constant, OneCycle

PAGE = Page(
    code="GB304",
    name="schedule ends too early",
    what="The schedule takes the learning rate to almost nothing while most of the run is still to come.",
    why="What the schedule leaves, rate x factor summed over the steps, is how far the weights can go at all.",
    evidence="The schedule's factor over the run's steps: below 1 % for more than half of them, or less than a tenth "
    "of a constant rate in all; proved by runs with a one-cycle and with a constant schedule.",
    do="Set schedule to one_cycle or constant, or stretch its times to the length of the run.",
    ignore="When only a note.",
    sources="Smith 2018; Google tuning playbook.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    steps = max(case.steps, 2)
    at = np.unique(np.linspace(0, steps - 1, 64).astype(int))
    factors = np.array([float(case.plan.schedule.factor(int(step), steps)) for step in at])
    top = float(np.max(factors)) or 1.0
    gone, mean = float(np.mean(factors < 0.01 * top)), float(np.mean(factors)) / top
    if gone > 0.5 or mean < 0.1:
        yield Suspicion(
            code=PAGE.code,
            place="schedule",
            evidence=f"the learning rate is below 1 % of its peak for {gone:.0%} of the steps, and {mean:.1%} of it "
            f"on the "
            f"average",
            numbers={"share_below_1_percent": gone, "mean_factor": mean},
            certainty=0.85,
            treatments=(
                Treatment("a one-cycle schedule", lambda plan: plan.replace(schedule=OneCycle())),
                Treatment("a constant rate", lambda plan: plan.replace(schedule=Constant())),
            ),
            advice="let the schedule last as long as the run",
        )

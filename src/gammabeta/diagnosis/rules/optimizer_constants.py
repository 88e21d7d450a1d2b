"""GB303: momentum or the constants of an adaptive optimizer are far from what works."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import defaults
from gammabeta.optim import Constant, OneCycle
from gammabeta.plan import Plan

PAGE = Page(
    code="GB303",
    name="optimizer constants far from usual",
    what="Momentum so high that the steps run in circles, or decay rates and an epsilon of an adaptive optimizer that "
    "make its steps blind or wild.",
    why="Heavy ball with momentum b remembers 1 / (1 - b) steps and moves by rate / (1 - b): 0.999 is 1,000 steps, "
    "and a thousand times the rate. Adam with b2 < 0.9 divides by a noisy root, with an epsilon near the gradients "
    "it is SGD.",
    evidence="Momentum >= 0.98, b1 >= 0.98, b2 < 0.9, or an epsilon above 1e-4 or below 1e-12; proved by runs with the "
    "defaults, where the rate is constant also with the default schedule, which warms up and decays.",
    do="Go back to the defaults, or lower the rate by the same factor.",
    ignore="When only a note.",
    sources="Kingma & Ba 2015; Goh 2017 (why momentum really works).",
)

BOUNDS = {
    "momentum": (0.0, 0.98),
    "b1": (0.0, 0.98),
    "b2": (0.9, 0.99995),
    "b": (0.5, 0.9999),
    "epsilon": (1e-12, 1e-4),
}


def rule(case: Case) -> Iterator[Suspicion]:
    optimizer = case.plan.optimizer
    usual = defaults(optimizer)
    off: dict[str, float] = {}
    for name, (low, high) in BOUNDS.items():
        value, default = getattr(optimizer, name, None), usual.get(name)
        if not isinstance(value, float) or not isinstance(default, int | float):
            continue
        if value != default and not low <= value <= high:
            off[name] = value
    if not off:
        return

    def changed(plan: Plan) -> Plan:
        return plan.replace(optimizer=plan.optimizer.replace(**{name: usual[name] for name in off}))

    def scheduled(plan: Plan) -> Plan:
        return changed(plan).replace(schedule=OneCycle())

    names = ", ".join(off)
    steady = isinstance(case.plan.schedule, Constant)
    words = ", ".join(f"{name} is {value:g} (default {usual[name]:g})" for name, value in off.items())
    yield Suspicion(
        code=PAGE.code,
        place=", ".join(f"optimizer.{name}" for name in off),
        evidence=words,
        numbers=off,
        certainty=0.8,
        treatments=(
            Treatment(f"the default of {names}", changed),
            *([Treatment(f"the default of {names}, and of the schedule", scheduled)] if steady else []),
        ),
        advice="go back to the defaults",
    )

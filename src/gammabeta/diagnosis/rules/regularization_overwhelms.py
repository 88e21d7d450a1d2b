"""GB307: regularization is stronger than the data."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import no_dropout, setting
from gammabeta.nn import Dropout, GaussianNoise

PAGE = Page(
    code="GB307",
    name="regularization overwhelms",
    what="Weight decay, L2, dropout, noise or smoothing is so strong that the network cannot fit what it should.",
    why="Decay pulls every weight to zero by rate x decay a step, whatever the data say; dropout of 0.8 shows a "
    "fifth of the units at a time.",
    evidence="Weight decay >= 0.09, L2 >= 0.03, dropout >= 0.5, a noise layer's standard deviation >= 0.5, gradient "
    "noise >= 0.05, weight noise >= 0.1, label smoothing >= 0.4; or training and validation alike behind the "
    "references. Proved by runs without each.",
    do="Lower or leave out what the fork names.",
    ignore="When only a note.",
    sources="Krogh & Hertz 1991; Srivastava 2014.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    for place, value, strong, treatment in strengths(case):
        if value <= 0 or (value < strong and case.shortfall < 2 * case.chance):
            continue
        yield Suspicion(
            code=PAGE.code,
            place=place,
            evidence=f"{place} is {value:g}",
            numbers={place.rsplit(".", 1)[-1]: value},
            certainty=0.85 if value >= 1.4 * strong else 0.75 if value >= strong else 0.2,
            treatments=(treatment,),
            advice="lower it or leave it out",
        )


def strengths(case: Case) -> Iterator[tuple[str, float, float, Treatment]]:
    """(place, strength, from where on it is suspicious by itself, treatment) of everything that regularizes."""
    plan = case.plan
    decay = float(getattr(plan.optimizer, "weight_decay", 0.0) or 0.0)
    yield "optimizer.weight_decay", decay, 0.09, setting("no weight decay", optimizer__weight_decay=0.0)
    yield "l2", plan.l2 or 0.0, 0.03, setting("no L2", l2=None)
    yield "gradient_noise", plan.gradient_noise or 0.0, 0.05, setting("no gradient noise", gradient_noise=None)
    yield "weight_noise", plan.weight_noise or 0.0, 0.1, setting("no weight noise", weight_noise=None)
    smoothing = float(getattr(plan.loss, "label_smoothing", 0.0) or 0.0)
    yield "loss.label_smoothing", smoothing, 0.4, setting("no label smoothing", loss__label_smoothing=0.0)
    layers = list(every(case.network))
    dropped = max((layer.rate for layer in layers if isinstance(layer, Dropout)), default=0.0)
    noise = max((layer.stddev for layer in layers if isinstance(layer, GaussianNoise)), default=0.0)
    name = "noise" if noise > dropped else "dropout"
    both = dropped > 0 and noise > 0
    yield name, max(dropped, noise), 0.5, no_dropout("no dropout or noise" if both else f"no {name}")

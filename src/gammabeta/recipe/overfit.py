"""Step 3: learn by heart, first one batch, then all training rows."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, diagnose
from gammabeta.diagnosis.networks import with_layers
from gammabeta.errors import GammabetaError
from gammabeta.model import suited
from gammabeta.nn import BatchNorm, BinnedRegression, Dropout, GaussianNoise, Layer, Mlp
from gammabeta.optim import Step
from gammabeta.plan import Plan
from gammabeta.recipe.gate import Gate
from gammabeta.recipe.known import Known
from gammabeta.recipe.training import run_of
from gammabeta.train import fit

ROWS, STEPS = 64, 300
LEFT = 0.01
"""Of the loss before the first step: what may be left of it when a batch is known by heart."""

AT_LAST = Step(every=0.75)
"""The full rate, and a tenth of it at last: an absolute error comes no nearer to zero than a step moves it. 64 rows of
diabetes: 1.5 % of the first loss at the full rate, 0.9 % so."""

SECONDS_FOR_FORKS = 60.0


def overfit(known: Known) -> Gate:
    """With regularization off: at most 64 rows to 1 % of their first loss within 300 steps; then the training rows.

    The gate asks for the batch, and for a whole run that fits the training rows no worse than with regularization, or
    to 1 % of the best constant answer's loss. Where the network cannot, the diagnosis names the cause.
    """
    known.say("learning one batch by heart")
    plan = unregularized(known.plan, known)
    batch = distinct(known.train)
    first, curve, steps = by_heart(plan, batch)
    floor = math.nan if soft(plan) else LEFT * first
    learned = bool(curve) and (min(curve) <= floor if not soft(plan) else True)
    facts: dict[str, Any] = {
        "batch": {"rows": batch.rows, "first_loss": first, "wanted": floor, "curve": curve, "steps": steps},
        "train": None,
        "findings": [],
    }
    words = f"{batch.rows} rows went from a loss of {first:.3g} to {min(curve, default=math.nan):.3g} in {steps} steps"
    if not learned:
        return known.gate(
            False, f"One batch cannot be learned by heart: {words}, wanted {floor:.2g}. {cause(known, facts)}", facts
        )
    if known.clock.over():
        return known.gate(False, f"One batch is learned by heart: {words}; no time for all training rows.", facts)
    known.say("fitting the training rows without regularization")
    with_it = known.facts("skeleton")["network"]["train"]
    made = run_of(known, plan)
    best = min(line["train"]["loss"] for line in made.served.history)
    metric, value = max_metric(made.served.history)
    facts["train"] = {"loss": best, "metric": metric, "value": value, "regularized": with_it["loss"]}
    constant = known.facts("skeleton")["start"]["best_constant"]
    fits = soft(plan) or best <= 1.05 * with_it["loss"] or best <= LEFT * constant
    told = f"the training rows to {best:.3g} ({metric} {value:.4f}), {with_it['loss']:.3g} with regularization"
    if fits or not made.whole:
        cut = "" if made.whole else "; the time limit cut that run, so the gate stays closed"
        return known.gate(made.whole, f"One batch is learned by heart: {words}; {told}{cut}.", facts)
    return known.gate(
        False, f"One batch is learned by heart, the training rows are not: {told}. {cause(known, facts)}", facts
    )


def soft(plan: Plan) -> bool:
    """Whether the loss has no zero to go to."""
    return isinstance(plan.loss, BinnedRegression) and plan.loss.targets == "soft"


def unregularized(plan: Plan, known: Known) -> Plan:
    """The plan with everything off that keeps a network from learning by heart."""
    network = plan.network
    if isinstance(network, Mlp):
        plan = plan.replace(network=network.replace(dropout=0.0, input_noise=0.0))
    elif hasattr(network, "dropout"):
        plan = plan.replace(network=network.replace(dropout=0.0))
    plan = suited(plan, known.schema)

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, BatchNorm) and layer.ghost_size is not None:
            return (layer.replace(ghost_size=None),)
        return () if isinstance(layer, Dropout | GaussianNoise) else (layer,)

    plan = with_layers(plan, edit)
    off: dict[str, Any] = dict.fromkeys(("l2", "gradient_noise", "weight_noise", "augmentation", "early_stopping"))
    if hasattr(plan.optimizer, "weight_decay"):
        off["optimizer"] = plan.optimizer.replace(weight_decay=0.0)
    if hasattr(plan.loss, "label_smoothing"):
        off["loss"] = plan.loss.replace(label_smoothing=0.0)
    return plan.replace(**off)


def distinct(train: Dataset) -> Dataset:
    """At most 64 training rows no two of which have equal inputs: twins with two answers cannot be learned."""
    assert train.y is not None
    order = np.random.default_rng(0).permutation(train.rows)[: 8 * ROWS]
    seen: dict[bytes, int] = {}
    for row in order:
        seen.setdefault(np.ascontiguousarray(train.x[row]).tobytes(), int(row))
    rows = np.sort(np.array(list(seen.values())[:ROWS]))
    batch = train.take(rows)
    return replace(batch, weights=np.ones(batch.rows, np.float32))


def by_heart(plan: Plan, batch: Dataset) -> tuple[float, list[float], int]:
    """(loss before the first step, loss after each, steps made) of training on one batch and nothing else."""
    small = plan.replace(
        batch_size=batch.rows, epochs=STEPS, schedule=AT_LAST, class_weights=None, micro_batch_size=None
    )
    first = math.nan
    curve: list[float] = []
    try:
        for epoch in fit(small, batch, probe=None):
            # in training mode and before the step
            first = float(epoch.losses[0]) if not curve else first
            curve.append(float(epoch.train["loss"]))
            if curve[-1] <= LEFT * first:
                break
    except GammabetaError:
        pass
    return first, [loss for loss in curve if math.isfinite(loss)], len(curve)


def max_metric(history: Any) -> tuple[str, float]:
    """(name, value) of the headline metric on the training rows in the epoch of the least training loss."""
    line = min(history, key=lambda line: line["train"]["loss"])
    name = next(key for key in line["train"] if key != "loss")
    return name, float(line["train"][name])


def cause(known: Known, facts: dict[str, Any]) -> str:
    """What the diagnosis says of the first plan's run, a sentence; its findings go into the facts."""
    known.say("asking the diagnosis why")
    assert known.default is not None
    model = known.default.model
    more = (known.default.history, model.params, model.stats, None, known.schema)
    case = Case.of(model.plan, known.train, known.valid, *more)
    findings = diagnose(case, forks=known.clock.left() > SECONDS_FOR_FORKS)
    facts["findings"] = [finding.to_json() for finding in findings]
    worth = [finding for finding in findings if finding.severity != "note"]
    if not worth:
        return "The diagnosis names no cause; look at width, depth and learning rate."
    return f"The diagnosis says {worth[0].code} {worth[0].name}: {worth[0].evidence}."

"""GB204: output, loss and target do not fit."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.loss_contract import says_against
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import last_activation_left_out, usual_loss
from gammabeta.nn import PREDICTING, ClassLoss, LabelLoss, Sequential

PAGE = Page(
    code="GB204",
    name="output, loss and target do not fit",
    what="The last layer bounds what the loss expects unbounded (a second softmax or sigmoid, a regression whose "
    "outputs cannot reach the targets), or the loss does not ask for the right answer: its sign is turned, or it takes "
    "class numbers for amounts.",
    why="Cross-entropy applies softmax or sigmoid itself. Of probabilities put into it again, the loss cannot fall "
    "below ln(1 + (C - 1) / e): 0.313, 0.551, 1.461 for 2, 3, 10 classes, and the gradient is nearly gone there. A "
    "ReLU, sigmoid or tanh at the end of a regression cuts off every target outside its range. Whatever descends on a "
    "loss with the sign turned moves away from the answers; one that takes classes for amounts puts class 1 between "
    "0 and 2, where nothing lies.",
    evidence="Outputs on the probe rows: rows that sum to 1 with no value outside [0, 1] under a softmax loss; all in "
    "[0, 1] under a sigmoid loss; a range that leaves out more than 2 % of the regression's targets. Of the loss "
    "alone: outputs that move freely down it end with worse answers than before and than a constant one; or its value "
    "changes when the classes are numbered otherwise. Proved by runs without what stands behind the last dense layer, "
    "or with the loss that is usual for such targets.",
    do="End the network with a dense layer and nothing behind it; use the loss that is usual for the targets.",
    ignore="When the outputs are meant to be bounded and the targets are too: then no target is out of reach.",
    sources="cs231n notes; UMLAUT 2021.",
)

OUT_OF_REACH = 0.02


def rule(case: Case) -> Iterator[Suspicion]:
    yield from of_outputs(case)
    yield from of_loss(case)


def of_loss(case: Case) -> Iterator[Suspicion]:
    """The loss by itself, whatever the network."""
    found = says_against(case)
    if found is not None:
        yield Suspicion(
            code=PAGE.code,
            place="loss",
            evidence=found.words,
            numbers=found.numbers,
            certainty=1.0 if found.turned else 0.9,
            treatments=(usual_loss(),),
            severity="error" if found.turned else None,
            advice="use the loss that is usual for such targets",
        )


def of_outputs(case: Case) -> Iterator[Suspicion]:
    """The last layer's outputs against what the loss expects."""
    views = [case.at_start] + ([case.at_end] if case.at_end else [])
    outputs = np.concatenate([view.outputs for view in views])
    if not np.isfinite(outputs).all() or case.probe.y is None:
        return
    loss, y = case.plan.loss, np.asarray(case.probe.y)
    low, high = float(outputs.min()), float(outputs.max())
    words, numbers = "", {"least_output": low, "largest_output": high}
    spread = float(np.mean(np.std(outputs, axis=0)))
    reach = range_of(case)
    bounded = reach is not None and low != high and bool(np.isfinite(reach).any())
    if isinstance(loss, ClassLoss) and outputs.shape[1] > 1:
        sums = np.sum(outputs, axis=1)
        if low >= 0 and np.allclose(sums, 1, atol=1e-3) and high <= 1:
            k = outputs.shape[1]
            floor = float(np.log(1 + (k - 1) / np.e))
            words = f"every row of outputs sums to 1: softmax twice; the loss cannot fall below {floor:.3f}"
            numbers["floor"] = floor
        elif reach is not None and bounded:
            words = f"the last layer's outputs stay in [{reach[0]:.3g}, {reach[1]:.3g}] by its activation"
    elif isinstance(loss, LabelLoss):
        if low >= 0 and high <= 1 and bounded:
            words = "every output is in [0, 1]: sigmoid twice; no probability outside [0.5, 0.73] can be said"
    elif y.ndim == 2 and y.shape[1] == outputs.shape[1] and reach is not None:
        missed = float(np.mean((y < reach[0] - 1e-6) | (y > reach[1] + 1e-6)))
        if missed > OUT_OF_REACH:
            words = (
                f"the last activation reaches [{reach[0]:g}, {reach[1]:g}] only; {missed:.0%} of the targets are "
                "outside"
            )
            numbers["share_out_of_reach"] = missed
    if words:
        yield Suspicion(
            code=PAGE.code,
            place=case.at_start.layers[-1].place,
            evidence=words,
            numbers={**numbers, "spread_of_outputs": spread},
            certainty=1.0,
            treatments=(last_activation_left_out(),),
            advice="end the network with a dense layer and nothing behind it",
        )


def range_of(case: Case) -> tuple[float, float] | None:
    """What the last layers that learn nothing can give at all, an activation, known or one's own; None without any.

    Infinite on a side where they follow their inputs however far out these are
    """
    if case.start.params[-1] != () or case.start.stats[-1] != ():
        return None
    (low, high), (lower, higher) = (ends(case, far) for far in (1e4, 1e6))
    return low if lower >= 2 * low - 1 else -np.inf, high if higher <= 2 * high + 1 else np.inf


def ends(case: Case, far: float) -> tuple[float, float]:
    """The least and the largest output of these layers for inputs as far out as this on both sides."""
    layers, params, stats = case.network.layers, case.start.params, case.start.stats
    learning = [i for i in range(len(layers)) if params[i] != () or stats[i] != ()]
    first = max(learning, default=-1) + 1
    before, behind = Sequential(layers[:first]), Sequential(layers[first:])

    def passed(x: jax.Array) -> jax.Array:
        y: jax.Array = before.apply(params[:first], stats[:first], x, PREDICTING)[0]
        return y

    shape = jax.eval_shape(passed, jax.ShapeDtypeStruct((1, *case.train.input_shape), np.float32)).shape[1:]
    alike = [np.full(shape, value) for value in (-far, -10.0, 0.0, 10.0, far)]
    mixed = far * np.random.default_rng(0).choice([-1.0, 1.0], (16, *shape))
    x = jnp.asarray(np.concatenate([alike, mixed]), jnp.float32)
    y, _ = behind.apply(params[first:], stats[first:], x, PREDICTING)
    return float(np.nanmin(y)), float(np.nanmax(y))

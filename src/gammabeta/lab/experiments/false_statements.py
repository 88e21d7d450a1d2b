"""C22: six statements of lecture notes that are false, each refuted by a number.

1. The output of batch norm lies between 0 and 1. 2. The learning rate of RMSProp is no hyperparameter. 3. The square of
the gradient, dw^2, is a second derivative. 4. At test time the weights are multiplied by the share that was dropped.
5. A dropout share of 1 is usable. 6. The loss of several labels is the sum of -log p over those that are there: as
answering 1 everywhere minimizes it, a network learns just that.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gammabeta.errors import PlanError
from gammabeta.lab.drawing import BLACK, BLUE, GRAY, ORANGE
from gammabeta.lab.estimate import Estimate, exactly, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.lab.samples import images, labels
from gammabeta.lab.training import after, descent, scaled
from gammabeta.nn import (
    PREDICTING,
    Activation,
    BatchNorm,
    Call,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Loss,
    PositiveLogLoss,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from gammabeta.optim import RMSProp

STATEMENTS = (
    "The output of batch norm\nlies between 0 and 1",
    "The learning rate of RMSProp\nis no hyperparameter",
    "dw², the squared gradient,\nis a second derivative",
    "At test time weights times\nthe share that was dropped",
    "A dropout share of 1\nis usable",
    "Several labels: the sum of -log p\nover those that are there",
)
DROPS = (0.2, 0.5, 0.9, 0.99, 0.999)
CLAIMED = (None, None, 1.0, 1.0, None, None)
"""What would have been measured if the statement were true."""
FORMS: dict[str, Loss] = {"the notes' form": PositiveLogLoss(), "cross-entropy": SigmoidCrossEntropy()}
ANSWERED, THERE = (0.8, 0.75, 0.1, 0.1, 0.2), (1.0, 1.0, 0.0, 0.0, 0.0)
"""The notes' worked example of five labels."""


def measure(
    data: Path | None, sweep: Sweep, *, seeds: int, rates: Sequence[float], drops: Sequence[float], steps: int
) -> list[Row]:
    """Rows of one statement each: what was measured, of which setting, by seed."""
    sample = images(data, 2_000)
    classes = sample.schema.outputs
    labeled = [replace(part, y=labels(np.asarray(part.y))) for part in sample[:2]]

    def trained(network: Sequential, rate: float, seed: int, loss: Loss | None = None) -> Any:
        plan = descent(network, rate, seed, 50).replace(optimizer=RMSProp(rate), loss=loss or SoftmaxCrossEntropy())
        return after(steps, plan, *(labeled if loss else sample[:2]))

    def by_rate(case: tuple[float, int]) -> list[Row]:
        rate, seed = case
        network = normalized(classes)
        last = trained(network, rate, seed)
        accuracy = last.valid["accuracy"] if np.isfinite(last.valid["loss"]) else 0.0
        rows: list[Row] = [{"statement": 2, "setting": rate, "seed": seed, "value": accuracy}]
        if rate != rates[len(rates) // 2]:
            return rows
        x, y = scaled(sample.valid)[:300], np.asarray(sample.valid.y)[:300]
        # the batch norm's own output: the first three layers of the network
        first = Sequential(network.layers[:3])
        normal, _ = first.apply(last.state.params[:3], last.state.stats[:3], x, Call(by_batch=True))
        rows.append({"statement": 1, "seed": seed, "value": float(np.mean((normal < 0) | (normal > 1)))})
        square, second = (np.asarray(part) for part in derivatives(network, last.state.params, last.state.stats, x, y))
        alike = float(np.corrcoef(square, second)[0, 1])
        wide = float(np.median(np.abs(second)) / max(float(np.median(square)), 1e-30))
        rows.append(
            {"statement": 3, "seed": seed, "value": alike, "times": wide, "negative": float(np.mean(second < 0))}
        )
        return rows

    def by_drop(case: tuple[float, int]) -> list[Row]:
        drop, seed = case
        last = trained(dropped(classes, drop), 0.001, seed)
        rows: list[Row] = [{"statement": 5, "setting": drop, "seed": seed, "value": last.valid["accuracy"]}]
        if drop != drops[0]:
            return rows
        # what the layer after a dropout is given: in training, and at test time under either rule
        layer, x = Dropout(drop, form="notes"), jnp.asarray(np.abs(scaled(sample.valid)).reshape(-1, 1))
        given = float(jnp.mean(layer.apply((), (), x, Call(key=jax.random.key(seed)))[0]))
        for setting, share in (("kept", 1 - drop), ("dropped", drop)):
            rows.append({"statement": 4, "setting": setting, "seed": seed, "value": float(jnp.mean(x)) * share / given})
        return rows

    def by_loss(case: tuple[str, int]) -> list[Row]:
        form, seed = case
        there = np.asarray(labeled[1].y) > 0
        network = normalized(there.shape[1])
        last = trained(network, 0.001, seed, FORMS[form])
        outputs, _ = network.apply(last.state.params, last.state.stats, scaled(sample.valid), PREDICTING)
        said = np.asarray(outputs) > 0
        found = {"answered 1": np.mean(said), "wrong": np.mean(said != there)}
        of = {"statement": 6, "seed": seed, "there": float(np.mean(there))}
        return [{**of, "setting": f"{form}, {name}", "value": float(share)} for name, share in found.items()]

    rows = sweep(by_rate, list(product(rates, range(seeds)))) + sweep(by_drop, list(product(drops, range(seeds))))
    rows += sweep(by_loss, list(product(FORMS, range(seeds))))
    worked: list[Row] = [{"statement": 6, "setting": name, "worked": value} for name, value in by_hand().items()]
    return [*rows, *worked, {"statement": 5, "setting": 1.0, "refused": refusal()}]


def by_hand() -> dict[str, float]:
    """The notes' example: five labels, of which the first two are there."""
    answered = np.log(np.divide(ANSWERED, 1 - np.asarray(ANSWERED)))[None]
    forms: dict[str, tuple[Loss, int]] = {
        "in base 2": (PositiveLogLoss(base=2), 1),
        "in natural units": (PositiveLogLoss(), 1),
    }
    forms |= {"full cross-entropy": (SigmoidCrossEntropy(), len(THERE))}  # it takes the mean over the labels
    return {name: times * float(loss.rows(answered, np.array([THERE]))[0]) for name, (loss, times) in forms.items()}


def normalized(outputs: int) -> Sequential:
    return Sequential((Flatten(), Dense(32), BatchNorm(), Activation("relu"), Dense(outputs)))


def dropped(classes: int, drop: float) -> Sequential:
    return Sequential((Flatten(), Dense(128), Activation("relu"), Dropout(drop), Dense(classes)))


def refusal() -> str:
    """What gammabeta says of a dropout share of 1: inverted dropout would divide by zero."""
    try:
        Dropout(1.0)
    except PlanError as error:
        return str(error)
    return ""


@partial(jax.jit, static_argnames="network")
def derivatives(network: Layer, params: Any, stats: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(squared gradient, second derivative) of the loss by every weight of the last layer."""
    flat, tree = ravel_pytree(params[-1])

    def loss(flat: Any) -> Any:
        outputs, _ = network.apply((*params[:-1], tree(flat)), stats, x, PREDICTING)
        return jnp.mean(SoftmaxCrossEntropy().rows(outputs, y))

    return jax.grad(loss)(flat) ** 2, jnp.diagonal(jax.hessian(loss)(flat))


def values(rows: Sequence[Row], statement: int, setting: Any = None, key: str = "value") -> list[float]:
    return [r[key] for r in rows if r["statement"] == statement and key in r and setting in (None, r.get("setting"))]


def settings(rows: Sequence[Row], statement: int) -> list[Any]:
    return list(dict.fromkeys(r["setting"] for r in rows if r["statement"] == statement and "value" in r))


def judge(rows: Sequence[Row]) -> Verdict:
    by_rate = {rate: mean_of(values(rows, 2, rate)) for rate in settings(rows, 2)}
    best, worst = (pick(by_rate, key=lambda rate: by_rate[rate].value) for pick in (max, min))
    most = settings(rows, 5)[-1]
    times = float(np.median(values(rows, 3, key="times")))
    numbers: dict[str, Estimate] = {
        "batch norm's output outside 0 to 1": mean_of(values(rows, 1)),
        f"accuracy, RMSProp, rate {best:g}": by_rate[best],
        f"accuracy, RMSProp, rate {worst:g}": by_rate[worst],
        "correlation of squared gradient and second derivative": mean_of(values(rows, 3)),
        "times the dropped share / training": mean_of(values(rows, 4, "dropped")),
        "times the kept share / training": mean_of(values(rows, 4, "kept")),
        f"accuracy, dropout {settings(rows, 5)[0]:g}": mean_of(values(rows, 5, settings(rows, 5)[0])),
        f"accuracy, dropout {most:g}": mean_of(values(rows, 5, most)),
        **{f"share of labels, {name}": mean_of(values(rows, 6, name)) for name in settings(rows, 6)},
    }
    outside, high, low, alike, by_dropped, by_kept, usual, nothing, ones, wrong, fewer, right = numbers.values()
    worked = {row["setting"]: row["worked"] for row in rows if "worked" in row}
    numbers |= {f"worked example, {name}": exactly(value) for name, value in worked.items()}
    says = (
        f"1: {outside.value:.0%} of batch norm's outputs lie outside 0 to 1. 2: RMSProp reaches {high.value:.0%} at a "
        f"rate of {best:g} and {low.value:.0%} at {worst:g}. 3: squared gradient and second derivative correlate by "
        f"{alike.value:.2f} over the weights, and the second is typically {times:.0f} times larger. 4: "
        f"after dropping {settings(rows, 5)[0]:.0%}, the dropped share gives the next layer {by_dropped.value:.2f} "
        f"times what it had in training, the kept share {by_kept.value:.2f} times. 5: {most:g} dropped leaves "
        f"{nothing.value:.0%} of {usual.value:.0%}; a share of 1 {'is refused' if refused(rows) else 'is taken'}. 6: "
        f"from the sum of -log p over the labels that are there a network answers 1 to {ones.value:.1%} of all labels "
        f"and {wrong.value:.0%} are wrong; from the full cross-entropy to {fewer.value:.0%}, and {right.value:.1%} are "
        f"wrong ({next(row['there'] for row in rows if 'there' in row):.0%} are there). The worked example of five "
        f"labels: {', '.join(f'{value:.3f} {name}' for name, value in worked.items())}."
    )
    false = (
        outside.low > 0.1,
        high.low > low.high,
        alike.high < 0.9 and not 0.5 < times < 2,
        by_dropped.high < 0.9 and by_kept.low > 0.9,
        refused(rows) and nothing.high < usual.low,
        ones.low > 0.95 and wrong.low > right.high,
    )
    true = (
        outside.high < 0.1,
        high.high < 1.1 * low.low,
        alike.low > 0.9 and 0.5 < times < 2,
        by_dropped.low > 0.9,
        not refused(rows),
        wrong.high < right.low,
    )
    return Verdict(True if all(false) else False if any(true) else None, says, numbers)


def refused(rows: Sequence[Row]) -> bool:
    return any(row.get("refused") for row in rows)


def draw(rows: Sequence[Row], figure: Any) -> None:
    shares = settings(rows, 5)
    times = np.median(values(rows, 3, key="times"))
    bars: list[dict[str, list[float]]] = [
        {"": values(rows, 1)},
        {f"{rate:g}": values(rows, 2, rate) for rate in settings(rows, 2)},
        {"": values(rows, 3)},
        {f"times the {share} share": values(rows, 4, share) for share in ("dropped", "kept")},
        {f"{share:g} dropped": values(rows, 5, share) for share in shares},
        {name: values(rows, 6, name) for name in settings(rows, 6)},
    ]
    what = (
        "share of outputs outside 0 to 1 (it would be 0)",
        "accuracy by learning rate",
        f"correlation with it over the weights (and it is {times:.0f} times larger)",
        "input of the next layer at test time / in training",
        "accuracy by share (1 itself is refused)",
        "share of the labels that is answered 1, and that is wrong",
    )
    heights = [1.2 + len(found) for found in bars]
    grid = figure.subplots(len(STATEMENTS), 2, width_ratios=(0.42, 1), height_ratios=heights)
    for number, (text, axes) in enumerate(grid):
        found, claimed = bars[number], CLAIMED[number]
        text.axis("off")
        text.text(0, 0.5, f"{number + 1}", size=22, weight="bold", color=ORANGE, va="center")
        text.text(0.14, 0.5, STATEMENTS[number], size=10.5, color=BLACK, va="center")
        means = [float(np.mean(each)) for each in found.values()]
        for place, mean in enumerate(means):
            axes.barh(place, mean, 0.7, color=BLUE, alpha=0.85)
            axes.text(max(mean, 0) + 0.012, place, f"{mean:.2f}", size=8.5, va="center")
        axes.set_yticks(range(len(found)), list(found), size=8.5)
        axes.set(xlim=(min([0, *means]), 1.12), ylim=(len(found) - 0.4, -0.6))
        axes.set_title(what[number], size=9.5, color=GRAY)
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(axis="y", visible=False)
        if claimed is not None:
            axes.axvline(claimed, color=ORANGE, lw=2.5, ls="--")
            axes.annotate("if it were true", (claimed, -0.5), (4, 2), textcoords="offset points", size=8, color=ORANGE)


EXPERIMENT = Experiment(
    claim="C22",
    title="Six statements of lecture notes that are false",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rates": (1e-5, 0.003, 1.0), "drops": (0.2, 0.999), "steps": 40},
        "quick": {"seeds": 2, "rates": (1e-5, 1e-3, 0.1, 1.0), "drops": DROPS, "steps": 200},
        "full": {"seeds": 10, "rates": (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0), "drops": DROPS, "steps": 2_000},
    },
    figure_size=(10, 9),
    compiles_most=True,
)

"""GB301: the learning rate is too high."""

from collections.abc import Collection, Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import defaults, learning_rate_times, usual_learning_rate
from gammabeta.nn import Activation
from gammabeta.train.probes import dotted

PAGE = Page(
    code="GB301",
    name="learning rate too high",
    what="The steps are so long that they pass over the minimum: the loss diverges, jumps, or stays on a high plateau.",
    why="Descent is stable only while rate x sharpness < 2 (2 (1 + momentum) with heavy ball). Above it every step "
    "makes the loss larger along the sharpest direction, ReLU units die and saturating units stick.",
    evidence="Updates longer than 1 % of the weights they change (median over the matrices), a loss above the best "
    "constant answer's, or a non-finite loss; proved by runs with the rate / 3, / 10, / 30 and / 100 from the same "
    "start on the same batches, which must end better than chance explains.",
    do="Divide optimizer.learning_rate as the fork says; a warm-up or clipping helps where only the first steps are "
    "too long. `gammabeta range-test` shows the whole range.",
    ignore="When only a note: a loss that wiggles at the edge of stability trains well.",
    sources="Cohen 2021 (edge of stability); cs231n notes (update ratio about 1e-3).",
)

UPDATE_RATIO = 1e-2
NEARLY_DONE = 0.9999
"""Share of the run at which whatever waits for its turn learns."""


def rule(case: Case) -> Iterator[Suspicion]:
    rate = case.plan.optimizer.learning_rate
    ratio = longest_update(case)
    died = units_that_died(case)
    diverged = any(line.get("ended") == "non-finite loss" for line in case.history)
    # a loss that a constant answer can bring to 0 says nothing here
    above = case.on_train is not None and case.on_train.loss > 1.02 * case.constant_loss > 0
    certainty = 0.7 if diverged else 0.6 if above or died > 0.2 else 0.5 if ratio > UPDATE_RATIO else 0.15
    if certainty <= 0.15 and case.shortfall < 2 * case.chance:
        return
    seen = [f"the learning rate is {rate:g}"]
    if np.isfinite(ratio):
        seen.append(f"updates reach {ratio:.2g} of the weights that they change (median over the matrices)")
    if died > 0.2:
        seen.append(f"{died:.0%} of a layer's ReLU units died while training")
    if diverged:
        seen.append("the loss was no longer finite")
    elif above:
        seen.append("the loss is above that of the best constant answer")
    yield Suspicion(
        code=PAGE.code,
        place="optimizer.learning_rate",
        evidence="; ".join(seen),
        numbers={"learning_rate": rate, "update_ratio": ratio},
        certainty=certainty,
        treatments=(*(learning_rate_times(1 / factor) for factor in (3, 10, 30, 100)), *far_above_usual(rate, case)),
        advice="lower the learning rate",
    )


def far_above_usual(rate: float, case: Case) -> tuple[Treatment, ...]:
    """The default rate as a treatment, where there is one and a hundredth of this one is still above it."""
    usual = defaults(case.plan.optimizer).get("learning_rate", rate)
    return (usual_learning_rate(),) if rate / 100 > usual else ()


def longest_update(case: Case) -> float:
    """The longest update of the history by the weights it changes, median over matrices; NaN without history."""
    signals = [line["signals"] for line in case.history if line.get("signals")]
    still = frozen_parameters(case) if signals else set()
    ratios = [update_ratios(one, still) for one in signals]
    return max((float(np.median(one)) for one in ratios if one), default=float("nan"))


def units_that_died(case: Case) -> float:
    """The largest share of a layer's ReLU units that were alive at the start and are zero for all rows at the end."""
    if case.at_end is None:
        return 0.0
    pairs = zip(case.at_start.leaves, case.at_end.leaves, strict=True)
    return max(
        (
            float(np.mean((after.most <= 0) & (before.most > 0)))
            for before, after in pairs
            if isinstance(after.layer, Activation) and after.layer.function == "relu"
        ),
        default=0.0,
    )


def frozen_parameters(case: Case) -> set[str]:
    """What the signals call the parameters that the plan lets learn at no time: ``{"params.0.weight"}``."""
    paces = case.network.pace(case.params if case.trained else case.start.params, jnp.float32(NEARLY_DONE))
    leaves, _ = jax.tree_util.tree_flatten_with_path(paces)
    return {dotted("params", path) for path, pace in leaves if np.all(np.asarray(pace) == 0)}


def update_ratios(signals: Mapping[str, float], frozen: Collection[str] = ()) -> list[float]:
    """Length of a probed update by that of the weights, for every matrix that trains."""
    norms = {name: value for name, value in signals.items() if name.startswith("params.") and value is not None}
    paths = {name.rsplit(".", 1)[0] for name in norms if name.rsplit(".", 2)[-2] == "weight"}
    pairs = [
        (norms.get(f"{path}.update", np.nan), norms.get(f"{path}.weight", np.nan)) for path in sorted(paths - {*frozen})
    ]
    return [update / weight for update, weight in pairs if weight > 0 and np.isfinite(update)]

"""All measures of a run at once, and how to read them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.forks import Tell, unheard
from gammabeta.diagnosis.measures.batch_loss import BatchLoss
from gammabeta.diagnosis.measures.curvature import Curvature, curvature
from gammabeta.diagnosis.measures.gradient_noise import gradient_noise_scale
from gammabeta.diagnosis.measures.internal_covariate_shift import Shift, internal_covariate_shift
from gammabeta.diagnosis.measures.landscape import landscape
from gammabeta.diagnosis.measures.variance_shift import VarianceShift, variance_shift
from gammabeta.serial import without_nan
from gammabeta.types import Tree

SMALL, LEAST = 32, 8
"""Rows of the small batch of the gradient noise scale, and of the smallest one that is used in its place."""

REACH = 1.0
PARTS = 5
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Measures:
    """What costs more than a probe, on the probe rows, at one point of the weights.

    moment: "finished network", or "before the first step" where there is none; rows: how many
    shifts: internal covariate shift, of every layer with parameters, by one step of the plan's optimizer at its rate
    curvature: of the loss; step_limit: 2 / learning_rate, which it should stay below for plain descent
    noise_scale: rows, infinite where noise hides the gradient, None where too few; batch_size: the plan's
    steps, losses: a slice of the loss along a random direction, 25 points, 0 in the middle; 1 is as long as the weights
    variance_shifts: of every batch norm behind dropout; left_out: why a measure is not there, by its name
    """

    moment: str
    rows: int
    shifts: tuple[Shift, ...]
    curvature: Curvature
    step_limit: float
    adaptive: bool
    noise_scale: float | None
    batch_size: int
    steps: tuple[float, ...]
    losses: tuple[float, ...]
    variance_shifts: tuple[VarianceShift, ...]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Names and numbers; infinity and NaN as null."""
        body = asdict(self)
        for name in ("shifts", "variance_shifts"):
            body[name] = [one._asdict() for one in getattr(self, name)]
        body["curvature"] = self.curvature._asdict()
        found: dict[str, Any] = without_nan(body)
        return found

    def readings(self) -> Iterator[tuple[str, str, str]]:
        """(measure, value, how to read it), line by line."""
        yield from self.of_shifts()
        yield from self.of_curvature()
        if self.noise_scale is not None:
            found = f"{self.noise_scale:,.0f} rows" if np.isfinite(self.noise_scale) else "no limit"
            how = f"batches of more rows than this gain little, of far fewer are mostly noise; here {self.batch_size}"
            yield "gradient noise scale", found, how
        low, middle, high = min(self.losses), self.losses[len(self.losses) // 2], max(self.losses)
        how = "the loss from -1 to 1 lengths of the weights away: one bowl is easy, a plateau or a ridge is not"
        yield "loss landscape", f"{bars(self.losses)} {middle:.3g} in the middle, {low:.3g} to {high:.3g}", how
        for shift in self.variance_shifts:
            how = "the variance with dropout over that without: above 1.3 batch norm divides by what prediction lacks"
            yield f"variance shift, {shift.place}", f"{shift.ratio:.2f}", how
        for name, why in self.left_out.items():
            yield name, "", f"left out: {why}"

    def of_shifts(self) -> Iterator[tuple[str, str, str]]:
        for shift in self.shifts[1:]:
            how = (
                "how far its gradient turns when only the layers below take a step: above 1, or cosine below 0, is much"
            )
            value = f"{shift.relative:.2g} of the gradient, cosine {shift.cosine:.2f}"
            yield f"internal covariate shift, {shift.place}", value, how

    def of_curvature(self) -> Iterator[tuple[str, str, str]]:
        found = self.curvature
        limit = f"plain descent is stable below 2 / learning_rate = {self.step_limit:.3g}"
        scaled = "; an adaptive optimizer rescales it, so that it is a scale only" if self.adaptive else ""
        yield "sharpness", f"{found.largest:.3g}", f"largest eigenvalue of the Hessian: {limit}{scaled}"
        how = "share of the directions that curve down: near 0 in a valley, more at a saddle point"
        yield "negative curvature", f"{found.negative:.1%}, down to {found.smallest:.3g}", how


def measures(case: Case, tell: Tell = unheard) -> Measures:
    """Measure a run's finished network, or its start where it has none; seconds to minutes.

    tell: hears how many of the parts are done
    """
    left_out: dict[str, str] = {}
    trained = case.trained
    params, stats = (case.params, case.stats) if trained else (case.start.params, case.start.stats)
    of = (case.plan, params, stats, case.probe)
    shifts = tuple(internal_covariate_shift(case.plan, params, after_a_step(case, params, stats), stats, case.probe))
    tell(1, PARTS)
    curved = curvature(*of)
    tell(2, PARTS)
    small = min(SMALL, case.probe.rows // 4)
    noise = gradient_noise_scale(*of, small=small) if small >= LEAST else None
    if noise is None:
        left_out["gradient noise scale"] = f"{case.probe.rows} rows are too few, expected {4 * LEAST} or more."
    tell(3, PARTS)
    losses = landscape(*of, reach=REACH)
    tell(4, PARTS)
    shifted = variance_shift(*of)
    if not shifted:
        left_out["variance shift"] = "no batch norm stands behind dropout or noise."
    if len(shifts) < 2:
        left_out["internal covariate shift"] = "it needs two layers with parameters."
    tell(5, PARTS)
    return Measures(
        moment="finished network" if trained else "before the first step",
        rows=case.probe.rows,
        shifts=shifts,
        curvature=curved,
        step_limit=2 / case.plan.optimizer.learning_rate,
        adaptive=type(case.plan.optimizer).__name__ not in ("Sgd", "Momentum", "Nesterov"),
        noise_scale=noise,
        batch_size=case.plan.batch_size,
        steps=tuple(np.linspace(-REACH, REACH, len(losses)).tolist()),
        losses=tuple(losses.tolist()),
        variance_shifts=tuple(shifted),
        left_out=left_out,
    )


def after_a_step(case: Case, params: Tree, stats: Tree) -> Tree:
    """The parameters after one step of the plan's optimizer at its rate, its memory empty, on the probe rows."""
    optimizer = case.plan.optimizer
    gradient = BatchLoss(case.plan, stats, case.probe).gradient(params)
    rule = optimizer.direction()
    direction, _ = rule.update(gradient, rule.init(params), params)
    return jax.tree.map(lambda leaf, towards: leaf - optimizer.learning_rate * towards, params, direction)


def bars(losses: tuple[float, ...]) -> str:
    """The numbers as a row of bars, 25 characters; a dot where one is not finite."""
    finite = [loss for loss in losses if np.isfinite(loss)]
    if not finite:
        return "." * len(losses)
    low, span = min(finite), max(max(finite) - min(finite), 1e-30)
    top = len(BARS) - 1
    return "".join(BARS[round(top * (loss - low) / span)] if np.isfinite(loss) else "." for loss in losses)

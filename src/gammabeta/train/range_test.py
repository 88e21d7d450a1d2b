"""The learning-rate range test (Smith 2017): which rate suits a plan, found in a hundred steps."""

from dataclasses import dataclass, field

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.errors import DataError, UsageError
from gammabeta.optim import Exponential
from gammabeta.plan import Plan
from gammabeta.serial import lift
from gammabeta.train.batches import chunks, epoch_batches
from gammabeta.train.counted import counted
from gammabeta.train.devices import spread
from gammabeta.train.fit import met, subset
from gammabeta.train.step import advance, calibrated, fresh_state, program_of, scale_of

DIVERGED = 4.0
"""A loss this many times the best so far ends a sweep, both as medians of five steps."""

SMOOTHED_OVER = 0.05
"""Width of the smoothing, as a share of the steps."""

FALLEN = 0.9
"""The suggestion is the lowest rate at which this share of the fall from start to minimum is done.

Measured on digits, breast_cancer and diabetes x AdamW, SGD and momentum, mlp 64-64, batches of 32: the mean log of
(validation loss at the suggestion / at the best rate of a grid of half decades), over one-cycle runs of 6 epochs and
constant ones of 12: 0.12 (worst 1.5 times the best). A tenth of the minimum's rate: 0.26 (5.1), a third: 0.14 (1.7),
the steepest fall: 0.43 (3.4), 80 %: 0.15 (1.8), 95 %: 0.16 (1.9). Where the minimum is flat its place is chance, up to
a factor of 36 between seeds; the place of 90 % differed by 6 at most.
"""

NOISE = 4
"""A fall of fewer standard errors than this is none."""

MINIMUM_STEPS = 5
"""A sweep that ended sooner says nothing."""


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What the sweeps came to.

    rates: (steps,), ascending; losses: (seeds, steps), of each batch before its step, NaN after a sweep diverged
    smoothed: (seeds, steps), the same without the noise of the batches
    suggestion: a learning rate, the geometric mean over the seeds; None where nothing falls
    band: the lowest and the highest rate that a seed suggests, None likewise; why: one sentence
    """

    rates: np.ndarray = field(repr=False)
    losses: np.ndarray = field(repr=False)
    smoothed: np.ndarray = field(repr=False)
    suggestion: float | None
    band: tuple[float, float] | None
    why: str


def range_test(
    plan: Plan, train: Dataset, *, low: float = 1e-6, high: float = 10.0, steps: int = 100, seeds: int = 3
) -> RangeTest:
    """Train anew while the rate grows from ``low`` to ``high``, and suggest one from where the loss falls and rises.

    low, high: rates, 0 < low < high; steps: of each sweep, >= 20; seeds: sweeps, >= 1, from plan.seed on

    The suggestion is the lowest rate at which 90 % of the fall from the start to the minimum is done, the geometric
    mean over the seeds. It is meant as ``learning_rate``, the peak, of a schedule that comes down in the end.

    The rate of step i is low * (high / low) ** (i / (steps - 1)), whatever schedule the plan has. It trains states of
    its own and returns nothing of them: plan, data and a run under way stay as they are, and the same call gives the
    same numbers. A sweep ends where its loss is not finite or 4 times the best so far (medians of five steps).

    Raises UsageError on numbers out of range, and what fit raises where plan and data do not fit. Unlike
    torch-lr-finder and fastai it repeats the sweep over seeds, and says so where no rate is good instead of naming one.
    Source: Smith 2017, https://arxiv.org/abs/1506.01186
    """
    if not 0 < low < high < float("inf"):
        raise UsageError(f"range_test: low {low:g} and high {high:g}, expected 0 < low < high; give a wider range.")
    if steps < 20 or seeds < 1:
        raise UsageError(f"range_test: {steps} steps and {seeds} seeds, expected at least 20 and 1.")
    if train.y is None or train.rows == 0:
        raise DataError("range_test: the training rows have no target, expected one; name it with target=.")
    rates = low * (high / low) ** (np.arange(steps) / (steps - 1))
    plan = met(plan, train)
    sweep = plan.replace(
        optimizer=plan.optimizer.replace(learning_rate=high), schedule=Exponential(start=low / high, final=1.0)
    )
    rows = counted(plan, train)
    losses = np.stack([swept(sweep.replace(seed=(plan.seed + i) % 2**32), rows, steps) for i in range(seeds)])
    smooth = np.stack([smoothed(one) for one in losses])
    losses = np.where(np.isnan(smooth), np.nan, losses)
    return suggested(rates, losses, smooth)


def swept(plan: Plan, data: Dataset, steps: int) -> np.ndarray:
    """The loss of each batch of one sweep, before its step: (steps,), NaN where it was not reached."""
    skeleton, numbers = lift(program_of(plan))
    state = calibrated(plan, fresh_state(plan, tuple(data.x.shape[1:])), subset(data, plan.seed))
    scale = scale_of(data)
    losses = np.full(steps, np.nan)
    done, epoch = 0, 0
    while done < steps:
        epoch += 1
        for whole, real in chunks(data, epoch_batches(data.rows, plan.batch_size, plan.seed, epoch)):
            chunk = spread(whole, plan.devices)
            span = (0, min(real, steps - done))
            state, part = advance(skeleton, numbers, state, chunk, scale, span, steps - 1, np.uint32(plan.seed))
            losses[done : done + span[1]] = np.asarray(part)[: span[1]]
            done += span[1]
            if done == steps or not np.isfinite(losses[:done]).all():
                return losses
    return losses


def smoothed(losses: np.ndarray) -> np.ndarray:
    """A sweep's losses without the noise of batches and without what comes after it diverged: (steps,), NaN there.

    Medians of five steps, which one wild batch or two do not move; they end where they pass 4 times their smallest so
    far. What is left is averaged to both sides by exp(-distance / width), the weights summing to 1 at the ends too, so
    that the curve neither lags nor leans.
    """
    end = reached(losses)
    medians = np.array([np.median(losses[max(0, i - 2) : min(end, i + 3)]) for i in range(end)])
    diverged = medians > DIVERGED * np.minimum.accumulate(medians) if end else np.array([])
    if diverged.any():
        end = int(np.argmax(diverged))
    kept = kernel(len(losses))[:end, :end]
    return np.concatenate([kept @ medians[:end] / kept.sum(1), np.full(len(losses) - end, np.nan)])


def kernel(steps: int) -> np.ndarray:
    """exp(-distance / width) between every two steps: (steps, steps)."""
    index = np.arange(steps)
    return np.exp(-np.abs(np.subtract.outer(index, index)) / max(1.0, SMOOTHED_OVER * steps))


def reached(losses: np.ndarray) -> int:
    """How many steps came before the first non-finite loss."""
    finite = np.isfinite(losses)
    return len(losses) if finite.all() else int(np.argmin(finite))


def suggested(rates: np.ndarray, losses: np.ndarray, smooth: np.ndarray) -> RangeTest:
    """The suggestion from the curves of every seed, (seeds, steps), NaN where a sweep had ended."""
    found = [place for one, other in zip(losses, smooth, strict=True) if (place := place_of(one, other)) is not None]
    span = f"between {rates[0]:.1e} and {rates[-1]:.1e}"
    if 2 * len(found) <= len(losses):
        why = (
            f"the loss falls nowhere {span} by more than its batches differ, in {len(losses) - len(found)} of "
            f"{len(losses)} sweeps; give another range or more steps, or see whether this network can learn from "
            f"these data at all."
        )
        return RangeTest(rates, losses, smooth, None, None, why)
    chosen = rates[found]
    falling = sum(int(np.nanargmin(one)) == len(rates) - 1 for one in smooth)
    more = (
        f" It was still falling at {rates[-1]:.1e}: a higher range may show more." if 2 * falling > len(smooth) else ""
    )
    return RangeTest(
        rates,
        losses,
        smooth,
        suggestion=float(np.clip(np.exp(np.mean(np.log(chosen))), chosen.min(), chosen.max())),  # clip: the last bit
        band=(float(chosen.min()), float(chosen.max())),
        why=f"{FALLEN:.0%} of the fall of the loss is behind it in {len(found)} of {len(losses)} sweeps {span}.{more}",
    )


def place_of(losses: np.ndarray, smooth: np.ndarray) -> int | None:
    """The first step at which 90 % of the fall is done; None where the fall is within the noise of the batches.

    The fall is from the median of the first tenth to the minimum. It counts when it is more than NOISE standard errors
    of the two means that it lies between: noise alone passes in 5 of 1,000 sweeps.
    """
    end = reached(smooth)
    if end < MINIMUM_STEPS:
        return None
    start = float(np.median(smooth[: max(1, len(smooth) // 10)][:end]))
    lowest = int(np.argmin(smooth[:end]))
    fall = start - smooth[lowest]
    weights = kernel(len(smooth))[:end, :end]
    shares = weights / weights.sum(1, keepdims=True)
    apart = np.abs(losses - smooth)[: max(lowest + 1, MINIMUM_STEPS)]
    noise = 1.4826 * np.median(apart)  # the standard deviation of a normal, and deaf to a spike
    error = noise * np.sqrt(np.sum(shares[0] ** 2) + np.sum(shares[lowest] ** 2))
    if not fall > max(NOISE * error, 1e-6 * abs(start)):
        return None
    return int(np.argmax(smooth[: lowest + 1] <= start - FALLEN * fall))

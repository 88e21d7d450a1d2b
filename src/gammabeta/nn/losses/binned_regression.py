"""Regression turned into classification: which bin the number falls into."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.errors import PlanError
from gammabeta.nn.losses.loss import Loss, wide
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array

Columns = tuple[tuple[float, ...], ...]
"""Some numbers for each target."""


@dataclass(frozen=True, kw_only=True)
class BinnedRegression(Loss):
    """Mean over targets of the cross-entropy -sum_k q_k log p_k, with p = softmax of the target's own outputs.

    outputs (rows, targets * bins): those of the first target come first; targets (rows, targets), standardized. Bin k
    holds boundaries[k] <= y < boundaries[k + 1], the last one its upper end too; what lies beyond both ends counts as
    the outer bin. It is ln(bins) where nothing is known.

    bins: >= 2, for each target
    edges: "equal_width" divides the range of the training targets into bins of one width, "quantile" into bins of
        equally many rows; where rows of one value would make bins without width, the widest ones are halved instead
    targets: what q is. "hard": 1 in the bin of y. "soft": the share of a Gaussian around y that falls into each bin
        (Imani & White 2018), so that near misses cost less than far ones
    softness: standard deviation of that Gaussian in bins, in (0, 100]; 0.75 as Farebrother 2024. It is measured on the
        scale on which every bin is 1 wide, which for bins of one width is the scale of y
    boundaries, centers: (targets, bins + 1) increasing and (targets, bins), the mean training target of each bin, its
        middle where it is empty; learned by :meth:`fitted` unless given

    :meth:`predict` gives the expected value sum_k p_k centers[k], :meth:`interval` a lower and an upper quantile, both
    in the units of the targets and never outside their training range. Squared error knows one number for each row;
    this knows a distribution, which may have two peaks. Source: Imani & White 2018, https://arxiv.org/abs/1806.04613;
    Farebrother et al. 2024, https://arxiv.org/abs/2403.03950
    """

    bins: Annotated[int, Within("[2, inf)")] = 20
    edges: Literal["equal_width", "quantile"] = "equal_width"
    targets: Literal["hard", "soft"] = "hard"
    softness: Annotated[float, Within("(0, 100]"), DYNAMIC] = 0.75
    boundaries: Annotated[Columns | None, DYNAMIC] = None
    centers: Annotated[Columns | None, DYNAMIC] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, count in (("boundaries", self.bins + 1), ("centers", self.bins)):
            columns = getattr(self, name)
            if columns is not None and (not columns or any(len(column) != count for column in columns)):
                raise PlanError(
                    f"binned_regression.{name}: expected {count} numbers for each target of {self.bins} bins."
                )
        if self.boundaries is not None and not all(bool((np.diff(column) > 0).all()) for column in self.boundaries):
            raise PlanError("binned_regression.boundaries: expected numbers that increase, for each target.")
        if self.centers is not None and len(self.centers) != len(self.boundaries or ()):
            raise PlanError("binned_regression.centers: expected those of as many targets as there are boundaries.")

    def refuse(self, targets: Array) -> None:
        super().refuse(targets)
        if self.boundaries is not None and len(self.boundaries) != targets.shape[1]:
            found = f"boundaries for {len(self.boundaries)}, expected {targets.shape[1]} targets"
            raise PlanError(f"plan.loss: binned_regression has {found}; set loss.boundaries and loss.centers to null.")

    def outputs(self, targets: int) -> int:
        return targets * self.bins

    def fitted(self, targets: Array, weights: Array | None = None) -> Self:
        """The loss with boundaries and centers learned from training targets, float64; what is there already stays.

        targets: (rows, targets); weights: (rows,), a row of weight 2 counts as two rows. Raises PlanError where a
        target takes a single value.
        """
        y = np.asarray(targets, np.float64)
        w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        y, w = y[w > 0], w[w > 0]
        columns = self.boundaries or tuple(tuple(boundaries(column, w, self.bins, self.edges)) for column in y.T)
        middles = self.centers or tuple(tuple(means(*each, w)) for each in zip(columns, y.T, strict=True))
        return self.replace(boundaries=columns, centers=middles)

    def rows(self, outputs: Array, targets: Array) -> Array:
        log_p = jax.nn.log_softmax(self.by_target(outputs), axis=2)
        ends = jnp.asarray(self.learned(self.boundaries))
        if self.targets == "hard":
            bin_of = jnp.sum(targets[:, :, None] >= ends[:, 1:-1], axis=2)
            chosen = jnp.take_along_axis(log_p, bin_of[:, :, None], axis=2)[:, :, 0]
            return -jnp.mean(chosen, axis=1)
        marks = jnp.arange(self.bins + 1)
        place = jax.vmap(jnp.interp, in_axes=(1, 0, None), out_axes=1)(targets, ends, marks.astype(ends.dtype))
        below = jax.scipy.stats.norm.cdf((marks - place[:, :, None]) / self.softness)
        share = jnp.diff(below, axis=2) / (below[:, :, -1:] - below[:, :, :1])
        return -jnp.mean(jnp.sum(share * log_p, axis=2), axis=1)

    def probabilities(self, outputs: Array) -> Array:
        """The chance of every bin, (rows, targets, bins)."""
        return jax.nn.softmax(self.by_target(outputs), axis=2)

    def predict(self, outputs: Array) -> Array:
        """The expected value of every target, (rows, targets)."""
        return jnp.sum(self.probabilities(outputs) * jnp.asarray(self.learned(self.centers)), axis=2)

    def quantile(self, outputs: Array, share: float) -> Array:
        """What each target stays below with the chance ``share`` in [0, 1], (rows, targets).

        The chance of a bin is taken as spread evenly over its width.
        """
        below = jnp.minimum(jnp.cumsum(self.probabilities(outputs), axis=2), 1)
        below = jnp.pad(below[:, :, :-1], ((0, 0), (0, 0), (1, 1)), constant_values=((0, 0), (0, 0), (0, 1)))
        ends = jnp.asarray(self.learned(self.boundaries))
        of_row = jax.vmap(jnp.interp, in_axes=(None, 0, 0))
        return jax.vmap(of_row, in_axes=(None, 0, None))(jnp.asarray(share, below.dtype), below, ends)

    def interval(self, outputs: Array, level: float = 0.9) -> tuple[Array, Array]:
        """(lower, upper), each (rows, targets): what lies between has the chance ``level``, as much lies on each side.

        Right as often as it says on rows like the training rows if the network is calibrated, which one that was
        trained too long is not. Raises PlanError unless level is in (0, 1).
        """
        self.check(level)
        return self.quantile(outputs, (1 - level) / 2), self.quantile(outputs, (1 + level) / 2)

    def check(self, level: float) -> None:
        """Raise PlanError unless an interval of this level can be given."""
        if level not in Within("(0, 1)"):
            raise PlanError(f"interval: the level {level} is outside its range (0, 1).")

    def by_target(self, outputs: Array) -> Array:
        """Outputs as (rows, targets, bins)."""
        return wide(outputs).reshape(outputs.shape[0], outputs.shape[1] // self.bins, self.bins)

    def learned(self, columns: Columns | None) -> Columns:
        """Boundaries or centers; PlanError where they were not learned yet."""
        if columns is None:
            raise PlanError("plan.loss: binned_regression has learned no bins yet; call loss.fitted(targets) before.")
        return columns


def boundaries(y: Array, weights: Array, bins: int, edges: str) -> list[float]:
    """bins + 1 increasing numbers from the lowest to the highest of y (rows,)."""
    low, high = float(y.min()), float(y.max())
    if low == high:
        raise PlanError(f"plan.loss: binned_regression found only {low:g} in a target, expected numbers that differ.")
    if edges == "equal_width":
        return [float(end) for end in np.linspace(low, high, bins + 1)]
    shares = np.linspace(0, 1, bins + 1)
    found = [float(end) for end in np.unique(np.quantile(y, shares, weights=weights, method="inverted_cdf"))]
    while len(found) < bins + 1:
        widest = int(np.argmax(np.diff(found)))
        found.insert(widest + 1, (found[widest] + found[widest + 1]) / 2)
    return found


def means(ends: tuple[float, ...], y: Array, weights: Array) -> list[float]:
    """The weighted mean of y (rows,) in each bin, the middle of the bin where it holds none."""
    bin_of = np.searchsorted(ends[1:-1], y, side="right")
    counted = np.bincount(bin_of, weights, minlength=len(ends) - 1)
    total = np.bincount(bin_of, weights * y, minlength=len(ends) - 1)
    middles = (np.asarray(ends[1:]) + np.asarray(ends[:-1])) / 2
    return [float(c) for c in np.where(counted > 0, total / np.where(counted > 0, counted, 1), middles)]

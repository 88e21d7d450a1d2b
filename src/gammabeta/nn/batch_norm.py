"""Batch normalization (Ioffe & Szegedy 2015)."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp

from gammabeta import moments
from gammabeta.errors import PlanError
from gammabeta.moments import RunningMoments
from gammabeta.nn.ghost_batches import ghost_moments
from gammabeta.nn.layer import Call, Fresh, Normalization, Seen
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True, kw_only=True)
class BatchNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta, for each feature (for images: each channel) by itself.

    x (rows, ..., features); gamma, beta, mean and var (features,)

    While training, mean and var are those of the batch over all axes but the last, var biased, computed in two
    passes in float32 or wider, rows counted by their weights. Otherwise they are the memory's, see ``estimator``.

    epsilon: >= 0; the root's guard against division by zero. Default 1e-5 (Keras: 1e-3)
    epsilon_placement: "inside" the root, sqrt(var + epsilon), or "outside" of it, sqrt(var) + epsilon
    scale, shift: whether gamma and beta exist; without both it is plain normalization
    initial_gamma, initial_beta: where they start
    update_rate: share of the newest batch in the running statistics, in (0, 1] (torch's momentum; 1 - Keras's)
    normalizes_by: while training, the "batch" or the "memory"; update: whether the memory is updated; train: whether
        gamma and beta train. Three switches: torch's eval() turns the first two, requires_grad the third, and
        Keras's trainable=False all three
    ghost_size: rows of the virtual batches in which a training batch is normalized (Hoffer 2017), at least, >= 2: n
        rows are n // ghost_size virtual batches whose sizes differ by at most one, fewer rows a single one; None: the
        whole batch. At most batch_size, and not beside micro_batch_size. Remembered are the moments of the whole batch
    estimator: what normalizes when the network predicts
        "exact": moments of all training rows with the weights frozen, layer by layer from the input
        "paper": mean of batch means and of batch variances x m / (m - 1) over a pass with the weights frozen
        "ema": exponentially weighted mean of what the training batches showed, without start-up bias
        "cumulative": plain mean of what the training batches showed (torch: momentum=None)

    Remembered variances are corrected by m / (m - 1), as in torch and not in Keras; normalizing ones are biased,
    as everywhere. The memory starts at weight 0: before anything was seen it is mean 0, variance 1, and after one
    batch it is that batch, where torch, Keras and Flax still carry their initial (0, 1).

    Raises PlanError when a batch shows a single value per feature: its variance says nothing.

    Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167
    """

    epsilon: Annotated[float, Within("[0, inf)"), DYNAMIC] = 1e-5
    epsilon_placement: Literal["inside", "outside"] = "inside"
    scale: bool = True
    shift: bool = True
    initial_gamma: Annotated[float, DYNAMIC] = 1.0
    initial_beta: Annotated[float, DYNAMIC] = 0.0
    update_rate: Annotated[float, Within("(0, 1]"), DYNAMIC] = 0.1
    normalizes_by: Literal["batch", "memory"] = "batch"
    update: bool = True
    train: bool = True
    ghost_size: Annotated[int, Within("[2, inf)")] | None = None
    estimator: Literal["exact", "paper", "ema", "cumulative"] = "exact"

    def init(self, key: Array, shape: Shape) -> Fresh:
        features = shape[-1]
        params = {}
        if self.scale:
            params["gamma"] = jnp.ones(features) * self.initial_gamma
        if self.shift:
            params["beta"] = jnp.zeros(features) + self.initial_beta
        return Fresh(params, moments.nothing_remembered(features, jnp), shape)

    def apply(self, params: Tree, stats: RunningMoments, x: Array, call: Call) -> tuple[Array, Seen]:
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        by_batch = call.by_batch and self.normalizes_by == "batch"
        seen = None
        if by_batch or call.observing or (call.by_batch and self.update):
            # a micro-batch is part of a batch, and may be a single row of it
            if call.by_batch:
                refuse_single_value(x.shape)
            seen = moments.observe(wide, call.weights)
        if by_batch and self.ghost_size is not None and not call.observing:
            y = self.normalized(params, wide, *ghost_moments(self.ghost_size, wide, call.weights))
        elif by_batch and seen is not None:
            y = self.normalized(params, wide, seen.mean, seen.var)
        else:
            y = self.normalized(params, wide, stats.mean, stats.var)
        return y.astype(x.dtype), Seen(moments=seen if self.update or call.observing else None)

    def normalized(self, params: Tree, x: Array, center: Array, var: Array) -> Array:
        """gamma (x - center) / spread(var) + beta"""
        return (x - center) * (params.get("gamma", 1.0) / self.spread(var)) + params.get("beta", 0.0)

    def pace(self, params: Tree, progress: Array) -> Tree:
        return dict.fromkeys(params, float(self.train))

    def spread(self, var: Array) -> Array:
        """The guarded standard deviation that divides, of the shape of ``var``."""
        if self.epsilon_placement == "inside":
            return jnp.sqrt(var + self.epsilon)
        return safe_sqrt(var) + self.epsilon

    def remember(self, stats: RunningMoments, seen: Any) -> RunningMoments:
        if seen.moments is None:
            return stats
        if self.estimator == "cumulative":
            return moments.remember(stats, seen.moments, keep=1.0, add=1.0)
        return moments.remember(stats, seen.moments, keep=1 - self.update_rate, add=self.update_rate)


def safe_sqrt(var: Array) -> Array:
    """sqrt whose gradient at 0 is 0 instead of infinite."""
    positive = var > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, var, 1.0)), 0.0)


def refuse_single_value(shape: Shape) -> None:
    values = 1
    for size in shape[:-1]:
        values *= size
    if values == 1:
        raise PlanError(
            "batch_norm: the batch shows a single value per feature, and one value has no variance; "
            "use a batch_size of 2 or more, or layer normalization, or no normalization."
        )

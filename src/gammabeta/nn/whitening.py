"""Whitening of inputs (LeCun 1998; Wiesler & Ney 2011): the older idea that batch norm simplifies."""

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.layer import Call, Fresh, Layer, Seen
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array, Shape, Tree


class WhiteningStats(NamedTuple):
    """What whitening learned of training rows: mean (features,) and matrix (features, features)."""

    mean: Array
    matrix: Array


@dataclass(frozen=True)
class Whitening(Layer):
    """y = (x - mean) matrix, so that y has mean 0 and the identity as its covariance; x (rows, features).

    The covariance U diag(l) U^T and the mean are those of the training rows, learned once before the first step.

    method: "pca": matrix = U diag(1 / sqrt(l + epsilon)), the principal components by falling variance;
        "zca": matrix = U diag(1 / sqrt(l + epsilon)) U^T, the whitening that changes the inputs least
    epsilon: > 0, in units of the inputs' mean variance; directions of less variance than that are not blown up

    Batch norm scales each feature by itself and leaves correlations; this removes them, at the cost of an
    eigendecomposition and a (features x features) product. Raises PlanError for images: put a flatten before it.

    Source: LeCun, Bottou, Orr & Müller 1998, Efficient BackProp; Wiesler & Ney 2011, A convergence analysis of
    log-linear training, NIPS 24
    """

    method: Literal["pca", "zca"] = "zca"
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-5

    def init(self, key: Array, shape: Shape) -> Fresh:
        if len(shape) != 1:
            raise PlanError(f"whitening: its input has shape {shape}, expected (features,); put a flatten before it.")
        return Fresh((), WhiteningStats(jnp.zeros(shape), jnp.eye(shape[0])), shape)

    def apply(self, params: Tree, stats: WhiteningStats, x: Array, call: Call) -> tuple[Array, Seen]:
        return ((x - stats.mean) @ stats.matrix).astype(x.dtype), Seen()

    def calibrated(
        self, params: Tree, stats: WhiteningStats, x: Array, weights: Array | None
    ) -> tuple[Tree, WhiteningStats]:
        """Learned from x (rows, features), rows counted by their weights (rows,)."""
        weights = jnp.ones(x.shape[0]) if weights is None else weights
        shares = (weights / jnp.sum(weights))[:, None]
        mean = jnp.sum(shares * x, axis=0)
        centered = x - mean
        covariance = jnp.matmul(centered.T, shares * centered, precision="highest")
        variances, directions = jnp.linalg.eigh(covariance)
        floor = self.epsilon * jnp.trace(covariance) / x.shape[1]
        scale = 1 / jnp.sqrt(jnp.maximum(variances, 0.0) + jnp.where(floor > 0, floor, 1.0))
        # eigenvalues come in rising order
        pca = (directions * scale)[:, ::-1]
        return params, WhiteningStats(mean, pca if self.method == "pca" else (directions * scale) @ directions.T)

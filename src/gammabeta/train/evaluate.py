"""Outputs and loss with nothing random and memory normalizing."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.nn import PREDICTING, Layer, Loss
from gammabeta.serial import lift, lower
from gammabeta.train.room import pass_rows
from gammabeta.train.step import Program, Scale, ingested, scale_of
from gammabeta.types import Array, Tree


class Evaluation(NamedTuple):
    """What a network answers and how wrong it is: predicted (rows, k), loss the weighted mean."""

    predicted: np.ndarray
    loss: float


def padded_rows(rows: int, most: int) -> list[np.ndarray]:
    """Row numbers 0 .. rows - 1 in pieces of one length, the next power of two up to ``most``; -1 on padding."""
    return pieces(rows, min(most, 1 << max(0, rows - 1).bit_length()))


def pieces(rows: int, length: int) -> list[np.ndarray]:
    """Row numbers 0 .. rows - 1 in pieces of ``length``; -1 on padding."""
    numbers = np.full(-(-rows // length) * length, -1, dtype=np.int64)
    numbers[:rows] = np.arange(rows)
    return np.split(numbers, len(numbers) // length) if rows else []


def shared_length(*data: Dataset | None) -> int:
    """The length of pieces that all of these are evaluated in, so that one compiled program serves them.

    That of the smallest, but no piece shorter than 256 rows or than a sixteenth of the largest.
    """
    rows = [each.rows for each in data if each is not None]
    return 1 << (max(min(rows), 256, max(rows) // 16) - 1).bit_length()


def evaluate(program: Program, params: Tree, stats: Tree, data: Dataset, length: int | None = None) -> Evaluation:
    """Predictions and loss on all rows of ``data``, in pieces of ``length`` rows, of fewer where rows are wide."""
    skeleton, numbers = lift((program.network, program.loss))
    predicted, losses = [], []
    most = pass_rows(program.network, data.input_shape)
    for piece in pieces(data.rows, min(most, length)) if length else padded_rows(data.rows, most):
        taken = np.maximum(piece, 0)
        assert data.y is not None
        part, loss = forward(skeleton, numbers, params, stats, data.x[taken], data.y[taken], scale_of(data))
        real = int(np.sum(piece >= 0))
        predicted.append(np.asarray(part)[:real])
        losses.append(np.asarray(loss)[:real])
    weights = data.weights.astype(np.float64)
    mean = float(np.sum(weights * np.concatenate(losses)) / max(np.sum(weights), 1e-300))
    return Evaluation(np.concatenate(predicted), mean)


def predict(network: Layer, loss: Loss | None, params: Tree, stats: Tree, data: Dataset) -> np.ndarray:
    """Probabilities or values (rows, k) for all rows of ``data``; without a loss the outputs that they come from."""
    skeleton, numbers = lift((network, loss))
    parts = []
    for piece in padded_rows(data.rows, pass_rows(network, data.input_shape)):
        part, _ = forward(skeleton, numbers, params, stats, data.x[np.maximum(piece, 0)], None, scale_of(data))
        parts.append(np.asarray(part)[: int(np.sum(piece >= 0))])
    return np.concatenate(parts)


@partial(jax.jit, static_argnames="skeleton")
def forward(
    skeleton: tuple[Layer, Loss | None],
    numbers: dict[str, float],
    params: Tree,
    stats: Tree,
    x: Array,
    y: Array | None,
    scale: Scale | None,
) -> tuple[Array, Array]:
    """(predictions, without a loss outputs, (rows, k); loss (rows,), zeros where there are no targets)."""
    network, loss = lower(skeleton, numbers)
    outputs, _ = network.apply(params, stats, ingested(x, scale), PREDICTING)
    each = jnp.zeros(x.shape[0]) if y is None or loss is None else loss.rows(outputs, y)
    return outputs if loss is None else loss.predict(outputs), each

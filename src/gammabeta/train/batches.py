"""Which rows make which batch: a pure function of seed and epoch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.types import Array

SHUFFLING = 1
CHUNK_ROWS = 8_192


class Chunk(NamedTuple):
    """Batches stacked for one compiled call.

    x: (batches, rows, ...), y: (batches, rows, ...), weights: (batches, rows), 0 on padding
    """

    x: Array
    y: Array
    weights: Array


def epoch_batches(rows: int, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Row numbers of every batch of an epoch: (batches, width), -1 where a batch is padded.

    Every row comes exactly once; the batches differ in size by at most one row, so that none is a leftover.
    """
    order = np.random.default_rng([seed, SHUFFLING, epoch]).permutation(rows)
    count = -(-rows // batch_size)
    width = -(-rows // count)
    short = count * width - rows
    batches = np.full((count, width), -1, dtype=np.int64)
    full = (count - short) * width
    batches[: count - short] = order[:full].reshape(-1, width)
    if short:
        batches[count - short :, : width - 1] = order[full:].reshape(short, width - 1)
    return batches


def batches_per_chunk(count: int, width: int) -> int:
    """How many batches one compiled call holds: about 8,192 rows, and never more than the epoch has."""
    return max(1, min(count, CHUNK_ROWS // width))


def chunks(data: Dataset, batches: np.ndarray) -> Iterator[tuple[Chunk, int]]:
    """The epoch's batches as chunks of one shape, and how many batches of each are real."""
    count, width = batches.shape
    size = batches_per_chunk(count, width)
    for first in range(0, count, size):
        index = batches[first : first + size]
        real = len(index)
        if real < size:
            index = np.concatenate([index, np.full((size - real, width), -1, dtype=index.dtype)])
        yield stacked(data, index), real


def stacked(data: Dataset, index: np.ndarray) -> Chunk:
    """The rows at ``index``, any shape; -1 takes row 0 at weight 0."""
    taken = np.maximum(index, 0)
    assert data.y is not None
    return Chunk(data.x[taken], data.y[taken], np.where(index < 0, np.float32(0), data.weights[taken]))

"""Which rows make which batch: a pure function of seed and epoch."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.train.room import rows_at_once
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

    Every row comes exactly once; the batches differ in size by at most one row, so that none is a leftover. The width
    is the batch size, whatever the number of rows, so that data of other lengths share a compiled program.
    """
    order = np.random.default_rng([seed, SHUFFLING, epoch]).permutation(rows)
    count = batch_count(rows, batch_size)
    batches = np.full((count, batch_width(rows, batch_size)), -1, dtype=np.int64)
    for batch, part in zip(batches, np.array_split(order, count), strict=True):
        batch[: len(part)] = part
    return batches


def batch_count(rows: int, batch_size: int) -> int:
    """How many batches an epoch has: a row that would be alone in its batch joins another, for it has no variance."""
    count = -(-rows // batch_size)
    return count - 1 if count > 1 and batch_size > 1 and rows // count < 2 else count


def batch_width(rows: int, batch_size: int) -> int:
    """The length that batches are padded to; a single batch of fewer rows is padded to a multiple of 8."""
    largest = -(-rows // batch_count(rows, batch_size))
    return max(largest, min(batch_size, -(-rows // 8) * 8))


def batches_per_chunk(count: int, width: int, values: int = 1) -> int:
    """How many batches one compiled call holds: about 8,192 rows, or the power of two that holds a shorter epoch.

    values: numbers in a row; of wide rows there are fewer.
    """
    return max(1, min(1 << (count - 1).bit_length(), min(CHUNK_ROWS, rows_at_once(values)) // width))


def chunks(data: Dataset, batches: np.ndarray) -> Iterator[tuple[Chunk, int]]:
    """The epoch's batches as chunks of one shape, and how many batches of each are real."""
    count, width = batches.shape
    size = batches_per_chunk(count, width, math.prod(data.input_shape))
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

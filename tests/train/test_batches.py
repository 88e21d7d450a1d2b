"""Which rows make which batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.train.problems import dataset

from gammabeta.train import batches
from gammabeta.train.batches import chunks, epoch_batches
from gammabeta.train.evaluate import padded_rows


@given(st.integers(1, 200), st.integers(1, 70), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_every_row_comes_once_and_batches_differ_by_at_most_one_row(rows, batch_size, seed, epoch):
    made = epoch_batches(rows, batch_size, seed, epoch)
    assert sorted(made[made >= 0]) == list(range(rows))
    sizes = np.sum(made >= 0, axis=1)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.max() <= made.shape[1] <= max(batch_size, sizes.max())
    assert sizes.min() > 1 or rows == 1 or batch_size == 1
    assert sizes.max() <= batch_size + (sizes.max() == 3)
    assert len(made) == max(1, min(-(-rows // batch_size), rows // 2 if batch_size > 1 else rows))


def test_the_width_is_the_batch_size_so_that_other_numbers_of_rows_share_a_program():
    shapes = {epoch_batches(rows, 16, 0, 1).shape[1] for rows in (17, 33, 100, 1_001)}
    assert shapes == {16}
    assert [epoch_batches(rows, 1_000, 0, 1).shape for rows in (3, 9, 90)] == [(1, 8), (1, 16), (1, 96)]


def test_a_row_that_would_be_alone_joins_another_batch():
    sizes = np.sum(epoch_batches(5, 2, 0, 1) >= 0, axis=1)
    assert sorted(sizes) == [2, 3]


def test_padding_stands_at_the_end_of_a_batch():
    made = epoch_batches(53, 8, 0, 1)
    assert made.shape == (7, 8)
    assert (made[:, :-1] >= 0).all()
    assert (made[:, -1] < 0).sum() == 3


def test_batches_are_a_function_of_seed_and_epoch():
    made = {(seed, epoch): epoch_batches(53, 8, seed, epoch).tolist() for seed in (0, 1) for epoch in (1, 2)}
    assert made[0, 1] == epoch_batches(53, 8, 0, 1).tolist()
    assert len({str(batch) for batch in made.values()}) == 4
    assert made[0, 1] != np.sort(made[0, 1], axis=None).tolist()


def test_every_row_meets_different_neighbors():
    first, second = (epoch_batches(53, 8, 0, epoch) for epoch in (1, 2))
    shared = {frozenset(batch) for batch in first.tolist()} & {frozenset(batch) for batch in second.tolist()}
    assert not shared


@pytest.mark.parametrize("rows_per_chunk", [1, 8, 24, 40, 8_192])
def test_chunks_hold_the_batches_in_order_at_one_shape(monkeypatch, rows_per_chunk):
    monkeypatch.setattr(batches, "CHUNK_ROWS", rows_per_chunk)
    data, index = dataset(weights=True), epoch_batches(53, 8, 0, 1)
    made = list(chunks(data, index))
    assert len({chunk.x.shape for chunk, _ in made}) == 1
    assert sum(real for _, real in made) == len(index)
    for name, source in (("x", data.x), ("y", data.y)):
        found = np.concatenate([getattr(chunk, name)[:real] for chunk, real in made])
        np.testing.assert_array_equal(found[index >= 0], source[index[index >= 0]])
    weights = np.concatenate([chunk.weights[:real] for chunk, real in made])
    np.testing.assert_array_equal(weights, np.where(index >= 0, data.weights[index], 0))
    assert all(not chunk.weights[real:].any() for chunk, real in made)


@given(st.integers(0, 300), st.sampled_from([1, 16, 64]))
def test_a_forward_pass_takes_every_row_once_in_pieces_of_one_length(rows, most):
    pieces = padded_rows(rows, most)
    assert len({len(piece) for piece in pieces}) <= 1
    found = np.concatenate([*pieces, np.zeros(0, np.int64)])
    assert found[found >= 0].tolist() == list(range(rows))

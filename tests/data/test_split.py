"""Splitting into training, validation and test rows."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammabeta.data import Images, split
from gammabeta.errors import DataError, UsageError

CLASSES = ["a"] * 50 + ["b"] * 35 + ["c"] * 15


def table(target: list[Any]) -> dict[str, Any]:
    return {"x": list(range(len(target))), "y": target}


def rows(part: Any) -> list[int]:
    return part.columns.column("x").to_pylist()


def test_sixty_twenty_twenty_of_every_class_by_default() -> None:
    counts = [Counter(p.columns.column("y").to_pylist()) for p in split(table(CLASSES), "y")]
    assert counts == [{"a": 30, "b": 21, "c": 9}, {"a": 10, "b": 7, "c": 3}, {"a": 10, "b": 7, "c": 3}]


def test_the_parts_are_disjoint_whole_in_order_and_decided_by_the_seed() -> None:
    for target in (CLASSES, [i + 0.5 for i in range(97)]):
        first, again, other = (split(table(target), "y", seed=seed) for seed in (3, 3, 4))
        assert sorted(r for part in first for r in rows(part)) == list(range(len(target)))
        assert all(rows(part) == sorted(rows(part)) for part in first)
        assert [rows(p) for p in first] == [rows(p) for p in again] != [rows(p) for p in other]


def test_a_share_of_nothing_gives_no_part() -> None:
    train, valid, test = split(table(CLASSES), "y", valid=None, test=0.25)
    assert valid is None
    assert (train.rows, test.rows) == (75, 25)
    train, valid, test = split(table(CLASSES), "y", valid=0, test=0)
    assert (train.rows, valid, test) == (100, None, None)


def test_a_class_with_a_single_row_stays_in_training_with_a_note() -> None:
    for seed in range(5):
        train, _, _ = split(table([*CLASSES, "once"]), "y", seed=seed)
        assert 100 in rows(train)
        assert train.notes == ('target "y": 1 class has a single row, kept for training.',)


def test_rows_without_a_target_are_left_out_with_a_note() -> None:
    train, valid, test = split(table([*CLASSES, None, "?"]), "y")
    assert train.rows + valid.rows + test.rows == 100
    assert train.notes == ("2 rows have no target and are left out.",)


def test_without_a_target_rows_are_split_at_random() -> None:
    assert [part.rows for part in split(table(CLASSES))] == [60, 20, 20]


def test_images_are_split_by_their_only_label_column() -> None:
    pixels = np.arange(60, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    images = Images(pixels, pa.table({"label": [i % 3 for i in range(60)]}), "pictures")
    train, valid, test = split(images)
    assert (train.rows, valid.rows, test.rows) == (36, 12, 12)
    assert (train.pixels[:, 0, 0, 0] % 3 == train.columns.column("label").to_numpy()).all()
    bare = Images(pixels, pa.table({}), "pictures")
    assert [part.rows for part in split(bare)] == [36, 12, 12]


def test_parts_remember_where_their_rows_stood() -> None:
    _, valid, _ = split(table(CLASSES), "y")
    assert valid.order.tolist() == rows(valid)


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(UsageError, match=r"valid 0.6 and test 0.5 leave no rows for training"):
        split(table(CLASSES), "y", valid=0.6, test=0.5)
    for wrong in (-0.1, 1, 5, "half", True):
        with pytest.raises(UsageError, match=r"test: found .*, expected a share"):
            split(table(CLASSES), "y", test=wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"2 rows with a target cannot be split, for .* would be empty"):
        split(table([1.5, 2.5]), "y")


@given(
    st.lists(st.integers(2, 40), min_size=2, max_size=6),
    st.floats(0.05, 0.45),
    st.floats(0.05, 0.45),
    st.integers(0, 5),
)
def test_every_class_gives_every_part_its_share_within_one_row(
    sizes: list[int], valid: float, test: float, seed: int
) -> None:
    target = [f"class {i}" for i, size in enumerate(sizes) for _ in range(size)]
    try:
        parts = split(table(target), "y", valid=valid, test=test, seed=seed)
    except DataError:
        return
    counts = [Counter(part.columns.column("y").to_pylist()) for part in parts]
    for i, size in enumerate(sizes):
        name = f"class {i}"
        assert counts[0][name] >= 1
        for part, share in zip(counts[1:], (valid, test), strict=True):
            assert abs(part[name] - share * size) <= 1 + 1e-6

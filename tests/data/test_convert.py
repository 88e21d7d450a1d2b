"""Tables and arrays of other libraries."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gammabeta.data import Images, Schema, Table, as_data
from gammabeta.errors import DataError

COLUMNS: dict[str, Any] = {
    "n": [1.5, None, 3.0, 1.5] * 5,
    "i": [3, 1, 4, 1] * 5,
    "t": ["a", None, "b", "a"] * 5,
    "b": [True, False, True, True] * 5,
    "y": ["p", "q", "q", "p"] * 5,
}


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table], ids=lambda make: make.__module__)
def test_the_same_columns_give_the_same_features_from_every_library(make: Any) -> None:
    want = Schema.fit(pa.table(COLUMNS), "y")
    data = make(COLUMNS)
    assert Schema.fit(data, "y") == want
    np.testing.assert_array_equal(want.encode(data).x, want.encode(pa.table(COLUMNS)).x)


def test_the_index_of_a_data_frame_is_no_column() -> None:
    frame = pd.DataFrame(COLUMNS)
    frame = frame[frame["i"] > 1]
    table = as_data(frame)
    assert table.names == tuple(COLUMNS)
    assert table.rows == len(frame)


def test_categorical_and_dated_columns_are_read() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["u", "v", "u"] * 4), "d": pd.date_range("2011-01-01", periods=12)})
    frame["y"] = [0.5 * i for i in range(12)]
    for data in (frame, pl.from_pandas(frame).with_columns(pl.col("c").cast(pl.Categorical))):
        schema = Schema.fit(data, "y")
        assert [type(column).__name__ for column in schema.columns] == ["Category", "Date"]
        assert np.isfinite(schema.encode(data).x).all()


def test_a_column_of_mixed_types_becomes_texts() -> None:
    table = as_data(pd.DataFrame({"m": [1, "a", None, 2.5]}))
    assert table.columns.column("m").to_pylist() == ["1", "a", None, "2.5"]


def test_columns_of_a_data_frame_may_be_numbered() -> None:
    assert as_data(pd.DataFrame(np.zeros((3, 2)))).names == ("0", "1")


def test_a_data_frame_with_two_columns_of_one_name_is_refused() -> None:
    with pytest.raises(DataError, match='two columns named "a"'):
        as_data(pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]))


def test_an_array_is_a_table_or_images_by_its_dimensions() -> None:
    table = as_data(np.arange(6.0).reshape(3, 2))
    assert isinstance(table, Table)
    assert table.columns.to_pydict() == {"x0": [0, 2, 4], "x1": [1, 3, 5]}
    gray, color = as_data(np.zeros((3, 5, 4), np.uint8)), as_data(np.zeros((3, 5, 4, 3), np.uint8))
    assert isinstance(gray, Images)
    assert (gray.pixels.shape, color.pixels.shape) == ((3, 5, 4, 1), (3, 5, 4, 3))


def test_a_table_and_images_pass_unchanged() -> None:
    table = as_data(COLUMNS)
    assert as_data(table) is table


def test_what_is_no_data_is_refused_naming_what_is() -> None:
    with pytest.raises(DataError, match="type int, expected a path, a pandas, polars or pyarrow table"):
        as_data(3)
    with pytest.raises(DataError, match=r"type float64, expected images of type uint8"):
        as_data(np.zeros((3, 5, 4)))
    with pytest.raises(DataError, match='columns differ in length \\("a" has 2, "b" has 3\\)'):
        as_data({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(DataError, match='column "a" is of type int, expected a list'):
        as_data({"a": 3})


def test_a_lazy_frame_is_told_to_be_collected() -> None:
    with pytest.raises(DataError, match=r"found a LazyFrame.*call \.collect\(\) on it first"):
        as_data(pl.DataFrame({"a": [1, 2]}).lazy())

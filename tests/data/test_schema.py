"""The schema as a whole: learned from training rows, written as JSON, used on other rows."""

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import gammabeta.data
from gammabeta.data import Category, Date, Images, Number, Schema, Table, as_data, describe
from gammabeta.errors import DataError, UsageError
from gammabeta.serial import dumps, from_json

ROWS = 60
TABLE: dict[str, Any] = {
    "size": [None if i % 7 == 0 else float(i * i % 23) for i in range(ROWS)],
    "color": [("red", "blue", "green")[i * i % 3] for i in range(ROWS)],
    "opened": [f"2011-0{1 + i % 9}-1{i % 10}" for i in range(ROWS)],
    "active": ["yes" if i % 4 else "no" for i in range(ROWS)],
    "remark": [f"a remark of many words, number {i}" for i in range(ROWS)],
    "nothing": [None] * ROWS,
    "price": [3.5 + 4 * (i * i % 31) for i in range(ROWS)],
}


def images(rows: int = 9) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (rows, 5, 4, 3), dtype=np.uint8)
    return Images(pixels, pa.table({"label": [i % 3 for i in range(rows)]}), "the pictures")


def test_kinds_widths_and_reasons_are_learned() -> None:
    schema = Schema.fit(TABLE, "price")
    assert [type(c).__name__ for c in schema.columns] == ["Number", "Category", "Date", "Boolean"]
    assert [aside.name for aside in schema.set_aside] == ["remark", "nothing"]
    assert schema.task == "regression"
    data = schema.encode(TABLE)
    assert data.x.shape == (ROWS, *schema.input_shape)
    assert data.feature_names == schema.feature_names
    assert len(schema.feature_names) == schema.input_shape[0]


def test_json_brings_back_an_equal_schema_that_encodes_the_same() -> None:
    for source, target in ((TABLE, "price"), (TABLE, "color"), (images(), None)):
        schema = Schema.fit(source, target)
        back = from_json(json.loads(dumps(schema)), expected=Schema)
        assert back == schema
        np.testing.assert_array_equal(back.encode(source).x, schema.encode(source).x)


def test_only_training_rows_are_learned_from() -> None:
    table = as_data(TABLE)
    rows = np.arange(0, ROWS, 2)
    schema = Schema.fit(table.take(rows), "price")
    assert schema == Schema.fit({name: np.array(TABLE[name], dtype=object)[rows] for name in TABLE}, "price")


def test_encoding_some_rows_is_some_rows_of_the_encoding() -> None:
    table = as_data(TABLE)
    rows = np.array([5, 0, 33, 7])
    schema = Schema.fit(table, "price")
    some, whole = schema.encode(table.take(rows)), schema.encode(table)
    np.testing.assert_array_equal(some.x, whole.x[rows])
    np.testing.assert_array_equal(whole.take(rows).y, some.y)


def test_kinds_can_be_asked_for_and_columns_dropped() -> None:
    schema = Schema.fit(TABLE, "price", kinds={"size": "category"}, drop=["color"])
    assert isinstance(schema.columns[0], Category)
    assert "color" in [aside.name for aside in schema.set_aside]
    with pytest.raises(UsageError, match=r'no column "colour"; did you mean "color"'):
        Schema.fit(TABLE, "price", drop=["colour"])
    with pytest.raises(UsageError, match='no column "sise"; did you mean "size"'):
        Schema.fit(TABLE, "price", kinds={"sise": "number"})
    with pytest.raises(UsageError, match='"price" is both the target and to be dropped'):
        Schema.fit(TABLE, "price", drop=["price"])


def test_a_wrong_target_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match='no column "prise"; did you mean "price"') as caught:
        Schema.fit(TABLE, "prise")
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="no target was named"):
        Schema.fit(TABLE)


def test_columns_that_are_missing_at_predict_are_named() -> None:
    schema = Schema.fit(TABLE, "price")
    rest = as_data(TABLE).drop(["size", "color"])
    with pytest.raises(DataError, match='lacks the columns "size", "color" that the model was fitted with'):
        schema.encode(rest)
    renamed = Table(as_data(TABLE).columns.rename_columns({"size": "sizes"}), "b.csv")
    with pytest.raises(DataError, match=r'b.csv lacks the column "size".*did you mean "sizes"'):
        schema.encode(renamed)


def test_columns_that_the_schema_does_not_know_are_ignored() -> None:
    schema = Schema.fit(TABLE, "price")
    more = TABLE | {"new": ["x"] * ROWS}
    np.testing.assert_array_equal(schema.encode(more).x, schema.encode(TABLE).x)


def test_a_target_is_asked_for_left_alone_or_taken_if_there() -> None:
    schema = Schema.fit(TABLE, "price")
    without = as_data(TABLE).drop(["price"])
    assert schema.encode(without, target=False).y is None
    assert schema.encode(without, target="if there").y is None
    assert schema.encode(TABLE, target="if there").y is not None
    with pytest.raises(DataError, match='lacks the target column "price"'):
        schema.encode(without)


def test_a_table_without_a_usable_column_is_refused_with_the_reasons() -> None:
    table = {"remark": TABLE["remark"], "nothing": TABLE["nothing"], "y": TABLE["price"]}
    with pytest.raises(DataError, match=r'no usable column.*"remark": none of its 60 texts repeats'):
        Schema.fit(table, "y")


def test_lists_where_single_values_were_are_refused() -> None:
    table = {"t": ["a", "b", "a"] * 3, "n": [1, 2, 4] * 3, "y": [0, 1, 1] * 3}
    schema = Schema.fit(table, "y")
    for name in ("t", "n", "y"):
        with pytest.raises(DataError, match=f'column "{name}" holds list<item: int64> values, expected'):
            schema.encode(table | {name: [[1]] * 9})
    with pytest.raises(DataError, match="expected a number or a text per row"):
        Schema.fit(table | {"n": [[1]] * 9}, "y", kinds={"n": "number"})


def test_a_target_without_any_value_is_refused() -> None:
    with pytest.raises(DataError, match="none of its rows has a target; fill in y"):
        Schema.fit({"x": [1, 2, 3], "y": [None, "?", ""]}, "y")


def test_a_row_is_named_as_it_stands_in_the_file_even_after_a_split() -> None:
    table = as_data({"a": ["1", "2", "3", "4", "5", "oops", "7"], "y": [1.5, 2, 3, 4, 5, 6, 7]})
    schema = Schema.fit(table.take(np.arange(5)), "y")
    with pytest.raises(DataError, match='column "a", row 6: found "oops"'):
        schema.encode(table.take(np.arange(4, 7)))


def test_weights_follow_their_rows() -> None:
    table = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", None, "b", "a"]}
    schema = Schema.fit(table, "y")
    assert schema.encode(table, sample_weight=np.array([5, 6, 7, 8])).weights.tolist() == [5, 7, 8]
    with pytest.raises(DataError, match=r"sample_weight: found shape \(2,\), expected \(4,\)"):
        schema.encode(table, sample_weight=np.ones(2))


def test_a_column_of_weights_is_no_input_and_counts_where_there_are_targets() -> None:
    table = {"x": [1.0, 2, 3, 4], "w": [0.5, 7, 0, 3], "y": ["a", None, "b", "a"]}
    schema = Schema.fit(table, "y", weight="w")
    assert schema.weight == "w"
    assert schema.feature_names == Schema.fit(table, "y", drop=["w"]).feature_names == ("x",)
    assert from_json(json.loads(dumps(schema))) == schema
    assert schema.encode(table).weights.tolist() == [0.5, 0, 3]
    assert schema.encode(table, target=False).weights.tolist() == [1, 1, 1, 1]
    assert schema.encode(table, sample_weight=np.arange(4)).weights.tolist() == [0, 2, 3]
    assert {column.name: column.kind for column in describe(table, schema).columns}["w"] == "weight"
    bare = {name: values for name, values in table.items() if name != "w"}
    assert schema.encode(bare, target=False).rows == 4
    assert schema.encode(bare, target="if there").weights.tolist() == [1, 1, 1]
    with pytest.raises(DataError, match='lacks the weight column "w" that the model was fitted with'):
        schema.encode(bare)


def test_images_have_a_column_of_weights_too() -> None:
    images = Images(np.zeros((3, 4, 5, 1), np.uint8), pa.table({"y": ["a", "b", "a"], "w": [1, 2, 0.5]}), "photos")
    schema = Schema.fit(images, "y", weight="w")
    assert schema.encode(images).weights.tolist() == [1, 2, 0.5]


def test_images_are_scaled_by_the_mean_and_spread_of_each_channel() -> None:
    pictures = images()
    schema = Schema.fit(pictures)
    data = schema.encode(pictures)
    seen = (data.x - data.offset) * data.factor
    assert data.x.dtype == np.uint8
    np.testing.assert_allclose(seen.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(axis=(0, 1, 2)), 1, atol=1e-5)
    assert (schema.input_shape, schema.outputs, data.y.dtype) == ((5, 4, 3), 3, np.int32)


def test_images_of_another_size_or_a_table_are_refused() -> None:
    schema = Schema.fit(images())
    with pytest.raises(DataError, match="found images of 4 x 5 pixels and 3 channels, expected 5 x 4"):
        schema.encode(np.zeros((2, 4, 5, 3), np.uint8), target=False)
    with pytest.raises(DataError, match="found images of 5 x 4 pixels and 1 channel, expected"):
        schema.encode(np.zeros((2, 5, 4), np.uint8), target=False)
    with pytest.raises(DataError, match="found a table, expected images"):
        schema.encode(TABLE, target=False)
    with pytest.raises(DataError, match="found images, expected a table"):
        Schema.fit(TABLE, "price").encode(images(), target=False)


def test_images_with_several_label_columns_need_a_target() -> None:
    two = Images(images().pixels, pa.table({"a": list(range(9)), "b": [0, 1, 2] * 3}), "the pictures")
    with pytest.raises(UsageError, match=r"no target was named; pass target .* a, b"):
        Schema.fit(two)
    assert Schema.fit(two, "b", "multiclass").outputs == 3


def test_a_model_fitted_on_texts_predicts_on_typed_columns() -> None:
    texts = {name: [None if v is None else str(v) for v in column] for name, column in TABLE.items()}
    schema = Schema.fit(texts, "price")
    assert [type(c) for c in schema.columns[:3]] == [Number, Category, Date]
    np.testing.assert_allclose(schema.encode(TABLE).x, schema.encode(texts).x, atol=1e-6)


def test_the_data_room_does_not_import_jax() -> None:
    allowed = {"gammabeta.errors", "gammabeta.serial", "gammabeta.types", "gammabeta.moments"}
    for path in Path(gammabeta.data.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("jax"), path
                assert not name.startswith("gammabeta") or name in allowed or name.startswith("gammabeta.data")

"""Targets: which task they pose, how they are encoded, and how answers come back."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gammabeta.data import Schema
from gammabeta.data.target import choose_task
from gammabeta.data.values import Values, plain
from gammabeta.errors import DataError, UsageError
from gammabeta.serial import dumps, from_json

ROWS = 40
INPUT = [float(i * i % 17) for i in range(ROWS)]


def values(entries: Any, name: str = "y") -> Values:
    return Values(name, plain(pa.array(entries, from_pandas=True)))


def fit(target: Any, task: str = "auto", **more: Any) -> Schema:
    return Schema.fit({"x": INPUT[: len(target)], "y": target}, "y", task, **more)


TASKS: dict[str, tuple[Any, str]] = {
    "two texts": (["yes", "no"] * 9, "binary"),
    "true and false": ([True, False, True] * 3, "binary"),
    "two numbers": ([-1, 1, 1] * 3, "binary"),
    "two numbers as floats": ([0.0, 1.0, 1.0] * 3, "binary"),
    "two numbers as texts": (["0", "1", "1"] * 3, "binary"),
    "three texts": (["a", "b", "c"] * 3, "multiclass"),
    "ten digits": (list(range(10)) * 4, "multiclass"),
    "texts and numbers": (["1", "2", "x"] * 3, "multiclass"),
    "halves": ([0.5, 1.0, 1.5] * 9, "regression"),
    "many whole numbers": ([i * 5 % 28 for i in range(280)], "regression"),
    "few rows of whole numbers": ([3, 1, 4, 15, 9, 26], "regression"),
}


@pytest.mark.parametrize("name", TASKS)
def test_the_task_is_seen_in_the_target(name: str) -> None:
    entries, task = TASKS[name]
    assert choose_task([values(entries)]) == task


def test_many_counted_labels_are_classes_for_images_and_numbers_for_tables() -> None:
    labels = values(list(range(100)) * 10)
    assert choose_task([labels], images=True) == "multiclass"
    assert choose_task([labels], images=False) == "regression"


def test_several_columns_are_multilabel_regression_or_refused() -> None:
    flags, truths, numbers = (
        values([0, 1, 1], "a"),
        values([True, False, False], "b"),
        values([0.5, 1, 2], "c"),
    )
    assert choose_task([flags, truths]) == "multilabel"
    assert choose_task([flags, numbers]) == "regression"
    with pytest.raises(DataError, match='"d" holds texts such as "x", expected 0 and 1'):
        choose_task([flags, values(["x", "x", "y"], "d")])


def test_a_task_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match='no task "regresion"; did you mean "regression"'):
        fit(INPUT, "regresion")
    with pytest.raises(UsageError, match="has 3 classes, expected two; ask for multiclass"):
        fit(["a", "b", "c"] * 4, "binary")
    with pytest.raises(DataError, match=r'column "y", row 2: found "b".*expected a number, for the task is regr'):
        fit(["1", "b", "3"], "regression")


CLASSES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "texts": (["z", "a", "m"] * 3, ("a", "m", "z")),
    "whole numbers": ([10, 9, 2] * 4, (2, 9, 10)),
    "whole numbers as floats": ([10.0, 9.0, 2.0] * 4, (2, 9, 10)),
    "whole numbers as texts": (["10", "9", "2"] * 4, (2, 9, 10)),
    "signs": (["-1", "+1", "+1"] * 4, (-1, 1)),
    "codes with a leading zero": (["01", "1", "02"] * 4, ("01", "02", "1")),
    "truth values": ([True, False] * 4, (False, True)),
    "truth values as texts": (["TRUE", "False"] * 4, (False, True)),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_keep_their_type_and_order_through_json(name: str) -> None:
    entries, classes = CLASSES[name]
    schema = fit(entries)
    found = from_json(json.loads(dumps(schema)), expected=Schema).targets[0].classes
    assert found == classes
    assert [type(label) for label in found] == [type(label) for label in classes]


@pytest.mark.parametrize("name", CLASSES)
def test_certain_predictions_of_the_truth_come_back_as_the_truth(name: str) -> None:
    entries, classes = CLASSES[name]
    schema = fit(entries)
    y = schema.encode({"x": INPUT[: len(entries)], "y": entries}).y
    sure = np.eye(len(classes))[y] if schema.task == "multiclass" else y
    assert schema.answers(sure).column("y").to_pylist() == [classes[int(c)] for c in y.ravel()]


def test_classes_fitted_on_texts_are_found_again_in_typed_data() -> None:
    schema = fit(["0", "1", "1", "0"] * 3)
    for same in ([0, 1], [0.0, 1.0], ["0", "1.0"]):
        assert schema.encode({"x": [1, 2], "y": same}).y.tolist() == [[0.0], [1.0]]
    truth = fit([True, False, True])
    for same in ([False, True], ["false", "TRUE"], [0, 1]):
        assert truth.encode({"x": [1, 2], "y": same}).y.tolist() == [[0.0], [1.0]]


def test_each_task_has_its_shape_of_y_and_outputs() -> None:
    table = {
        "x": INPUT,
        "a": [i % 2 for i in range(ROWS)],
        "b": [i % 3 == 0 for i in range(ROWS)],
        "c": INPUT,
    }
    for target, task, shape, dtype, outputs in (
        ("a", "auto", (ROWS, 1), np.float32, 1),
        ("a", "multiclass", (ROWS,), np.int32, 2),
        (["a", "b"], "auto", (ROWS, 2), np.float32, 2),
        (["a"], "multilabel", (ROWS, 1), np.float32, 1),
        (["a", "c"], "auto", (ROWS, 2), np.float32, 2),
        ("c", "regression", (ROWS, 1), np.float32, 1),
    ):
        schema = Schema.fit(table, target, task)
        y = schema.encode(table).y
        assert (y.shape, y.dtype, schema.outputs) == (shape, dtype, outputs)


def test_a_regression_target_is_standardized_and_comes_back_in_its_unit() -> None:
    target = [3.0 + 4.0 * i for i in range(ROWS)]
    schema = fit(target)
    y = schema.encode({"x": INPUT, "y": target}).y
    assert y.mean() == pytest.approx(0, abs=1e-6)
    assert y.std() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(schema.answers(y).column("y").to_numpy(), target, rtol=1e-6)


def test_probabilities_have_a_column_per_class_or_label() -> None:
    binary = fit(["no", "yes"] * 5).probabilities(np.array([[0.25], [0.5]]))
    assert binary.to_pydict() == {"probability_no": [0.75, 0.5], "probability_yes": [0.25, 0.5]}
    three = fit([4, 5, 6] * 5).probabilities(np.array([[0.5, 0.25, 0.25]]))
    assert three.column_names == ["probability_4", "probability_5", "probability_6"]
    table = {"x": INPUT, "a": [i % 2 for i in range(ROWS)], "b": [i % 3 == 0 for i in range(ROWS)]}
    labels = Schema.fit(table, ["a", "b"])
    assert labels.probabilities(np.array([[0.1, 0.9]])).column_names == ["probability_a", "probability_b"]
    assert labels.answers(np.array([[0.1, 0.9]])).to_pydict() == {"a": [0], "b": [True]}
    with pytest.raises(DataError, match="no probabilities"):
        fit(INPUT, "regression").probabilities(np.zeros((1, 1)))


def test_a_probability_of_one_half_is_the_second_class() -> None:
    answers = fit(["no", "yes"] * 5).answers(np.array([0.5, 0.49]))
    assert answers.to_pydict() == {"y": ["yes", "no"]}


def test_a_target_with_one_class_or_one_number_is_refused() -> None:
    with pytest.raises(
        DataError, match='target column "y" holds only "a" in its 6 training rows, expected at least two'
    ):
        fit(["a"] * 6)
    with pytest.raises(DataError, match="holds only 3 in its 6 training rows, expected numbers that differ"):
        fit([3.0] * 6, "regression")


def test_an_infinite_regression_target_is_refused_by_its_row() -> None:
    with pytest.raises(DataError, match=r'column "y", row 3: found "inf".*expected a finite target'):
        fit([0.5, 1.5, float("inf"), 2.5], "auto")


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    table = {"x": INPUT[:6], "y": ["a", None, "b", "?", "a", "b"]}
    schema = Schema.fit(table, "y")
    data = schema.encode(table)
    assert data.kept.tolist() == [0, 2, 4, 5]
    assert data.rows == 4
    assert schema.notes == data.notes[:1] == ("2 rows have no target and are left out.",)
    assert schema.encode(table, target=False).rows == 6


def test_classes_that_training_did_not_have_are_left_out_and_counted() -> None:
    schema = fit(["a", "b"] * 5)
    data = schema.encode({"x": [1.0, 2.0, 3.0], "y": ["a", "zebra", "b"]})
    assert data.y.ravel().tolist() == [0, 1]
    assert '1 row is of a class that training did not have, such as "zebra", and left out' in data.notes[0]
    with pytest.raises(DataError, match="no row is left"):
        schema.encode({"x": [1.0], "y": ["zebra"]})


def test_a_label_that_training_never_shows_is_still_a_label() -> None:
    table = {"x": INPUT, "a": [i % 2 for i in range(ROWS)], "b": [0] * ROWS}
    schema = Schema.fit(table, ["a", "b"])
    assert schema.outputs == 2
    assert schema.encode({"x": [1.0], "a": [1], "b": [1]}).y.tolist() == [[1.0, 1.0]]

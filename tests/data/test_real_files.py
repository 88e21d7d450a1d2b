"""Real files from the shared folder; each test is skipped where its file is not there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gammabeta.data import Images, Schema, describe, read, split

Shared = Callable[[str], Path]


def test_titanic_with_missing_values_and_texts_just_works(shared: Shared) -> None:
    table = read(shared("tabular/titanic/data.csv"))
    train, valid, test = split(table, "survived")
    schema = Schema.fit(train, "survived", drop=["boat", "body"])
    assert schema.task == "binary"
    assert {"name", "boat", "body"} == {aside.name for aside in schema.set_aside}
    for part in (train, valid, test):
        data = schema.encode(part)
        assert np.isfinite(data.x).all()
        assert data.x.shape == (part.rows, len(schema.feature_names))
    assert describe(train, schema).targets[0].classes == ("0", "1")


def test_adult_counts_its_question_marks_as_missing(shared: Shared) -> None:
    table = read(shared("tabular/adult/data.csv")).take(np.arange(6000))
    schema = Schema.fit(table, "income")
    assert schema.targets[0].classes == ("<=50K", ">50K")  # type: ignore[attr-defined]
    with_missing = {c.name for c in schema.columns if getattr(c, "missing", False)}
    assert with_missing == {"workclass", "occupation", "native-country"}


@pytest.mark.parametrize(
    ("name", "targets", "task", "outputs"),
    [
        ("letter", ["letter"], "multiclass", 26),
        ("satimage", ["class"], "multiclass", 6),
        ("abalone", ["rings"], "regression", 1),
        ("energy_efficiency", ["Y1", "Y2"], "regression", 2),
        ("mammography", ["class"], "binary", 1),
    ],
)
def test_the_task_of_a_real_table_is_seen(
    shared: Shared, name: str, targets: list[str], task: str, outputs: int
) -> None:
    schema = Schema.fit(read(shared(f"tabular/{name}/data.csv")), targets)
    assert (schema.task, schema.outputs) == (task, outputs)


def test_emotions_has_six_labels(shared: Shared) -> None:
    table = read(shared("tabular/emotions/data.csv"))
    schema = Schema.fit(table, table.names[-6:])
    data = schema.encode(table)
    assert (schema.task, data.y.shape, data.x.shape) == ("multilabel", (593, 6), (593, 72))


def test_mnist_is_read_with_the_labels_beside_it(shared: Shared) -> None:
    images = read(shared("images/mnist/t10k-images-idx3-ubyte.gz"))
    assert isinstance(images, Images)
    assert images.pixels.shape == (10000, 28, 28, 1)
    assert images.columns.column("label")[:5].to_pylist() == [7, 2, 1, 0, 4]
    assert Schema.fit(images).outputs == 10


def test_cells_are_counted_from_a_labels_file(shared: Shared) -> None:
    images = read(shared("images/vgg_cells"))
    assert images.names == ("count",)
    schema = Schema.fit(images)
    assert (schema.task, schema.input_shape) == ("regression", (256, 256, 1))


@pytest.mark.slow
def test_ten_thousand_jpegs_are_read_from_parquet(shared: Shared) -> None:
    images = read(shared("images/cifar10_jpeg/test.parquet"))
    assert isinstance(images, Images)
    assert images.pixels.shape == (10000, 32, 32, 3)
    assert Schema.fit(images).outputs == 10

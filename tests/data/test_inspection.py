"""What ``inspect`` shows."""

import numpy as np
import pyarrow as pa

from gammabeta.data import Images, Schema, describe

ROWS = 30
TABLE = {
    "n": [None, "?", *(str(i * i % 11) for i in range(2, ROWS))],
    "t": ["a", "b", "a"] * 10,
    "id": [f"k{i}" for i in range(ROWS)],
    "nested": [[i] for i in range(ROWS)],
    "y": ["p", "q", "q"] * 10,
}


def test_every_column_is_described_in_order() -> None:
    found = describe(TABLE, Schema.fit(TABLE, "y"))
    kinds = [(facts.name, facts.kind) for facts in found.columns]
    aside = "set_aside"
    assert kinds == [("n", "number"), ("t", "category"), ("id", aside), ("nested", aside), ("y", "target")]
    number, text, identifier, nested, _ = found.columns
    assert (number.missing, number.missing_share, number.low, number.high) == (2, 2 / ROWS, 0, 9)
    assert (text.distinct, text.examples, text.features) == (2, ("a", "b"), 2)
    assert "identifies the row" in identifier.reason
    assert "list" in nested.reason


def test_the_balance_of_classes_and_the_spread_of_numbers_are_shown() -> None:
    classes = describe(TABLE, Schema.fit(TABLE, "y")).targets[0]
    assert (classes.classes, classes.counts) == (("p", "q"), (10, 20))
    table = {"x": [1, 2, 3, 4], "y": [0.5, 1.5, None, 4.0]}
    numbers = describe(table, Schema.fit(table, "y")).targets[0]
    assert (numbers.missing, numbers.mean, numbers.low, numbers.high) == (1, 2.0, 0.5, 4.0)


def test_images_are_described_by_their_pixels() -> None:
    images = Images(np.arange(60, dtype=np.uint8).reshape(3, 5, 4, 1), pa.table({"label": [1, 0, 1]}), "pictures")
    found = describe(images, Schema.fit(images, task="binary"))
    assert (found.columns[0].kind, found.columns[0].examples) == ("image", ("5 x 4 x 1",))
    assert found.targets[0].counts == (1, 2)

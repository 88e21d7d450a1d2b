"""The data of the experiments: images given by the user, or scikit-learn's digits."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gammabeta.data import Dataset, Images, Schema, read, split
from gammabeta.errors import DataError

LOOPS = (0, 6, 8, 9)
"""The digits that are drawn with a loop."""


class Sample(NamedTuple):
    """Encoded training and validation rows, and the schema that encoded them."""

    train: Dataset
    valid: Dataset
    schema: Schema


def images(data: Path | None, rows: int | None = None, valid: float = 0.2) -> Sample:
    """Labeled images, split for ever in the same way: those at ``data``, or the 1,797 digits of 8 x 8 pixels.

    rows: of training, at most; all where None
    """
    sample = whole(data, valid)
    if rows is None or rows >= sample.train.rows:
        return sample
    chosen = np.sort(np.random.default_rng(0).choice(sample.train.rows, rows, replace=False))
    return sample._replace(train=sample.train.take(chosen))


@cache
def whole(data: Path | None, valid: float) -> Sample:
    found = digits() if data is None else read(images_in(data))
    if not isinstance(found, Images) or not found.names:
        raise DataError(
            f"{data}: found no labeled images, expected some, such as MNIST's IDX files; give another path."
        )
    train, rest, _ = split(found, found.names[0], valid=valid, test=None)
    schema = Schema.fit(train, found.names[0])
    return Sample(schema.encode(train), schema.encode(rest), schema)


def labels(digits: np.ndarray) -> np.ndarray:
    """Three labels that do not exclude each other, (rows, 3): even, above four, drawn with a loop."""
    return np.stack([digits % 2 == 0, digits > 4, np.isin(digits, LOOPS)], axis=1).astype(np.float32)


def images_in(data: Path) -> Path:
    """The file to read: the training images where a folder holds MNIST's four files."""
    files = sorted(data.glob("train-images*")) if data.is_dir() else []
    return files[0] if files else data


def digits() -> Images:
    """scikit-learn's digits as images."""
    import pyarrow as pa
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = np.round(found.images * (255 / 16)).astype(np.uint8)[..., None]
    return Images(pixels, pa.table({"label": found.target}), "digits")

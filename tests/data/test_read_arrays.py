"""Parquet, Arrow, .npz and IDX files."""

import gzip
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from PIL import Image

from gammabeta.data import Images, Schema, Table, read, split
from gammabeta.errors import FileError, UsageError

Write = Callable[[str, str | bytes], Path]
COLUMNS = pa.table({"a": [1, 2, None], "t": ["x", None, "z"]})


def encoded(value: int, kind: str = "PNG") -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.full((3, 5, 3), value, dtype=np.uint8)).save(held, kind)
    return held.getvalue()


def idx(array: Any) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def test_parquet_feather_and_both_arrow_formats_keep_their_types(tmp_path: Path) -> None:
    pa.parquet.write_table(COLUMNS, tmp_path / "a.parquet")
    pa.feather.write_feather(COLUMNS, tmp_path / "a.feather")
    for name, kind in (("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        with kind(tmp_path / name, COLUMNS.schema) as writer:
            writer.write_table(COLUMNS)
    for name in ("a.parquet", "a.feather", "file.arrow", "stream.arrow"):
        table = read(tmp_path / name)
        assert isinstance(table, Table)
        assert table.columns.equals(COLUMNS)


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.arrow"])
def test_a_cut_arrow_or_parquet_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        pa.parquet.write_table(COLUMNS, path)
    else:
        pa.feather.write_feather(COLUMNS, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FileError, match=r"a\.\w+: this is not a whole \w+ file .* write it again"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match="the file is empty"):
        read(path)


@pytest.mark.parametrize("as_struct", [True, False])
def test_a_column_of_encoded_images_makes_images(tmp_path: Path, as_struct: bool) -> None:
    pictures = [encoded(10), encoded(200), encoded(30)]
    column = [{"bytes": p, "path": "a.png"} for p in pictures] if as_struct else pictures
    pa.parquet.write_table(pa.table({"image": column, "label": [2, 0, 2]}), tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert isinstance(images, Images)
    assert images.pixels.shape == (3, 3, 5, 3)
    assert images.pixels[:, 0, 0, 0].tolist() == [10, 200, 30]
    assert images.columns.to_pydict() == {"label": [2, 0, 2]}


def test_a_broken_image_in_a_table_is_refused_by_its_row(tmp_path: Path) -> None:
    column = [encoded(10), encoded(20)[:-30]]
    pa.parquet.write_table(pa.table({"picture": column, "label": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(FileError, match=r'row 2, column "picture": found a broken image'):
        read(tmp_path / "a.parquet")


def test_an_npz_file_of_numbers_is_a_table_and_one_of_bytes_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=np.arange(6.0).reshape(3, 2), y=np.array([4, 5, 6]))
    np.savez(tmp_path / "i.npz", images=np.zeros((3, 5, 4), np.uint8), labels=np.array([1, 0, 1]))
    table, images = read(tmp_path / "t.npz"), read(tmp_path / "i.npz")
    assert table.columns.to_pydict() == {"x0": [0.0, 2.0, 4.0], "x1": [1.0, 3.0, 5.0], "y": [4, 5, 6]}
    assert images.pixels.shape == (3, 5, 4, 1)
    assert images.columns.to_pydict() == {"label": [1, 0, 1]}


BAD_NPZ: dict[str, tuple[dict[str, Any], str]] = {
    "splits": ({"x_train": np.zeros((2, 2)), "x_test": np.zeros((2, 2))}, "several splits.*save each split"),
    "names": ({"foo": np.zeros((2, 2))}, "found arrays foo, expected x"),
    "lengths": ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "found 3 inputs and 2 labels"),
    "floats": ({"x": np.zeros((3, 2, 2))}, r"shape \(3, 2, 2\) and type float64, expected"),
    "pickle": ({"x": np.array([{}, []], dtype=object)}, "pickled Python objects, which are never loaded"),
}


@pytest.mark.parametrize("name", BAD_NPZ)
def test_a_bad_npz_file_is_refused(tmp_path: Path, name: str) -> None:
    arrays, message = BAD_NPZ[name]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(FileError, match=message):
        read(tmp_path / "bad.npz")


def test_garbage_named_npz_is_refused(write: Write) -> None:
    with pytest.raises(FileError, match=r"not a whole \.npz file"):
        read(write("a.npz", b"PK\x03\x04garbage"))
    with pytest.raises(FileError, match=r"not a whole \.npz file"):
        read(write("b.npz", b""))


@pytest.mark.parametrize("packed", [True, False])
def test_idx_images_find_their_labels_beside_them(write: Write, packed: bool) -> None:
    pack, end = (gzip.compress, ".gz") if packed else (bytes, "")
    pixels, labels = np.arange(3 * 5 * 4).reshape(3, 5, 4), np.array([7, 0, 7])
    path = write(f"t10k-images-idx3-ubyte{end}", pack(idx(pixels)))
    assert read(path).names == ()
    write(f"t10k-labels-idx1-ubyte{end}", pack(idx(labels)))
    images = read(path)
    assert images.pixels[..., 0].tolist() == pixels.tolist()
    assert images.columns.to_pydict() == {"label": [7, 0, 7]}


BAD_IDX = {
    "cut": (idx(np.zeros((3, 5, 4)))[:-7], r"found 69 bytes, expected 76 .* cut short"),
    "long": (idx(np.zeros((3, 5, 4))) + b"x", r"found 77 bytes, expected 76 .* longer"),
    "cut header": (idx(np.zeros((3, 5, 4)))[:9], "cut short"),
    "garbage": (b"hello world", "first bytes 68 65 6c 6c, expected 00 00"),
    "empty": (b"", "the file is empty"),
    "labels": (idx(np.zeros(3)), "found labels .* pass the images file"),
}


@pytest.mark.parametrize("name", BAD_IDX)
def test_a_bad_idx_file_is_refused(write: Write, name: str) -> None:
    content, message = BAD_IDX[name]
    with pytest.raises(FileError, match=message):
        read(write("bad-images-idx3-ubyte", content))


def test_labels_that_do_not_belong_to_the_images_are_refused(write: Write) -> None:
    write("a-labels-idx1-ubyte", idx(np.zeros(4)))
    with pytest.raises(FileError, match=r"labels of shape \(4,\), expected 3"):
        read(write("a-images-idx3-ubyte", idx(np.zeros((3, 5, 4)))))


def test_a_cut_gz_file_of_images_is_refused(write: Write) -> None:
    packed = gzip.compress(idx(np.random.default_rng(0).integers(0, 255, (30, 5, 4))))
    with pytest.raises(FileError, match="cut short or damaged"):
        read(write("a-images-idx3-ubyte.gz", packed[:-30]))


def test_the_labels_of_an_npz_file_are_its_targets_where_none_is_named(tmp_path: Path) -> None:
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    np.savez(tmp_path / "one.npz", X=x, y=y)
    np.savez(tmp_path / "two.npz", X=x, y=np.stack([y, 1 - y], axis=1))
    np.savez(tmp_path / "none.npz", X=x)
    assert Schema.fit(tmp_path / "one.npz").target_names == ("y",)
    assert Schema.fit(tmp_path / "one.npz", "x0").target_names == ("x0",)
    assert Schema.fit(tmp_path / "two.npz").target_names == ("y0", "y1")
    train, valid, _ = split(tmp_path / "one.npz")
    assert Schema.fit(train.take([0, 1, 2, 3])).target_names == ("y",)
    assert valid.values("y").counts == [("0", 2), ("1", 2)]
    for source in (tmp_path / "none.npz", read(tmp_path / "one.npz").drop(["y"])):
        with pytest.raises(UsageError, match="no target was named"):
            Schema.fit(source)

"""IDX files, the format of MNIST: the images file is given, the labels file is found beside it."""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from gammabeta.data.images import Images
from gammabeta.errors import FileError
from gammabeta.types import Array

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Third byte of the file -> type of its numbers."""


def read_idx(path: Path) -> Images:
    """Images (rows, height, width[, channels]) of bytes, with a column "label" where the labels file is
    beside them.

    The labels file has "labels" for "images" and "idx1" for "idx3" in its name, plain or .gz.
    Raises FileError: cut, damaged, a labels file given as images, unequal numbers of images and labels.
    """
    pixels = read_numbers(path)
    if pixels.ndim == 1:
        raise FileError(f"{path}: found labels (one dimension), expected images; pass the images file beside it.")
    if pixels.ndim not in (3, 4) or pixels.dtype != np.uint8 or not pixels.size:
        raise FileError(f"{path}: found {pixels.dtype} of shape {pixels.shape}, expected bytes (rows, height, width).")
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    labels = labels_beside(path)
    if labels is None:
        return Images(pixels, pa.table({}), str(path), (f"{path}: no labels file was found beside it.",))
    codes = read_numbers(labels)
    if codes.ndim != 1 or len(codes) != len(pixels):
        raise FileError(
            f"{labels}: found labels of shape {codes.shape}, expected {len(pixels):,}, one per image of "
            f"{path.name}; put the files of one split side by side."
        )
    return Images(pixels, pa.table({"label": pa.array(codes.astype(codes.dtype.newbyteorder("=")))}), str(path))


def read_numbers(path: Path) -> Array:
    """The array an IDX file holds. Raises FileError with the bytes found and expected."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.name.lower().endswith(".gz") else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileError(f"{path}: the compressed data is cut short or damaged; fetch it again.") from None
    if not content:
        raise FileError(f"{path}: the file is empty, expected an IDX file; fetch it again.")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or not content[3]:
        raise FileError(
            f"{path}: found first bytes {content[:4].hex(' ')}, expected 00 00, a type and a number of "
            f"dimensions as in an IDX file; check that it is one."
        )
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = tuple(int(n) for n in np.frombuffer(content[4:start].ljust(4 * dimensions, b"\0"), ">u4"))
    kind = np.dtype(TYPES[content[2]])
    expected = start + math.prod(shape) * kind.itemsize
    if len(content) != expected:
        what = "cut short" if len(content) < expected else "longer than its header says"
        raise FileError(
            f"{path}: found {len(content):,} bytes, expected {expected:,} for shape {shape}; the file is "
            f"{what}, fetch it again."
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def labels_beside(path: Path) -> Path | None:
    """The labels file that belongs to an images file, if it is there."""
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels"))
    bare = name.removesuffix(".gz")
    if name == path.name:
        return None
    return next((path.with_name(n) for n in (name, bare, f"{bare}.gz") if path.with_name(n).exists()), None)

"""NumPy .npz archives: x and y under their usual names."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from gammabeta.data.images import Images
from gammabeta.data.table import Table
from gammabeta.errors import FileError
from gammabeta.types import Array

INPUTS = ("x", "X", "images", "data")
LABELS = ("y", "labels", "label", "target")


def read_npz(path: Path) -> Table | Images:
    """Inputs under x, X, images or data; labels, if any, under y, labels, label or target; never pickled
    objects.

    Two-dimensional inputs become a Table of x0, x1, ... and y; uint8 (rows, height, width[, channels]) become
    Images with a column "label". Raises FileError: damaged, other names, several splits in one file, unequal
    lengths.
    """
    if not zipfile.is_zipfile(path):
        raise FileError(f"{path}: this is not a whole .npz file (it is no zip archive); write it again.")
    try:
        # Opened here, so that it is closed again where NumPy refuses it.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in wanted(path, archive.files)}
    except FileError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        AttributeError,
        TypeError,
    ) as error:
        why = "it holds pickled Python objects, which are never loaded" if "allow_pickle" in str(error) else str(error)
        raise FileError(f"{path}: this is not a whole .npz file of plain arrays ({why}); write it again.") from None
    inputs, *labels = arrays.values()
    if labels and (labels[0].ndim == 0 or len(labels[0]) != len(inputs)):
        given = 0 if labels[0].ndim == 0 else len(labels[0])
        raise FileError(f"{path}: found {len(inputs):,} inputs and {given:,} labels, expected as many of both.")
    if not inputs.size:
        raise FileError(f"{path}: found inputs of shape {inputs.shape}, expected at least one row.")
    if inputs.ndim == 2 and inputs.dtype.kind in "biuf":
        columns = {f"x{i}": pa.array(inputs[:, i]) for i in range(inputs.shape[1])}
        named = label_columns(labels, "y")
        return Table(pa.table(columns | named), str(path), called_labels=tuple(named))
    if inputs.ndim in (3, 4) and inputs.dtype == np.uint8:
        pixels = inputs[..., None] if inputs.ndim == 3 else inputs
        return Images(pixels, pa.table(label_columns(labels, "label")), str(path))
    raise FileError(
        f"{path}: found inputs of shape {inputs.shape} and type {inputs.dtype}, expected numbers (rows, "
        f"columns) or uint8 images (rows, height, width[, channels])."
    )


def wanted(path: Path, names: list[str]) -> list[str]:
    """The names of the inputs and, if there, of the labels. Raises FileError for other names."""
    inputs = [name for name in INPUTS if name in names]
    if inputs:
        return inputs[:1] + [name for name in LABELS if name in names][:1]
    shown = ", ".join(names[:8]) or "none"
    if any("train" in name or "test" in name for name in names):
        raise FileError(
            f"{path}: found several splits in one file ({shown}), expected one as x and y; save each split "
            f"as a file of its own and pass them separately."
        )
    raise FileError(f"{path}: found arrays {shown}, expected x (or X, images, data) and y (or labels, target).")


def label_columns(labels: list[Array], name: str) -> dict[str, pa.Array]:
    """One column for labels (rows,) or (rows, 1), several for (rows, targets)."""
    if not labels:
        return {}
    matrix = labels[0].reshape(len(labels[0]), -1)
    if matrix.shape[1] == 1:
        return {name: pa.array(matrix[:, 0])}
    return {f"{name}{i}": pa.array(matrix[:, i]) for i in range(matrix.shape[1])}

"""Whatever Python holds data in, as a Table or as Images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gammabeta.data.images import Images
from gammabeta.data.readers import read
from gammabeta.data.readers.encoded_images import with_images_decoded
from gammabeta.data.table import Table, refuse_duplicate_names
from gammabeta.errors import DataError
from gammabeta.types import Array


def as_data(data: Any, source: str = "the given table") -> Table | Images:
    """A Table or Images from a path, a pandas, polars or pyarrow table, a dict of columns, or a NumPy array.

    A NumPy array of 1 or 2 dimensions becomes columns x0, x1, ...; one of 3 or 4 dimensions must be uint8 and
    becomes Images (rows, height, width[, channels]). pandas and polars are recognized, not imported. Raises
    DataError.
    """
    if isinstance(data, (Table, Images)):
        return data
    if isinstance(data, (str, Path)):
        return read(data)
    if isinstance(data, np.ndarray):
        return from_array(data, source)
    table = as_arrow(data, source)
    refuse_duplicate_names(table.column_names, source)
    return with_images_decoded(Table(table, source))


def as_arrow(data: Any, source: str) -> pa.Table:
    """A pyarrow.Table of anything that has columns."""
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, pa.Table):
        return data
    if is_pandas(data) and hasattr(data, "columns"):
        refuse_duplicate_names(data.columns, source)
        return table_of({str(name): data[name] for name in data.columns}, source)
    if isinstance(data, Mapping):
        return table_of({str(name): values for name, values in data.items()}, source)
    try:
        if hasattr(data, "to_frame") and not hasattr(data, "columns"):
            return as_arrow(data.to_frame(), source)
        if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__dataframe__"):
            return pa.table(data)
        if hasattr(data, "__array__") or isinstance(data, (list, tuple)):
            found = from_array(np.asarray(data), source)
            return found.columns
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{source} could not be read as columns: {error}") from None
    if type(data).__name__ == "LazyFrame":
        raise DataError(f"{source}: found a LazyFrame, expected rows that are there; call .collect() on it first.")
    raise DataError(
        f"{source}: found an object of type {type(data).__name__}, expected a path, a pandas, polars or pyarrow "
        f"table, a dict of columns or a NumPy array."
    )


def table_of(columns: Mapping[str, Any], source: str) -> pa.Table:
    """Columns of equal length, side by side. Raises DataError where they are not."""
    arrays = {name: as_column(name, values, source) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f'"{name}" has {rows:,}' for name, rows in list(lengths.items())[:4])
        raise DataError(f"{source}: the columns differ in length ({shown}), expected one value per row in each.")
    return pa.table(arrays)


def as_column(name: str, values: Any, source: str) -> Any:
    """One Arrow array; a column of mixed types, which Arrow has not, becomes texts."""
    try:
        if isinstance(values, (pa.Array, pa.ChunkedArray)):
            return values
        if isinstance(values, np.ndarray) and values.ndim != 1:
            raise DataError(f'{source}: column "{name}" has {values.ndim} dimensions, expected one value per row.')
        if hasattr(values, "to_arrow"):
            return values.to_arrow()
        made = pa.array(values if hasattr(values, "__len__") else list(values), from_pandas=True)
        return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, OverflowError):
        try:
            return pa.array([None if is_nothing(value) else str(value) for value in values], pa.large_string())
        except TypeError:
            raise DataError(
                f'{source}: column "{name}" is of type {type(values).__name__}, expected a list or array of values.'
            ) from None


def from_array(array: Array, source: str) -> Table | Images:
    """A NumPy array as columns or as images."""
    if array.ndim in (3, 4):
        return images_of(array, source)
    if array.ndim not in (1, 2):
        raise DataError(f"{source}: found an array of shape {array.shape}, expected (rows, columns) or images.")
    columns = array.reshape(len(array), -1)
    return Table(table_of({f"x{i}": columns[:, i] for i in range(columns.shape[1])}, source), source)


def images_of(array: Array, source: str) -> Images:
    """A NumPy array (rows, height, width[, channels]) of uint8 as Images without labels."""
    if array.dtype != np.uint8:
        raise DataError(
            f"{source}: found an array of shape {array.shape} and type {array.dtype}, expected images of "
            f"type uint8 (0 to 255); scale and convert them."
        )
    pixels = array[..., None] if array.ndim == 3 else array
    return Images(pixels, pa.table({}), source)


def is_pandas(data: Any) -> bool:
    """Whether an object comes from pandas, without importing it."""
    return type(data).__module__.split(".")[0] == "pandas"


def is_nothing(value: Any) -> bool:
    """Whether a Python value stands for no value: None, NaN, NaT, NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value

"""Parquet, Arrow and Feather files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from gammabeta.data.images import Images
from gammabeta.data.readers.encoded_images import with_images_decoded
from gammabeta.data.table import Table, refuse_duplicate_names
from gammabeta.errors import FileError


def read_parquet(path: Path) -> Table | Images:
    """A Parquet file; a column of encoded images makes it Images. Raises FileError where it is damaged."""
    try:
        # Read as one file: the folder's name must not add columns.
        columns = pa.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise broken(path, "Parquet", error) from None
    return checked(columns, path)


def read_arrow(path: Path) -> Table | Images:
    """An Arrow IPC file or stream, or a Feather file. Raises FileError where it is cut or damaged."""
    try:
        with pa.OSFile(str(path), "rb") as file:
            start = file.read(6)
        if start.startswith((b"ARROW1", b"FEA1")):
            columns = pa.feather.read_table(path, memory_map=False)
        else:
            with pa.OSFile(str(path), "rb") as file:
                columns = pa.ipc.open_stream(file).read_all()
    except (pa.ArrowException, OSError) as error:
        raise broken(path, "Arrow", error) from None
    return checked(columns, path)


def checked(columns: pa.Table, path: Path) -> Table | Images:
    """Refuse what no table may be, decode images, and leave out the index that pandas stores."""
    columns = columns.select(
        [i for i, name in enumerate(columns.column_names) if not name.startswith("__index_level_")]
    )
    refuse_duplicate_names(columns.column_names, str(path), FileError)
    if not columns.num_rows:
        raise FileError(f"{path}: found {columns.num_columns} columns and no rows, expected rows of data.")
    return with_images_decoded(Table(columns, str(path)))


def broken(path: Path, kind: str, error: Exception) -> FileError:
    """What to say about a file that Arrow refuses."""
    if not path.stat().st_size:
        return FileError(f"{path}: the file is empty, expected a whole {kind} file; fetch or write it again.")
    said = str(error).splitlines()[0].rstrip(".")
    return FileError(f"{path}: this is not a whole {kind} file ({said}); fetch or write it again.")

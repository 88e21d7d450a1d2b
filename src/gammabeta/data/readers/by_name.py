"""Which reader a path needs, decided by its name."""

import difflib
from collections.abc import Callable
from pathlib import Path

from gammabeta.data.images import Images
from gammabeta.data.readers.arrow import read_arrow, read_parquet
from gammabeta.data.readers.csv import read_csv
from gammabeta.data.readers.idx import read_idx
from gammabeta.data.readers.image_folder import read_image_folder
from gammabeta.data.readers.npz import read_npz
from gammabeta.data.table import Table
from gammabeta.errors import FileError

Reader = Callable[[Path], Table | Images]

READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".npz": read_npz,
    ".idx": read_idx,
    "-ubyte": read_idx,
    "idx3": read_idx,
}
"""How a file's name ends, before any .gz -> what reads it."""

READABLE = (
    "CSV, TSV or TXT (also .gz), Parquet, .arrow, .feather, .npz, IDX (*-ubyte or .idx, also .gz), "
    "or a folder of images"
)


def read(path: str | Path) -> Table | Images:
    """Read a file or a folder of images, as it is: no decision about column kinds is made here.

    Readable: CSV, TSV and TXT (every column as texts), Parquet, Arrow and Feather, NumPy .npz, IDX, and a
    folder of images with one folder per class or a labels.csv. Raises FileError, which says what is wrong
    where.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return read_image_folder(path)
        if not path.exists():
            raise FileError(f"{path}: there is no such file{nearest_file(path)}")
        return reader_of(path)(path)
    except FileError:
        raise
    except PermissionError:
        raise FileError(f"{path}: this may not be read; check its permissions.") from None
    except (OSError, EOFError, MemoryError) as error:
        raise FileError(f"{path}: reading failed ({error}); check that the file is whole.") from None


def reader_of(path: Path) -> Reader:
    """The reader for a file name. Raises FileError naming what is readable."""
    name = path.name.lower().removesuffix(".gz")
    for ending, reader in READERS.items():
        if name.endswith(ending):
            return reader
    kind = "".join(path.suffixes[-1:]) or "no extension"
    raise FileError(f"{path}: files of this kind ({kind}) cannot be read; expected {READABLE}.")


def nearest_file(path: Path) -> str:
    """A hint with the existing file whose name is nearest, or the nearest folder that exists."""
    folder = path.parent
    if not folder.is_dir():
        return f", and no folder {folder} either; check the path."
    names = [entry.name for entry in folder.iterdir()]
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f'; did you mean "{folder / close[0]}"?' if close else f" in {folder}; check the path."

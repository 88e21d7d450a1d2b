"""CSV, TSV and TXT files: every column as texts, so that no column depends on what else is in the file."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from gammabeta.data.table import Table, refuse_duplicate_names
from gammabeta.data.values import plural
from gammabeta.errors import FileError

DELIMITERS = ",;\t|"
HEADER_BYTES = 1 << 20
BLOCK = 16 << 20
"""Bytes parsed at a time; a row must fit into it."""


def read_csv(path: Path) -> Table:
    """A Table of texts from a file with a header line, plain or .gz, UTF-8 with or without a byte order mark.

    The delimiter is a tab for .tsv, else the one of comma, semicolon, tab and bar that the header line has
    most of.
    Raises FileError: empty, no rows, not UTF-8 (line), rows of unequal length (line), two columns of one
    name.
    """
    delimiter, names = read_header(path)
    refuse_duplicate_names(names, str(path), FileError)
    try:
        with opened(path) as file:
            columns = pa.csv.read_csv(
                file,
                read_options=pa.csv.ReadOptions(column_names=names, skip_rows_after_names=1, block_size=BLOCK),
                parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa.csv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
    except pa.ArrowInvalid as error:
        raise FileError(why_unreadable(path, delimiter, len(names), str(error))) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileError(f"{path}: the compressed data is cut short or damaged; fetch or write it again.") from None
    if not columns.num_rows:
        raise FileError(f"{path}: found a header line and no rows, expected rows of data under it.")
    refuse_open_quote(path, columns)
    return Table(columns, str(path), header_note(path, names))


def opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where its name ends in .gz."""
    if path.name.lower().endswith(".gz"):
        return gzip.open(path)  # type: ignore[return-value]
    return path.open("rb")


def read_header(path: Path) -> tuple[str, list[str]]:
    """(delimiter, column names) from the first line."""
    try:
        with opened(path) as file:
            start = file.read(HEADER_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileError(f"{path}: the compressed data is cut short or damaged; fetch or write it again.") from None
    if not start.strip():
        raise FileError(f"{path}: the file is empty, expected a header line with column names and rows under it.")
    try:
        text = start.split(b"\n" if b"\n" in start else b"\r")[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(not_utf8(path, 1)) from None
    if text.count('"') % 2:
        text = start.decode("utf-8-sig", errors="replace")
    delimiter = "\t" if ".tsv" in path.suffixes else sniffed(text.splitlines()[0] if text.strip() else "")
    names = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    if not any(names):
        raise FileError(f"{path}: line 1 is blank, expected a header line with column names; remove the blank line.")
    return delimiter, [name.strip() for name in names]


def sniffed(line: str) -> str:
    """The delimiter that occurs most in a header line, outside quotes; a comma where there is none."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=lambda mark: (bare.count(mark), -DELIMITERS.index(mark)))


def why_unreadable(path: Path, delimiter: str, expected: int, arrow_said: str) -> str:
    """Read the file again, slowly, to say which line is wrong and why."""
    line = first_line_not_utf8(path)
    if line:
        return not_utf8(path, line)
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        for line, row in numbered_rows(text, delimiter):
            if row and len(row) != expected:
                found = f"found {len(row)} {plural(len(row), 'value')}, expected {expected} as in the header line"
                return f"{path}, line {line}: {found}; correct it, or quote values that hold the delimiter."
    return f"{path}: this cannot be read as a table ({arrow_said}); check its quotes and line ends."


def numbered_rows(text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which the row starts, its values) for every row."""
    reader = csv.reader(text, delimiter=delimiter)
    start = 1
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
    except csv.Error:
        return


def refuse_open_quote(path: Path, columns: pa.Table) -> None:
    """Refuse a file whose last value runs over lines to the end of the file: its quote was never closed."""
    last = columns.column(columns.num_columns - 1)[columns.num_rows - 1].as_py()
    if "\n" not in last:
        return
    with opened(path) as file:
        lines = file.read().splitlines()
    if not lines[-1].rstrip().endswith(b'"'):
        start = len(lines) - len(last.splitlines()) + 1
        raise FileError(
            f"{path}, line {start}: found a quote that is never closed; close it, or double it to mean one."
        )


def first_line_not_utf8(path: Path) -> int:
    """The number of the first line that is not UTF-8, or 0."""
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def not_utf8(path: Path, line: int) -> str:
    found = "found bytes that are not UTF-8, expected UTF-8 text"
    return f'{path}, line {line}: {found}; save the file as UTF-8 (in a spreadsheet: "CSV UTF-8").'


def header_note(path: Path, names: list[str]) -> tuple[str, ...]:
    """A warning where the first line looks like data: every name is a number, and not 0, 1, 2 and so on."""
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return ()
    if numbers == list(range(len(names))):
        return ()
    said = "the first line holds numbers only and was taken as column names"
    return (f"{path}: {said}; add a header line if it is data.",)

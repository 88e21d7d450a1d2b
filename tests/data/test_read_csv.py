"""CSV files: what is read, and what is said about those that cannot be."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from gammabeta.data import read
from gammabeta.errors import FileError

Write = Callable[[str, str | bytes], Path]


def test_every_column_is_read_as_texts_whatever_it_holds(write: Write) -> None:
    table = read(write("a.csv", "n,b,t\n1,true,x\n2.50,NA,\n"))
    assert table.columns.schema.types == [pa.string()] * 3
    assert table.columns.to_pydict() == {"n": ["1", "2.50"], "b": ["true", "NA"], "t": ["x", ""]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header_line(write: Write, delimiter: str) -> None:
    table = read(write("a.txt", f"a{delimiter}b{delimiter}c\n1{delimiter}2{delimiter}3\n"))
    assert table.names == ("a", "b", "c")


def test_a_tsv_file_is_cut_at_tabs_even_if_its_header_holds_commas(write: Write) -> None:
    assert read(write("a.tsv", "x, y, z\tb\n1\t2\n")).names == ("x, y, z", "b")


def test_a_quoted_delimiter_in_the_header_does_not_count(write: Write) -> None:
    assert read(write("a.csv", '"a,b,c,d";e\n1;2\n')).names == ("a,b,c,d", "e")


def test_quoted_values_may_hold_line_ends(write: Write) -> None:
    table = read(write("a.csv", 'a,b\n"two\nlines",1\nx,2\n'))
    assert table.columns.column("a").to_pylist() == ["two\nlines", "x"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(write: Write, ends: str) -> None:
    table = read(write("a.csv", b"\xef\xbb\xbf" + ends.join(["a,b", "é,2"]).encode()))
    assert table.columns.to_pydict() == {"a": ["é"], "b": ["2"]}


def test_a_packed_file_reads_like_the_plain_one(write: Write) -> None:
    content = b"a,b\n1,2\n3,4\n"
    plain, packed = read(write("a.csv", content)), read(write("b.csv.gz", gzip.compress(content)))
    assert plain.columns.equals(packed.columns)


def test_a_header_of_numbers_is_suspected_to_be_data(write: Write) -> None:
    assert "add a header line" in read(write("a.csv", "5.1,3.5\n4.9,3.0\n")).notes[0]
    assert read(write("b.csv", "0,1\n4.9,3.0\n")).notes == ()


BAD = {
    "empty": (b"", ["the file is empty", "expected a header line"]),
    "blank": (b"  \n \n", ["the file is empty"]),
    "header only": (b"a,b\n", ["found a header line and no rows", "expected rows"]),
    "same names": (b"a,b,a\n1,2,3\n", ['two columns named "a"', "rename"]),
    "short row": (b"a,b,c\n1,2,3\n1,2\n1,2,3\n", ["line 3", "found 2 values", "expected 3", "correct"]),
    "long row": (b'a,b\n"x\ny",2\n1,2,3\n', ["line 4", "found 3 values", "expected 2"]),
    "latin-1": (b"a,b\n1,2\n\xe9t\xe9,4\n", ["line 3", "not UTF-8", "save the file as UTF-8"]),
    "latin-1 header": (b"\xe9,b\n1,2\n", ["line 1", "not UTF-8"]),
    "open quote": (b'a,b\n1,2\n3,"4\n5,6\n', ["line 3", "a quote that is never closed"]),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), ["line 1", "not UTF-8"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_place_and_remedy(write: Write, name: str) -> None:
    content, parts = BAD[name]
    path = write("bad.csv", content)
    with pytest.raises(FileError) as caught:
        read(path)
    for part in [str(path), *parts]:
        assert part in str(caught.value)


def test_a_packed_file_cut_short_is_refused(write: Write) -> None:
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    with pytest.raises(FileError, match="cut short or damaged"):
        read(write("a.csv.gz", whole[:-20]))


def test_a_missing_file_is_named_with_the_nearest_that_is_there(write: Write, tmp_path: Path) -> None:
    write("titanic.csv", "a\n1\n")
    with pytest.raises(FileError, match=r'no such file; did you mean ".*titanic\.csv"'):
        read(tmp_path / "titanik.csv")
    with pytest.raises(FileError, match="no folder"):
        read(tmp_path / "nowhere" / "a.csv")


def test_an_unknown_extension_is_refused_naming_what_is_readable(write: Write) -> None:
    with pytest.raises(FileError, match=r"\(\.xlsx\) cannot be read; expected CSV.*Parquet"):
        read(write("a.xlsx", "x"))

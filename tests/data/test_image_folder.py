"""Folders of images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gammabeta.data import Images, Schema, read
from gammabeta.errors import DataError, FileError

Draw = Callable[..., Path]
Write = Callable[[str, str | bytes], Path]


def test_a_folder_per_class_gives_labels_in_the_order_of_names(draw: Draw, tmp_path: Path) -> None:
    for name, value in (("cat/b.png", 2), ("cat/a.png", 1), ("dog/a.png", 3)):
        draw(name, value)
    images = read(tmp_path)
    assert images.pixels.shape == (3, 3, 5, 1)
    assert images.pixels[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert images.columns.to_pydict() == {"label": ["cat", "cat", "dog"]}


@pytest.mark.parametrize("home", ["", "images/"])
def test_a_labels_file_gives_its_other_columns(draw: Draw, write: Write, tmp_path: Path, home: str) -> None:
    draw(f"{home}one.png", 1)
    draw(f"{home}two.png", 2)
    draw(f"{home}unlisted.png", 9)
    write("labels.csv", "count,file,kind\n7,two.png,x\n5,one.png,y\n")
    images = read(tmp_path)
    assert images.pixels[:, 0, 0, 0].tolist() == [2, 1]
    assert images.columns.to_pydict() == {"count": ["7", "5"], "kind": ["x", "y"]}
    assert "1 image that labels.csv does not list" in images.notes[0]


def test_images_alone_have_no_labels(draw: Draw, tmp_path: Path) -> None:
    draw("a.png")
    assert read(tmp_path).names == ()
    with pytest.raises(DataError, match="no labels; make one folder per class"):
        Schema.fit(read(tmp_path))


def test_other_sizes_are_brought_to_the_most_common_one_with_a_note(draw: Draw, tmp_path: Path) -> None:
    draw("a/0.png", 7, size=(9, 2))
    draw("a/1.png", 8)
    draw("b/2.png", 9)
    images = read(tmp_path)
    assert images.pixels.shape == (3, 3, 5, 1)
    assert "1 of 3 images had another size and were resized to 5 x 3" in images.notes[0]


def test_one_image_in_color_makes_them_all_so(draw: Draw, tmp_path: Path) -> None:
    draw("a/0.png", 7)
    draw("b/1.png", 8, mode="RGB")
    assert read(tmp_path).pixels.shape == (2, 3, 5, 3)


def test_a_cut_image_is_named(draw: Draw, tmp_path: Path) -> None:
    draw("a/0.png")
    path = draw("b/1.png")
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(FileError, match=r"b/1\.png: found a broken image .* replace or remove it"):
        read(tmp_path)
    path.write_bytes(b"no image at all")
    with pytest.raises(FileError, match=r"b/1\.png: found a broken image \(it is no image"):
        read(tmp_path)


def test_a_listed_image_that_is_missing_is_named(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("one.png")
    write("labels.csv", "file,count\none.png,1\nthree.png,3\n")
    with pytest.raises(FileError, match=r'names "three\.png".*\(1 of 2 are missing\)'):
        read(tmp_path)


def test_folders_without_images_are_refused_saying_what_they_hold(draw: Draw, write: Write, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="a folder with nothing and no images"):
        read(tmp_path)
    write("notes.md", "x")
    with pytest.raises(FileError, match=r"files such as notes\.md"):
        read(tmp_path)
    draw("train/cat/a.png")
    with pytest.raises(FileError, match="two folders down, in train"):
        read(tmp_path)


def test_sixteen_bit_gray_becomes_eight_bits(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.full((3, 5), 65535, dtype=np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(np.full((3, 5), 257 * 40, dtype=np.uint16)).save(tmp_path / "b.png")
    images = read(tmp_path)
    assert isinstance(images, Images)
    assert images.pixels[:, 0, 0, 0].tolist() == [255, 40]

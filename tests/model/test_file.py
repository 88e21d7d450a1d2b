"""The model file: whole or not at all, and nothing but what was saved."""

import errno
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.model.finished import TASKS, model_for, rows_for

import gammabeta
from gammabeta import FileError
from gammabeta.model import file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good model file."""
    return model_for("binary").save(tmp_path_factory.mktemp("model") / "good.safetensors").read_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_a_model_comes_back_as_it_was_and_predicts_the_same_bit_for_bit(task: str, tmp_path: Path) -> None:
    model, rows = model_for(task), rows_for(task)
    back = gammabeta.load(model.save(tmp_path / "model.safetensors"))
    assert back.plan == model.plan
    assert back.schema == model.schema
    assert jax.tree.structure((back.params, back.stats)) == jax.tree.structure((model.params, model.stats))
    for old, new in zip(*(jax.tree.leaves((m.params, m.stats)) for m in (model, back)), strict=True):
        assert (np.shape(old), np.asarray(old).dtype) == (new.shape, new.dtype)
        np.testing.assert_array_equal(old, new)
    assert back.answers(rows).equals(model.answers(rows))
    np.testing.assert_array_equal(back.predict(rows), model.predict(rows))
    if model.schema.task != "regression":
        np.testing.assert_array_equal(back.predict_proba(rows), model.predict_proba(rows))


def test_saving_twice_gives_the_same_bytes(whole: bytes, tmp_path: Path) -> None:
    for _ in range(5):
        assert model_for("binary").save(tmp_path / "again.safetensors").read_bytes() == whole
    (tmp_path / "again.safetensors").write_bytes(whole)
    loaded = gammabeta.load(tmp_path / "again.safetensors")
    assert loaded.save(tmp_path / "more.safetensors").read_bytes() == whole


def test_a_folder_stands_for_the_model_in_it(tmp_path: Path) -> None:
    assert model_for("binary").save(tmp_path) == tmp_path / "model.safetensors"
    assert gammabeta.load(tmp_path).schema == gammabeta.load(tmp_path / "model.safetensors").schema


def test_the_file_holds_readable_json_and_no_code(whole: bytes) -> None:
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + length])["__metadata__"]
    assert set(header) == {"gammabeta", "plan", "schema", "digest"}
    assert json.loads(header["plan"])["type"] == "plan"
    assert json.loads(header["schema"])["type"] == "schema"
    assert b"pickle" not in whole


def test_a_file_cut_anywhere_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    length = struct.unpack("<Q", whole[:8])[0]
    for kept in (0, 1, 7, 8, 9, 100, 7 + length, 8 + length, 9 + length, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(FileError, match=r"cut.safetensors: it is not a whole model file.*truncated"):
            gammabeta.load(path)


def test_a_file_with_one_bit_flipped_anywhere_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.safetensors"
    for position in (*range(64), *range(64, len(whole), 37), len(whole) - 1):
        altered = bytearray(whole)
        altered[position] ^= 1 << position % 8
        path.write_bytes(altered)
        with pytest.raises(FileError, match=r"flipped\.safetensors"):
            gammabeta.load(path)


def with_header(whole: bytes, change: Callable[[dict[str, str]], object]) -> bytes:
    """The file with its metadata changed and everything else as it was."""
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + length])
    change(header["__metadata__"])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + whole[8 + length :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.update(gammabeta="2"), "format 2, expected 1 or older; update gammabeta"),
        (lambda header: header.update(gammabeta="0"), "holds no gammabeta model"),
        (lambda header: header.update(gammabeta="-1"), "holds no gammabeta model"),
        (lambda header: header.update(gammabeta="²"), "holds no gammabeta model"),
        (lambda header: header.pop("gammabeta"), "holds no gammabeta model"),
        (lambda header: header.pop("digest"), "altered"),
        (lambda header: header.pop("plan"), "altered"),
        (lambda header: header.update(plan=header["plan"].replace("0.25", "0.35")), "altered"),
        (lambda header: header.update(schema=header["schema"].replace("red", "rot")), "altered"),
    ],
)
def test_a_changed_header_is_refused(
    change: Callable[[dict[str, str]], object], words: str, whole: bytes, tmp_path: Path
) -> None:
    (tmp_path / "changed.safetensors").write_bytes(with_header(whole, change))
    with pytest.raises(FileError, match=words):
        gammabeta.load(tmp_path / "changed.safetensors")


@pytest.mark.parametrize(
    ("part", "old", "new", "words"),
    [
        ("plan", '"units": 6', '"units": 7', "expected .* by its plan"),
        ("plan", '"units": 6', '"unitz": 6', 'unknown key "unitz"'),
        ("plan", '"dense"', '"system"', 'unknown type "system"'),
        ("plan", '"type": "plan"', '"type": "schema"', "cannot be read"),
        ("schema", '"missing": true', '"missing": false', "do not belong together"),
        ("schema", '"type": "schema"', '"type": "plan"', "cannot be read"),
    ],
)
def test_a_file_that_was_signed_again_after_a_change_still_must_fit_together(
    part: str, old: str, new: str, words: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(header: dict[str, str]) -> None:
        assert old in header[part]
        header[part] = header[part].replace(old, new)

    (tmp_path / "signed.safetensors").write_bytes(with_header(whole, change))
    length = struct.unpack("<Q", whole[:8])[0]
    signature = json.loads(whole[8 : 8 + length])["__metadata__"]["digest"]
    monkeypatch.setattr(file, "digest", lambda *given: signature)
    with pytest.raises(FileError, match=words):
        gammabeta.load(tmp_path / "signed.safetensors")


@pytest.mark.parametrize("text", ["[1]", '"plan"', "{}", "null", "nonsense"])
def test_a_plan_that_is_none_is_refused(
    text: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.safetensors").write_bytes(with_header(whole, lambda header: header.update(plan=text, digest="")))
    monkeypatch.setattr(file, "digest", lambda *given: "")
    with pytest.raises(FileError, match=r"odd\.safetensors"):
        gammabeta.load(tmp_path / "odd.safetensors")


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(FileError, match="holds no gammabeta model"):
        gammabeta.load(tmp_path / "other.safetensors")
    for content in (b"", bytes(5000), struct.pack("<Q", 2**62) + b"{}", b"x,y\n1,2\n" * 50):
        (tmp_path / "odd.bin").write_bytes(content)
        with pytest.raises(FileError, match="not a whole model file"):
            gammabeta.load(tmp_path / "odd.bin")
    with pytest.raises(FileError, match="no such file"):
        gammabeta.load(tmp_path / "nowhere")
    with pytest.raises(FileError, match=r"model\.safetensors: there is no such file"):
        gammabeta.load(tmp_path)


def failing(code: int) -> Callable[..., None]:
    def fail(*given: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full; make room"), (errno.EACCES, "Permission denied; choose")]
)
@pytest.mark.parametrize("place", ["fsync", "chmod", "replace"])
def test_a_failed_write_leaves_what_was_there_and_no_other_file(
    place: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, place, failing(code))
    with pytest.raises(FileError, match=words):
        file.write_whole(path, b"after")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert path.read_bytes() == b"before"


def test_an_interrupted_write_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        file.write_whole(tmp_path / "new", b"after")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    file.write_whole(tmp_path / "deep" / "new", b"content")
    assert (tmp_path / "deep" / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode

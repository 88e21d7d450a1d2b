"""What is kept of compiling does not grow without end."""

import os

import jax
import pytest

from gammabeta.train import devices
from gammabeta.train.devices import bounded, cache_compilations


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home; where JAX keeps its programs is put back afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = jax.config.jax_compilation_cache_dir
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def filled(folder, ages):
    """Files of 100 bytes, used so many seconds after another."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, age in ages.items():
        (folder / name).write_bytes(bytes(100))
        os.utime(folder / name, (1e9 - age, 1e9 - age))


def test_what_was_used_longest_ago_goes_first_and_no_more_than_must(tmp_path):
    filled(tmp_path, {"old": 30, "older": 40, "new": 10, "newer": 5})
    bounded(tmp_path, 250)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "newer"}
    bounded(tmp_path, 200)
    assert len(list(tmp_path.iterdir())) == 2
    bounded(tmp_path / "nowhere", 0)


def test_the_folder_that_is_ours_is_brought_down_and_one_that_somebody_named_is_not(home, monkeypatch):
    monkeypatch.setattr(devices, "CACHE_BYTES", 150)
    ours, theirs = home / "gammabeta" / "jax", home / "theirs"
    for folder in (ours, theirs):
        filled(folder, {"old": 30, "new": 10})
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(theirs))
    assert cache_compilations() == theirs
    assert len(list(theirs.iterdir())) == 2
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert cache_compilations() == ours
    assert [path.name for path in ours.iterdir()] == ["new"]

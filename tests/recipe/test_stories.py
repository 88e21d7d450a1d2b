"""Whole recipes on real rows, and one that is killed: slow."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from tests.stories.command import done

import gammabeta as gb
from gammabeta.compiling import ONCE
from gammabeta.recipe import STEPS

pytestmark = pytest.mark.slow


def record(folder: Path) -> list[dict[str, Any]]:
    """The gates that are written."""
    path = folder / "recipe.json"
    return list(json.loads(path.read_text())["gates"]) if path.is_file() else []


def complete(folder: Path) -> dict[str, dict[str, Any]]:
    """The gates of a recipe that came to its end, by their steps."""
    gates = {gate["step"]: gate for gate in record(folder)}
    assert list(gates) == list(STEPS)
    assert (folder / "report.html").stat().st_size < 2_000_000
    return gates


def test_titanic_is_led_from_its_leaks_to_a_network_that_beats_the_constant_answer(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    source = shared_data("tabular/titanic/data.csv")
    typed = ("recipe", source, "--target", "survived", "--workers", 2, "--time-limit", "none", "--trials", 3)
    small = ("--set", "network.hidden=[32]", "--epochs", 15)
    done(*typed, *small, "-o", tmp_path / "all", "--until", "data")
    (gate,) = record(tmp_path / "all")
    # who got into a boat was saved
    assert "boat" in gate["reason"]
    found = done(*typed, *small, "--drop", "boat", "--drop", "body", "-o", tmp_path / "run", "--json").json
    gates = complete(tmp_path / "run")
    assert "boat" not in gates["data"]["reason"]
    assert gates["skeleton"]["facts"]["leads"]["constant"]["ahead"] > 0.1
    assert found["test"]["accuracy"] > 0.72
    assert found["recipe"]["winner"]
    tried = [line["name"] for line in gates["regularize"]["facts"]["changes"]]
    assert tried in ([], [*tried[:1], "weight decay", "dropout", *tried[3:]])


def test_digits_are_shifted_before_anything_else_is_tried(tmp_path: Path) -> None:
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images[:500], digits.target[:500], strict=True)):
        folder = tmp_path / "digits" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(folder / f"{number}.png")
    small = ("--set", "network.hidden=[32]", "--epochs", 15, "--trials", 2, "--workers", 2, "--time-limit", "none")
    found = done("recipe", tmp_path / "digits", *small, "-o", tmp_path / "run", "--json").json
    gates = complete(tmp_path / "run")
    assert found["test"]["accuracy"] > 0.85
    assert gates["overfit"]["passed"]
    changes = {line["name"]: line for line in gates["regularize"]["facts"]["changes"]}
    assert list(changes)[:3] == ["shifted images", "mirrored images", "weight decay"]
    for line in changes.values():
        if line["state"] == "kept":
            assert line["error"] < 0.05
            assert line["after"] < line["before"]
    kept = [each["type"] for each in gates["regularize"]["plan"]["augmentation"] or []]
    named = {"random_crop": "shifted images", "random_flip": "mirrored images"}
    assert [named[kind] for kind in kept] == [name for name in named.values() if changes[name]["state"] == "kept"]


TINY = ("--set", "network.hidden=[8]", "--set", "optimizer.learning_rate=0.05", "--set", "early_stopping=none")
QUICK = ("--epochs", 20, "--batch-size", 15, "--trials", 4, "--workers", 1, "--time-limit", "none")


def trials_done(folder: Path) -> int:
    """Of the search inside."""
    try:
        with sqlite3.connect(f"file:{folder / 'search.db'}?mode=ro", uri=True, timeout=0.5) as connection:
            (count,) = connection.execute("select count(result) from gammabeta_jobs").fetchone()
        return int(count)
    except sqlite3.OperationalError:
        return 0


def started(*words: object) -> "subprocess.Popen[str]":
    """A recipe in a process of its own; it trains little, and so compiles in a hurry."""
    command = [sys.executable, "-m", "gammabeta", *map(str, words)]
    hurry = {"XLA_FLAGS": " ".join(f"--{name}={str(value).lower()}" for name, value in ONCE.items())}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, **hurry}, **pipes)


def finished(*words: object) -> None:
    """A recipe to its end."""
    process = started(*words)
    _, err = process.communicate(timeout=1200)
    assert process.returncode == 0, err


def killed_where(there: Callable[[Path], bool], folder: Path, *words: object) -> None:
    """Start a recipe in a process of its own and kill it as soon as its folder looks so."""
    process = started(*words)
    while not there(folder):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err


def test_a_recipe_that_was_killed_twice_goes_on_and_gives_what_one_that_was_not_gives(tmp_path: Path) -> None:
    frame = load_iris(as_frame=True).frame.sample(frac=1, random_state=3)
    frame["kind"] = np.array(["setosa", "versicolor", "virginica"])[frame.pop("target")]
    frame.to_csv(tmp_path / "iris.csv", index=False)
    folder = tmp_path / "killed"
    words = ["recipe", tmp_path / "iris.csv", "--target", "kind", *TINY, *QUICK, "-o", folder]
    # while a batch is learned by heart
    killed_where(lambda folder: len(record(folder)) == 2, folder, *words)
    first = record(folder)
    # in the midst of the search
    killed_where(lambda folder: len(record(folder)) == 4 and trials_done(folder) >= 2, folder, *words, "--resume")
    second = record(folder)
    assert len(first) < len(second) < len(STEPS)
    assert second[: len(first)] == first
    finished(*words, "--resume")
    after = list(complete(folder).values())
    assert after[: len(second)] == second
    finished(*words[:-1], tmp_path / "whole")
    for one, other in zip(after, complete(tmp_path / "whole").values(), strict=True):
        assert (one["passed"], one["reason"], one["plan"]) == (other["passed"], other["reason"], other["plan"])
    rows = gb.read(tmp_path / "iris.csv")
    models = [gb.load(tmp_path / name) for name in ("killed", "whole")]
    np.testing.assert_array_equal(*(model.predict_proba(rows) for model in models))

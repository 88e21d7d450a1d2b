"""What a user sees: help, quiet, JSON, and no colors where nobody looks."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.stories.command import SMALL, done, gammabeta

from gammabeta.cli.app import app


def command(*typed: object) -> "subprocess.CompletedProcess[str]":
    """The command as a process of its own."""
    words = [sys.executable, "-m", "gammabeta", *map(str, typed)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    script = "import sys; sys.argv = ['gammabeta', '--help']\nfrom gammabeta.cli import main\ntry: main()\n" + (
        "finally: print(sorted({'jax', 'numpy', 'pyarrow', 'sklearn', 'optax'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for name in ("fit", "predict", "evaluate", "summary", "inspect"):
        assert name in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["fit", "predict", "evaluate", "summary", "inspect"])
def test_every_command_explains_itself_in_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = done(name, "--help").out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert all(letter not in shown for letter in ("\x1b", "<bool>  Show layers"))


def test_the_last_line_of_a_real_process_is_json_and_the_rest_is_elsewhere(run: Path, folder: Path) -> None:
    ended = command("evaluate", run, folder / "test.csv", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["test"] == json.loads((run / "metrics.json").read_text())["test"]
    assert "\x1b" not in ended.stderr
    assert "accuracy" in ended.stderr


def test_quiet_is_quiet(typed: list[object], tmp_path: Path) -> None:
    assert done(*typed, "--quiet", "-o", tmp_path / "a")[1:] == ("", "")
    both = done(*typed, "--quiet", "--json", "-o", tmp_path / "b")
    assert both.err == ""
    assert both.out.count("\n") == 1
    assert both.json["task"] == "binary"


def test_a_fit_without_colors_says_what_it_did_and_where_it_is(typed: list[object], tmp_path: Path) -> None:
    outcome = done(*typed, "-o", tmp_path / "run")
    assert "\x1b" not in outcome.out + outcome.err
    assert "binary, target answer, 36 train, 12 valid, 12 test rows" in outcome.out
    assert "2 epochs (all epochs done)" in outcome.out
    assert f"model    {tmp_path / 'run' / 'model.safetensors'}" in outcome.out
    assert outcome.err.splitlines()[0] == "compiling ..."
    assert "epoch 2: loss" in outcome.err


def test_many_columns_set_aside_for_one_reason_are_one_note(houses: pd.DataFrame, folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "all.csv", dtype=str)
    table = pd.concat([table, pd.DataFrame({f"same{i}": ["1"] * len(table) for i in range(40)})], axis=1)
    table.to_csv(tmp_path / "wide.csv", index=False)
    shown = done("fit", tmp_path / "wide.csv", "--target", "answer", *SMALL, "-o", tmp_path / "run").out
    assert '"same0", "same1", "same2" and 37 more are set aside: every row holds "1".' in shown
    assert len([line for line in shown.splitlines() if line.startswith("note: ") and "set aside" in line]) == 4


def test_a_run_without_a_name_gets_the_next_free_one(
    typed: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert f"runs/answers-{number}/model.safetensors" in done(*typed).out


def test_the_version_is_told() -> None:
    assert done("--version").out.startswith("gammabeta ")


def test_a_defect_of_ours_is_one_line_with_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, run: Path, folder: Path
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("gammabeta.model.model.Model.outputs", broken)
    outcome = gammabeta("predict", run, folder / "test.csv")
    assert outcome.code == 3
    assert "a defect of ours" in outcome.complaint
    assert "ZeroDivisionError" in outcome.complaint


def test_the_help_of_every_command_shows_arguments_as_they_are_typed() -> None:
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert {"fit", "range-test", "predict"} <= set(commands)
    for typed in ((), *((name,) for name in commands)):
        shown = done(*typed, "--help").out
        assert "Usage: " in shown
        assert "{" not in shown
        assert "<bool>" not in shown
    assert "predict [OPTIONS] MODEL DATA" in done("predict", "--help").out

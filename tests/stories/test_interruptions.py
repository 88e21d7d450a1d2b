"""Full disks, Ctrl-C, time limits and training that fails: what is on the disk is whole, or as it was."""

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.command import gammabeta, held

import gammabeta as package

DIVERGING = ("--set", "optimizer.learning_rate=1e38")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing to the disk fails at its very end."""

    def fail(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gammabeta.model.file.os.replace", fail)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_a_full_disk_leaves_the_old_answers_and_no_other_file(
    name: str, run: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("before")
    outcome = gammabeta("predict", run, folder / "test.csv", "-o", tmp_path / name)
    assert outcome.code == 1
    assert "the disk is full; make room" in outcome.complaint
    assert held(tmp_path) == {name: b"before"}


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_model_whole(run: Path, tmp_path: Path) -> None:
    model = package.load(run)
    (tmp_path / "model.safetensors").write_bytes(b"before")
    with pytest.raises(package.FileError, match="the disk is full") as caught:
        model.save(tmp_path)
    assert caught.value.exit_code == 1
    assert held(tmp_path) == {"model.safetensors": b"before"}


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_no_run_folder(typed: list[object], tmp_path: Path) -> None:
    outcome = gammabeta(*typed, "--quiet", "-o", tmp_path / "runs" / "new")
    assert outcome.code == 1
    assert "the disk is full" in outcome.complaint
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_disk_that_fills_while_training_gives_the_folder_back(typed: list[object], tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("before")
    (tmp_path / "history.jsonl").symlink_to("/dev/full")
    outcome = gammabeta(*typed, "--quiet", "-o", tmp_path)
    assert outcome.code == 1
    assert "history.jsonl: cannot be written, the disk is full" in outcome.complaint
    assert held(tmp_path) == {"plan.json": b"before"}


def test_a_process_killed_while_saving_leaves_the_old_model_whole(run: Path, tmp_path: Path) -> None:
    script = (
        "import os, sys, gammabeta; model = gammabeta.load(sys.argv[1]); "
        "os.replace = lambda *given: os.kill(os.getpid(), 9); model.save(sys.argv[2])"
    )
    model = tmp_path / "model.safetensors"
    model.write_bytes((run / "model.safetensors").read_bytes())
    ended = subprocess.run([sys.executable, "-c", script, run, model], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert package.load(model).plan == package.load(run).plan


def test_training_that_diverges_says_what_to_do_and_leaves_what_a_diagnosis_needs(
    typed: list[object], tmp_path: Path
) -> None:
    outcome = gammabeta(*typed, *DIVERGING, "--quiet", "-o", tmp_path / "run")
    assert outcome.code == 1
    assert "no longer finite" in outcome.complaint
    assert "smaller optimizer.learning_rate than 1e+38" in outcome.complaint
    assert set(held(tmp_path / "run")) == {"plan.json", "history.jsonl", "rows.json"}


def test_training_that_diverges_leaves_an_older_run_as_it_was(typed: list[object], run: Path, tmp_path: Path) -> None:
    for name, content in held(run).items():
        (tmp_path / name).write_bytes(content)
    assert gammabeta(*typed, *DIVERGING, "--quiet", "-o", tmp_path).code == 1
    assert held(tmp_path) == held(run)


def test_a_good_epoch_before_training_diverged_is_kept_and_the_user_told(
    typed: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the package shows the function of the same name in the module's place
    fit = importlib.import_module("gammabeta.train.fit")
    whole = fit.train_epoch

    def broken(
        plan: object, program: object, state: object, data: object, number: int, *rest: object
    ) -> Iterator[object]:
        for made in whole(plan, program, state, data, number, *rest):
            yield made._replace(ended="non-finite loss") if number == 2 else made

    monkeypatch.setattr(fit, "train_epoch", broken)
    outcome = gammabeta(*typed, "-o", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert "no longer finite in epoch 2; the model is that of epoch 1" in outcome.out
    assert "smaller optimizer.learning_rate" in outcome.out


def test_a_time_limit_shorter_than_an_epoch_still_gives_a_model(
    typed: list[object], folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    outcome = gammabeta(*typed, "--epochs", 100000, "--time-limit", "0.01s", "-o", run, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["epochs"] == 1
    assert json.loads((run / "history.jsonl").read_text())["ended"] == "time limit"
    assert len(package.load(run).predict(folder / "test.csv")) == 12


def start(typed: list[object], run: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gammabeta", *map(str, typed), "--epochs", "100000", "-o", str(run), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_keeps_the_best_model_so_far(typed: list[object], folder: Path, tmp_path: Path) -> None:
    history = tmp_path / "run" / "history.jsonl"
    process = start(typed, history.parent)
    while process.poll() is None and not (history.exists() and history.read_text().count("\n") > 3):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"interrupted; the best model so far is in {history.parent / 'model.safetensors'}" in err
    assert "Traceback" not in err
    found = json.loads(out.splitlines()[-1])
    assert found["epochs"] == history.read_text().count("\n")
    assert len(package.load(history.parent).predict(folder / "test.csv")) == 12


def test_ctrl_c_while_jax_is_imported_ends_with_one_word(run: Path, folder: Path) -> None:
    # an exception inside JAX's compiled modules aborts the process, so one is sent from the middle of them
    script = (
        "import builtins, os, signal, sys\n"
        "plain = builtins.__import__\n"
        "def traced(name, *rest):\n"
        "    if name == 'jaxlib': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return plain(name, *rest)\n"
        "builtins.__import__ = traced\n"
        "from gammabeta.cli import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", script, "predict", run, folder / "test.csv"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "gammabeta: interrupted.\n")


def test_ctrl_c_while_a_file_is_read_ends_with_one_word(tmp_path: Path) -> None:
    slow, run = tmp_path / "slow.csv", tmp_path / "run"
    os.mkfifo(slow)
    process = start(["fit", slow, "--target", "y"], run)
    writer = -1
    while writer < 0 and process.poll() is None:
        try:
            writer = os.open(slow, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.05)  # nobody reads yet
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, out, err) == (130, "", "gammabeta: interrupted.\n")
    assert not run.exists()

"""Killed, interrupted and shared searches, as processes: every trial is done exactly once."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pandas as pd
import pytest
from tests.stories.command import gammabeta
from tests.tune.problems import table

from gammabeta.tune.jobs import Jobs, born
from gammabeta.tune.storage import opened

TRIALS = 8
SPACE = "only = true\noptimizer.learning_rate = { log = [1e-3, 0.1] }\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pd.DataFrame(table(90)).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def typed(folder: Path, *more: object, epochs: int = 60) -> list[str]:
    words = ["tune", folder / "rows.csv", "--target", "y", "--space", folder / "space.toml", "--trials", TRIALS]
    # one worker, so that the sequence of trials is known
    words += ["--set", "network.hidden=[4]", "--epochs", epochs, "--workers", 1, *more, "--json"]
    return [str(word) for word in words]


def start(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gammabeta", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def jobs(database: Path) -> dict[str, tuple[int | None, str | None]]:
    """job -> (Optuna's number, result)"""
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.5)
    except sqlite3.OperationalError:
        return {}
    try:
        found = connection.execute("select job, trial, result from gammabeta_jobs").fetchall()
        return {job: (trial, result) for job, trial, result in found}
    except sqlite3.OperationalError:
        return {}
    finally:
        connection.close()


def done(database: Path) -> int:
    return sum(result is not None for job, (_, result) in jobs(database).items() if job.startswith("trial "))


def until(database: Path, count: int, process: "subprocess.Popen[str]") -> None:
    """Wait until ``count`` trials are done and another one is under way, and let the process stand still there."""

    def there() -> bool:
        found = jobs(database)
        running = [job for job, (trial, result) in found.items() if result is None and trial is not None]
        return done(database) >= count and bool(running)

    while process.poll() is None:
        if there():
            # it may have gone on meanwhile
            process.send_signal(signal.SIGSTOP)
            if there():
                return
            process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError(process.communicate())


def states(database: Path, study: str = "gammabeta") -> dict[int, str]:
    found = optuna.load_study(study_name=study, storage=f"sqlite:///{database}")
    return {trial.number: trial.state.name for trial in found.trials}


def test_a_killed_and_resumed_search_ends_with_every_trial_done_exactly_once(folder: Path) -> None:
    run, database = folder / "run", folder / "run" / "search.db"
    process = start(*typed(folder, "-o", run))
    until(database, 3, process)
    process.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err
    before = jobs(database)
    (under_way,) = [job for job, (_, result) in before.items() if result is None]
    assert "RUNNING" in states(database).values()

    outcome = gammabeta(*typed(folder, "-o", run, "--resume", "--quiet"))
    assert outcome.code == 0, outcome.err
    after = {job: row for job, row in jobs(database).items() if job.startswith("trial ")}
    assert set(after) == {f"trial {n}" for n in range(TRIALS)}
    assert all(result is not None for _, result in after.values())
    # what was done was not done again; what was under way was, with the same numbers
    assert all(after[job] == row for job, row in before.items() if row[1] is not None)
    found = states(database)
    finished = sorted(number for number, state in found.items() if state in ("COMPLETE", "PRUNED"))
    assert finished == sorted(trial for trial, _ in after.values())
    assert len(finished) == TRIALS
    assert [number for number, state in found.items() if state not in ("COMPLETE", "PRUNED")] == [before[under_way][0]]
    assert found[before[under_way][0]] == "FAIL"
    study = optuna.load_study(study_name="gammabeta", storage=f"sqlite:///{database}")
    lost, again = (study.trials[rows[under_way][0]].params for rows in (before, jobs(database)))
    assert lost == again
    assert outcome.json["search"]["done"] == TRIALS
    assert {"model.safetensors", "plan.json", "history.jsonl", "rows.json", "trials.csv", "search.json"} <= {
        path.name for path in run.iterdir()
    }
    assert json.loads((run / "search.json").read_text())["asked"] == TRIALS


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(folder: Path) -> None:
    run, database = folder / "run", folder / "run" / "search.db"
    process = start(*typed(folder, "-o", run))
    until(database, 2, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume goes on" in err
    kept = done(database)
    assert kept >= 2
    assert "RUNNING" not in states(database).values()
    assert not (run / "model.safetensors").exists()


@pytest.mark.slow
def test_two_processes_on_one_storage_share_the_trials(folder: Path) -> None:
    database = folder / "shared.db"
    words = ("--storage", f"sqlite:///{database}", "--quiet")
    processes = [start(*typed(folder, *words, "-o", folder / place / "search")) for place in ("one", "two")]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert json.loads(out.splitlines()[-1])["search"]["done"] == TRIALS
    found = states(database, "search")
    assert len(found) == TRIALS
    assert set(found.values()) <= {"COMPLETE", "PRUNED"}
    models = [(folder / place / "search" / "model.safetensors").read_bytes() for place in ("one", "two")]
    assert models[0] == models[1]


def two(database: Path) -> tuple[Jobs, Jobs]:
    """The jobs of one study, as two owners see them."""
    url = f"sqlite:///{database}"
    return opened(url, "s", {}).jobs, opened(url, "s", {}).jobs


def test_a_job_is_claimed_once_and_its_result_written_once(tmp_path: Path) -> None:
    one, other = two(tmp_path / "jobs.db")
    assert one.claim(["a", "b"]).job == "a"
    assert other.claim(["a", "b"]).job == "b"
    assert other.claim(["a", "b"]) is None
    assert not other.finish("a", {"value": 2})
    assert one.finish("a", {"value": 1})
    assert not one.finish("a", {"value": 3})
    assert one.results() == other.results() == {"a": {"value": 1}}
    one.engine.dispose()
    other.engine.dispose()


def test_what_is_given_back_and_what_its_owner_left_is_claimed_again(tmp_path: Path, monkeypatch) -> None:
    one, other = two(tmp_path / "jobs.db")
    one.claim(["a"])
    one.began("a", 7)
    assert other.claim(["a"]) is None
    one.release("a")
    again = other.claim(["a"])
    assert (again.job, again.lost) == ("a", 7)
    # on another machine: silence alone tells
    monkeypatch.setattr("gammabeta.tune.jobs.place", lambda: "elsewhere")
    assert one.claim(["a"]) is None
    monkeypatch.setattr("gammabeta.tune.jobs.GRACE", -1.0)
    assert one.claim(["a"]).lost == 7
    # who lost it cannot write its result any more
    assert not other.finish("a", {"value": 1})
    one.engine.dispose()
    other.engine.dispose()


def test_a_process_that_ended_is_told_from_one_that_lives() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert born(process.pid)
    process.kill()
    process.communicate()
    assert born(process.pid) == ""

"""The reduced form of benchmarks/faults: a fault of most kinds is found and named, and healthy runs raise no error."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "faults"


@pytest.fixture(scope="module")
def results() -> Iterator[list[dict[str, Any]]]:
    from functools import partial
    from multiprocessing import get_context

    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    import run
    import schedule

    tasks = sorted(schedule.tasks("reduced"), key=lambda task: task.cell.name)
    with get_context("spawn").Pool(2, run.prepared, (2,)) as pool:
        yield pool.map(partial(run.measured, tried=False), tasks, chunksize=1)
    sys.path[:] = before


def causes(result: dict[str, Any], *severities: str) -> list[str]:
    return [one["code"] for one in result["findings"] if one["severity"] in severities]


def test_every_situation_is_looked_at_without_a_defect(results: list[dict[str, Any]]) -> None:
    assert [one["defect"] for one in results if "defect" in one] == []
    assert len(results) == 12


def test_planted_faults_are_found(results: list[dict[str, Any]]) -> None:
    missed = [one["key"] for one in results if one["kind"] == "fault" and not causes(one, "error", "warning")]
    assert missed == []


def test_the_first_cause_is_an_accepted_one(results: list[dict[str, Any]]) -> None:
    faults = [one for one in results if one["kind"] == "fault"]
    wrong = {
        one["key"]: found
        for one in faults
        if not set(found := causes(one, "error", "warning")[:1]) & set(one["accepted"])
    }
    # one may be named otherwise: several causes can explain the same run
    assert len(wrong) <= 1, wrong


def test_no_error_is_raised_for_a_healthy_run(results: list[dict[str, Any]]) -> None:
    alarms = {one["key"]: causes(one, "error") for one in results if one["kind"] == "healthy" and causes(one, "error")}
    assert alarms == {}

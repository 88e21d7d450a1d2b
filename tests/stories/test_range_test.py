"""``gammabeta range-test`` says which learning rate to use, and leaves nothing behind."""

import json
import shutil
from pathlib import Path

import pytest
from tests.stories.command import SMALL, done, gammabeta, held

import gammabeta as package
from gammabeta.train import range_test

SWEEP = ("--steps", 40, "--seeds", 2, "--high", 3)


def typed(folder: Path) -> list[object]:
    return ["range-test", folder / "all.csv", "--target", "answer", *SMALL[:2], "--set", "network.dropout=0"]


def test_it_suggests_what_python_finds_on_the_rows_that_fit_trains_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = held(folder)
    outcome = done(*typed(folder), *SWEEP, "--json")
    assert held(folder) == before
    assert not list(tmp_path.iterdir())
    found = outcome.json
    done("fit", *typed(folder)[1:], "--epochs", 1, "-o", "run", "--quiet")
    model = package.load("run")
    train, _, _ = package.split(folder / "all.csv", "answer")
    expected = range_test(model.plan, model.schema.encode(train), high=3.0, steps=40, seeds=2)
    assert found["suggestion"] == expected.suggestion
    assert found["band"] == list(expected.band or ())
    assert found["why"] == expected.why
    assert [point["learning_rate"] for point in found["curve"]] == expected.rates.tolist()
    assert found["suggestion"] is not None
    done("fit", *typed(folder)[1:], "--epochs", 1, "-o", "run", "--quiet", "--set", found["set"])
    plan = json.loads(Path("run/plan.json").read_text())
    assert plan["optimizer"]["learning_rate"] == pytest.approx(found["suggestion"], rel=0.05)


def test_it_is_kept_for_the_report_of_the_run_that_is_named(folder: Path, run: Path, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(run, tmp_path / "run"))
    outcome = done(*typed(folder), *SWEEP, "-o", kept, "--json")
    body = json.loads((kept / "range_test.json").read_text())
    assert {name: body[name] for name in outcome.json} == outcome.json
    text = (kept / "report.html").read_text()
    assert "Loss while the rate grows" in text
    assert outcome.json["set"] in text
    # the run has dropout, the test was made without
    assert "another plan than the one below" in text
    outcome = done(*typed(folder), *SWEEP, "-o", tmp_path / "new")
    assert f"kept     {tmp_path / 'new' / 'range_test.json'}" in outcome.out
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["range_test.json"]
    refused = gammabeta(*typed(folder), "-o", kept / "plan.json")
    assert "found a file, expected the folder of a run" in refused.complaint


def test_it_draws_the_loss_over_the_rate_with_the_suggestion_in_it(folder: Path) -> None:
    lines = done(*typed(folder), *SWEEP).out.splitlines()
    top = lines.index(next(line for line in lines if line.strip() == "loss")) + 1
    chart = lines[top : top + 12]
    assert sum("*" in line for line in chart) > 3
    marked = {line.index("|") for line in chart if "|" in line}
    assert len(marked) == 1
    assert all(len(line) <= 80 for line in lines[top : top + 13])
    assert lines[top + 12].split()[0] == "1e-06"
    assert "over 2 seeds" in lines[-2]
    assert lines[-1].startswith("try      --set optimizer.learning_rate=")


def test_where_no_rate_is_good_it_says_so(folder: Path) -> None:
    outcome = done(*typed(folder), "--steps", 40, "--seeds", 2, "--low", 1e-12, "--high", 1e-11, "--json")
    assert outcome.json["suggestion"] is outcome.json["set"] is None
    assert "the loss falls nowhere" in outcome.json["why"]
    assert "--set" not in outcome.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--low", 1, "--high", 0.1), "expected 0 < low < high"),
        (("--steps", 5), "at least 20"),
        (("--seeds", 0), "at least 20 and 1"),
    ],
)
def test_numbers_out_of_range_are_refused(options: tuple[object, ...], words: str, folder: Path) -> None:
    outcome = gammabeta(*typed(folder), *options)
    assert outcome.code == 2
    assert words in outcome.err

"""From a fit to the page that shows it, and to the page drawn again."""

import shutil
from pathlib import Path

import pytest
from tests.stories.command import done, gammabeta

OWN = ("facts.json", "report.html")


@pytest.fixture
def copied(run, tmp_path) -> Path:
    """The run in a folder of this test's own."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_a_fit_writes_its_report_and_says_where(typed, tmp_path):
    outcome = done(*typed, "-o", tmp_path / "run")
    assert f"report   {tmp_path / 'run' / 'report.html'}" in outcome.out
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Predicting answer from answers.csv" in text
    assert "the test were kept aside" in text


def test_without_a_report_none_is_left_of_the_run_before(typed, copied):
    outcome = done(*typed, "-o", copied, "--no-report")
    assert "report   " not in outcome.out
    assert not any((copied / name).exists() for name in OWN)


def test_the_report_is_drawn_again_without_the_data(copied, folder):
    done("report", copied)
    before = (copied / "report.html").read_text()
    (copied / "report.html").unlink()
    hidden = folder / "answers.csv"
    hidden.rename(folder / "away.csv")
    try:
        outcome = done("report", copied)
    finally:
        (folder / "away.csv").rename(hidden)
    assert outcome.out.splitlines() == [str(copied / "report.html")]
    assert (copied / "report.html").read_text() == before
    assert "Worst rows" in before


def test_the_facts_of_an_older_run_are_measured_from_its_data(copied):
    before = (copied / "facts.json").read_text()
    for name in OWN:
        (copied / name).unlink()
    done("report", copied, "-o", copied / "other.html")
    assert (copied / "facts.json").read_text() == before
    assert not (copied / "report.html").exists()
    assert "Worst rows" in (copied / "other.html").read_text()


def test_a_run_whose_data_are_gone_is_drawn_as_far_as_it_goes(copied):
    for name in (*OWN, "rows.json"):
        (copied / name).unlink()
    outcome = done("report", copied)
    assert "the report shows no answers and no data" in outcome.out
    text = (copied / "report.html").read_text()
    assert "Training" in text
    assert "Worst rows" not in text


def test_a_run_without_a_model_is_drawn_as_far_as_it_went(copied):
    for name in (*OWN, "model.safetensors", "metrics.json", "findings.json"):
        (copied / name).unlink()
    outcome = done("report", copied)
    assert "there is no such file, expected a model" in outcome.out
    assert "2 of 2 epochs are measured" in (copied / "report.html").read_text()


def test_a_diagnosis_brings_its_findings_into_the_report(copied):
    (copied / "report.html").write_text("old")
    done("diagnose", copied, "--quiet")
    text = (copied / "report.html").read_text()
    assert "Findings" in text
    assert "Worst rows" in text


@pytest.mark.parametrize(
    ("typed_after", "words"),
    [
        (["nowhere"], "nowhere: not there, expected a run folder"),
        (["{folder}"], "found no plan.json, expected a run folder"),
        (["{run}", "-o", "{folder}"], "expected the name of a file, such as report.html"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(typed_after, words, run, folder):
    places = {"folder": folder, "run": run}
    outcome = gammabeta("report", *(one.format(**places) for one in typed_after))
    assert outcome.code in (1, 2)
    assert words in outcome.complaint

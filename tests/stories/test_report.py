"""From a fit to the page that shows it, and to the page drawn again."""

import json
import shutil
from pathlib import Path

import pytest
from tests.report.runs import recipe_folder
from tests.stories.command import SMALL, done, gammabeta

from gammabeta.cli import told

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
        (["{folder}"], "found no plan.json, no recipe.json, no search.json, expected a run folder"),
        (["{run}", "-o", "{folder}"], "expected the name of a file, such as report.html"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(typed_after, words, run, folder):
    places = {"folder": folder, "run": run}
    outcome = gammabeta("report", *(one.format(**places) for one in typed_after))
    assert outcome.code in (1, 2)
    assert words in outcome.complaint


@pytest.fixture(scope="module")
def begun(folder, tmp_path_factory) -> Path:
    """A recipe that was stopped after its second step."""
    made = tmp_path_factory.mktemp("begun") / "recipe"
    split = ("--valid", 0.25, "--test", folder / "test.csv", "--seed", 3)
    typed = ("recipe", folder / "answers.csv", "--target", "answer", *split, *SMALL, "--workers", 1)
    outcome = done(*typed, "--until", "skeleton", "-o", made)
    assert f"report   {made / 'report.html'}" in outcome.out
    return made


def facts_of(folder: Path) -> dict:
    return json.loads((folder / "facts.json").read_text())


def test_a_recipe_that_was_stopped_has_its_page_and_no_test_row_was_looked_at(begun, tmp_path):
    copied = Path(shutil.copytree(begun, tmp_path / "recipe"))
    before = facts_of(copied)
    assert set(before["scores"]) == {"valid"}
    assert set(before["shares"]["counts"]) == {"train", "valid"}
    assert before["rows"]["test"] == 12
    assert (before["answers_on"], before["looked_at"]) == ("valid", "valid")
    text = (copied / "report.html").read_text()
    assert "The test rows have not been looked at" in text
    assert "Step 2: skeleton" in text
    assert not (copied / "progress.json").exists()
    for name in OWN:
        (copied / name).unlink()
    done("report", copied)
    assert facts_of(copied) == before
    assert (copied / "report.html").read_text().replace(str(copied), str(begun)) == text


def test_a_folder_with_nothing_but_the_first_gate_has_its_page(begun, tmp_path):
    body = json.loads((begun / "recipe.json").read_text())
    (tmp_path / "recipe.json").write_text(json.dumps({**body, "gates": body["gates"][:1]}))
    shutil.copy(begun / "rows.json", tmp_path)
    outcome = done("report", tmp_path)
    assert outcome.out.splitlines() == [str(tmp_path / "report.html")]
    text = (tmp_path / "report.html").read_text()
    assert "nothing is trained yet" in text
    assert "distribution" in text
    found = facts_of(tmp_path)
    # split by the seed that the recipe began with: the same rows are named
    assert found["named"] == facts_of(begun)["named"]
    assert found["data"] == facts_of(begun)["data"]


def test_a_fit_leaves_nothing_of_the_recipe_that_its_folder_held(typed, tmp_path):
    recipe_folder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    done(*typed, "-o", tmp_path)
    assert not (tmp_path / "recipe.json").exists()
    assert "Step 1" not in (tmp_path / "report.html").read_text()


def test_what_is_under_way_is_told_and_nothing_is_left_of_it(tmp_path, monkeypatch):
    clock = iter([0.0, 0.5, 0.6, 2.0])
    monkeypatch.setattr(told.time, "monotonic", lambda: next(clock))
    path = tmp_path / "run" / "progress.json"
    with told.telling(path.parent) as tell:
        tell("data", "")
        assert not path.exists()
        path.parent.mkdir()
        seen = []
        for step, words in (("data", "reading"), ("tune", "1 of 3"), ("tune", "2 of 3")):
            tell(step, words)
            seen.append(json.loads(path.read_text())["words"])
        assert seen == ["reading", "1 of 3", "2 of 3"]
    assert list(path.parent.iterdir()) == []

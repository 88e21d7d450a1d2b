"""``gammabeta tune`` refuses what makes no sense in one sentence, and leaves nothing behind."""

from pathlib import Path

import pandas as pd
import pytest
from tests.stories.command import gammabeta, held
from tests.tune.problems import table


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pd.DataFrame(table(90)).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "space.toml").write_text("optimizer.learning_rat = [0.1, 1]\n")
    (tmp_path / "wide.toml").write_text("network.dropout = [0.5, 1.5]\n")
    return tmp_path / "rows.csv"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--trials", "0"], "--trials 0: expected at least 1"),
        (["--workers", "0"], "--workers 0: expected at least 1"),
        (["--time-limit", "soon"], "expected a time such as 90s"),
        (["--time-limit", "0.01s"], "not even the plan that the search starts from was done in the"),
        (["--resume"], "holds no search.db, expected a search; leave --resume out"),
        (["--space", "space.toml"], 'unknown field "optimizer.learning_rat"; did you mean "optimizer.learning_rate"?'),
        (["--space", "wide.toml"], "1.5 is outside its range [0, 1)"),
        (["--space", "none.toml"], "there is no such file, expected a search space"),
        (["--storage", "sqlite:////nowhere/at/all/search.db"], "there is no folder /nowhere/at/all"),
        (["--storage", "nonsense"], "not a database URL"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_left(data: Path, typed: list[str], words: str, monkeypatch) -> None:
    monkeypatch.chdir(data.parent)
    before = held(data.parent)
    outcome = gammabeta("tune", data, "--target", "y", "-o", data.parent / "run", "--quiet", *typed)
    assert outcome.code in (1, 2), outcome.err
    assert words in outcome.complaint
    assert held(data.parent) == before
    assert not (data.parent / "run").exists()


def test_to_resume_a_folder_must_be_named(data: Path) -> None:
    outcome = gammabeta("tune", data, "--target", "y", "--resume")
    assert outcome.code == 2
    assert "--resume: expected -o with the folder of the search" in outcome.complaint


def test_a_search_that_is_there_is_not_begun_again_by_mistake(data: Path) -> None:
    run = data.parent / "run"
    run.mkdir()
    (run / "search.db").write_bytes(b"")
    outcome = gammabeta("tune", data, "--target", "y", "-o", run)
    assert outcome.code == 2
    assert "it holds a search already; add --resume" in outcome.complaint

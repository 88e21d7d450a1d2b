"""From a search to the page that shows it, while it runs and when it has ended."""

import json
import signal
import threading
import time

import pandas as pd
import pytest
from tests.stories.command import done, gammabeta
from tests.tune.problems import PLAN, table

from gammabeta.cli import INTERRUPTED
from gammabeta.report.live import Look, look
from gammabeta.serial import dumps
from gammabeta.tune.search import Search

SPACE = "only = true\noptimizer.learning_rate = { log = [1e-3, 0.3] }\nnetwork.dropout = [0.05, 0.5]\n"


@pytest.fixture(scope="module")
def typed(tmp_path_factory) -> list[object]:
    """A search of three trials that share one small program."""
    folder = tmp_path_factory.mktemp("searches")
    pd.DataFrame(table(1_703)).to_csv(folder / "rows.csv", index=False)
    (folder / "plan.json").write_text(dumps(PLAN))
    (folder / "space.toml").write_text(SPACE)
    words = ["tune", folder / "rows.csv", "--target", "y", "--plan", folder / "plan.json"]
    return [*words, "--space", folder / "space.toml", "--trials", 3, "--workers", 1]


def test_a_search_is_seen_while_it_runs_and_its_page_shows_it(typed, tmp_path, monkeypatch):
    seen: list[tuple[str, int]] = []
    tell = Search.tell

    def watched(self, *given):
        tell(self, *given)
        known = look(Look(tmp_path / "run")).known
        seen.append((look(Look(tmp_path / "run")).state.word, known.search["done"]))

    monkeypatch.setattr(Search, "tell", watched)
    monkeypatch.setattr("gammabeta.cli.told.BETWEEN", 0.0)
    done(*typed, "-o", tmp_path / "run")
    assert seen[:4] == [("training", number) for number in range(4)]
    assert {word for word, _ in seen} == {"training"}
    body = json.loads((tmp_path / "run" / "search.json").read_text())
    assert (body["phase"], body["done"]) == ("over", 3)
    text = (tmp_path / "run" / "report.html").read_text()
    assert "A better plan was searched for, in 3 of 3 trials" in text
    assert "All trials" in text
    assert "is told from 8 finished trials on" in text
    assert not (tmp_path / "run" / "progress.json").exists()
    assert look(Look(tmp_path / "run")).state.word == "over"


def test_a_search_that_is_interrupted_has_its_page_and_without_a_report_none(typed, tmp_path, monkeypatch):
    tell, folder = Search.tell, tmp_path / "run"

    def pressed(self, *given):
        tell(self, *given)
        if self.outcomes():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            while not self.should_stop():
                time.sleep(0.01)

    with monkeypatch.context() as patched:
        patched.setattr(Search, "tell", pressed)
        outcome = gammabeta(*typed, "-o", folder, "--quiet")
    assert outcome.code == INTERRUPTED
    assert "1 of 3 trials are done" in outcome.err
    assert "A better plan was searched for, in 1 of 3 trials" in (folder / "report.html").read_text()
    assert look(Look(folder)).state.says == "1 of 3 trials done"
    (folder / "report.html").unlink()
    done(*typed, "-o", folder, "--resume", "--no-report", "--quiet")
    assert not (folder / "report.html").exists()
    done("report", folder)
    assert "in 3 of 3 trials" in (folder / "report.html").read_text()

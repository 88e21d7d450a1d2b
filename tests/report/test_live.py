"""What is new of a run that is being written: its history, its state, its page, and several runs side by side."""

import json
import os
import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.runs import EVIL, line, recipe_folder, run_folder, search_folder
from tests.report.test_page import Parsed, hashed

from gammabeta.report.comparison import COLORED, address, comparison
from gammabeta.report.live import Look, content, look
from gammabeta.report.page import fragments, page, policy
from gammabeta.report.run_folder import known
from gammabeta.report.state import SILENT
from gammabeta.train.history import Tail, further

PLAN = {"type": "plan", "epochs": 30}


def written(lines) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def begun(folder: Path, lines, plan=PLAN) -> Path:
    """A run under way: plan and history only."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "history.jsonl").write_bytes(written(lines))
    return folder


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_a_history_read_piece_by_piece_is_the_history(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("history") / "history.jsonl"
    whole = written([line(1), {"other": "format"}, {**line(3), "note": "grün"}, line(4)])
    tail, at = Tail(), 0
    for piece in (*pieces, len(whole)):
        at = min(at + piece, len(whole))
        path.write_bytes(whole[:at])
        tail = further(tail, path)
        assert len(tail.lines) + len(tail.broken) == tail.count == whole[:at].count(b"\n")
    assert [one["epoch"] for one in tail.lines] == [1, 3, 4]
    assert tail.broken == (2,)


@pytest.mark.parametrize("epochs", [0, 1, 2, 5])
def test_a_history_begun_anew_is_read_from_its_beginning(tmp_path, epochs):
    path = tmp_path / "history.jsonl"
    path.write_bytes(written([line(1), line(2)]))
    before = further(Tail(), path)
    again = [{**line(number + 1), "seconds": 0.75} for number in range(epochs)]
    path.write_bytes(written(again))
    assert list(further(before, path).lines) == again
    path.unlink()
    assert further(before, path) == Tail()


def test_a_half_written_line_waits_silently_while_a_run_goes_on(tmp_path):
    folder = begun(tmp_path, [line(1), line(2)])
    half = json.dumps(line(3))
    with (folder / "history.jsonl").open("a") as file:
        file.write(half[:50])
    seen = look(Look(folder))
    assert len(seen.known.history) == 2
    assert seen.known.missing == ()
    assert "line 3 is cut off" in known(folder).missing[0]
    with (folder / "history.jsonl").open("a") as file:
        file.write(half[50:])
    assert len(known(folder).history) == 3
    with (folder / "history.jsonl").open("a") as file:
        file.write("\n")
    assert len(look(seen).known.history) == 3


def test_an_unchanged_folder_is_not_read_again(tmp_path):
    first = look(Look(begun(tmp_path, [line(1)])))
    assert look(first) is first
    (tmp_path / "search.json").write_text("[1, 2]")
    second = look(first)
    assert second.known.more == {"search": [1, 2]}
    assert second.tail.lines[0] is first.tail.lines[0]


def test_a_run_is_told_by_its_files_where_it_stands(tmp_path):
    folder = tmp_path / "run"
    told = [look(Look(folder)).state.word]
    begun(folder, [])
    told.append(look(Look(folder)).state.word)
    begun(folder, [line(1), line(2)])
    seen = look(Look(folder))
    told.append(seen.state.word)
    assert seen.state.says == "training, epoch 2 of 30 done"
    begun(folder, [line(1), line(2, ended="early stopping")])
    told.append(look(Look(folder)).state.word)
    (folder / "metrics.json").write_text('{"seconds": 3}')
    told.append(look(Look(folder)).state.word)
    assert told == ["waiting", "starting", "training", "measuring", "over"]


def test_a_run_that_writes_nothing_for_long_is_called_silent(tmp_path):
    folder = begun(tmp_path, [{**line(1), "seconds": 40.0}])
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    first = look(Look(folder), 1000 + SILENT + 1)
    assert first.state.word == "training"  # ten of its epochs have not passed
    later = look(first, 1401)
    assert later.state.word == "silent"
    assert later.known is first.known


def changed(before: Look, after: Look) -> set[str]:
    pieces = fragments(*content(before))
    return {name for name, html in fragments(*content(after)).items() if html != pieces[name]}


def test_what_was_found_of_a_replaced_run_is_not_told_of_the_new_one(tmp_path):
    folder = run_folder(tmp_path / "run", "multiclass")
    before = look(Look(folder))
    assert before.known.facts is not None
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    assert look(Look(folder)).known.facts is not None
    begun(folder, [line(1)])
    after = look(before)
    assert (after.known.facts, after.known.findings, dict(after.known.metrics)) == (None, None, {})
    (folder / "findings.json").write_text("[]")
    assert look(after).known.findings == ()


def state(folder: Path, now: float | None = None) -> tuple[str, str]:
    return look(Look(folder), now).state[:2]


def test_a_recipe_says_which_step_is_under_way(tmp_path):
    folder = recipe_folder(tmp_path, 3)
    assert state(folder) == ("over", "3 of 6 steps done, the last overfit")
    told = folder / "progress.json"
    told.write_text('{"step": "regularize", "words": "trying dropout"}')
    assert state(folder) == ("training", "step 4 of 6, regularize, under way: trying dropout")
    word, says = state(folder, told.stat().st_mtime + SILENT + 1)
    assert word == "silent"
    assert "step 4 of 6" in says
    told.unlink()
    recipe_folder(folder)
    assert state(folder) == ("over", "over: all 6 steps done")
    (folder / "metrics.json").unlink()
    assert state(folder)[0] == "measuring"


def test_a_search_says_which_trial_is_done(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "search.db").write_bytes(b"")
    assert state(folder) == ("starting", "a search, in its first trials")
    assert state(folder, time.time() + SILENT + 9)[0] == "silent"
    search_folder(folder, 7, "searching")
    assert state(folder) == ("over", "7 of 20 trials done")
    before = look(Look(folder))
    (folder / "progress.json").write_text('{"step": "searching", "words": "trial 7 of 20 done"}')
    assert look(before).state[:2] == ("training", "searching: trial 7 of 20 done")


def test_a_search_that_lives_in_its_database_is_not_silent(tmp_path):
    folder = search_folder(tmp_path, 2, "searching")
    (folder / "progress.json").write_text('{"step": "searching", "words": "trial 2 of 20 done"}')
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    first = look(Look(folder), 1000 + SILENT + 1)
    assert first.state.word == "silent"
    os.utime(folder / "search.db", (1000 + SILENT, 1000 + SILENT))
    later = look(first, 1000 + SILENT + 1)
    assert later.state.word == "training"
    assert later.known is first.known


def test_what_was_found_of_a_run_is_not_told_of_a_recipe_that_has_no_network_yet(tmp_path):
    folder = run_folder(tmp_path)
    (folder / "metrics.json").unlink()
    recipe_folder(tmp_path / "other", 1)
    (folder / "recipe.json").write_bytes((tmp_path / "other" / "recipe.json").read_bytes())
    found = look(Look(folder)).known
    assert (found.history, dict(found.plan), found.facts) == ((), {}, None)


def test_a_folder_in_which_something_began_is_no_longer_awaited(tmp_path):
    (tmp_path / "recipe.json").write_text("[]")
    assert look(Look(tmp_path)).state.word == "starting"


def test_a_new_epoch_changes_the_pieces_that_tell_of_it(tmp_path):
    folder = run_folder(tmp_path / "run", "multiclass")
    (folder / "metrics.json").unlink()
    begun(folder, [line(1), line(2)], json.loads((folder / "plan.json").read_text()))
    before = look(Look(folder))
    with (folder / "history.jsonl").open("ab") as file:
        file.write(written([line(3)]))
    assert changed(before, look(before)) == {"top", "verdict", "training", "layers"}


def test_the_first_epoch_brings_its_links(tmp_path):
    before = look(Look(begun(tmp_path, [])))
    begun(tmp_path, [line(1)])
    assert "links" in changed(before, look(before))


def test_a_run_that_has_not_begun_says_that_it_is_awaited(tmp_path):
    text = Parsed(page(*content(look(Look(tmp_path / EVIL))), live=True)).text
    assert "Nothing is here yet" in text
    assert EVIL in text


def test_a_living_page_may_ask_its_own_server_and_nobody_else(tmp_path):
    found = Parsed(page(*content(look(Look(run_folder(tmp_path)))), live=True))
    written_policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert written_policy == policy(True)
    rules = dict(rule.split(" ", 1) for rule in written_policy.split("; "))
    assert rules["connect-src"] == "'self'"
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [hashed(text) for text in found.inside["script"]]
    assert len(found.inside["script"]) == 2


def looks(tmp_path, losses, **more) -> dict[str, Look]:
    """Runs whose validation loss is a number over the epoch."""
    found = {}
    for name, loss in losses.items():
        lines = [{**line(n), "valid": {"loss": loss / n, "accuracy": 0.5}, **more} for n in range(1, 8)]
        found[name] = look(Look(begun(tmp_path / name, lines)))
    return found


def test_side_by_side_every_run_has_a_line_a_curve_and_a_link(tmp_path):
    found = Parsed(page(*comparison(looks(tmp_path, {"a b": 2.0, "c/d": 1.0, EVIL: 3.0}), "runs"), live=True))
    links = [a["href"] for name, a in found.tags if name == "a"]
    assert [unquote(one) for one in links] == ["/run/a b", "/run/c/d", f"/run/{EVIL}"]
    assert len([a for name, a in found.tags if name == "path" and a["class"].startswith("line s")]) == 12
    assert EVIL in found.text
    assert found.words[found.words.index("0.1429") - 5 :].count("0.1429") == 1


def test_the_lowest_loss_is_set_apart_where_runs_can_be_compared(tmp_path):
    html = comparison(looks(tmp_path, {"a": 2.0, "b": 1.4}), "runs").sections[0].html
    assert re.findall("<b>(.*?)</b>", html) == ["0.2000"]
    other = look(Look(begun(tmp_path / "c", [line(1, metric="r2")])))
    html = comparison({**looks(tmp_path, {"a": 2.0}), "c": other}, "runs").sections[0].html
    assert "<b>" not in html


def test_runs_of_different_metrics_are_drawn_apart(tmp_path):
    other = look(Look(begun(tmp_path / "c", [line(1, metric="r2"), line(2, metric="r2")])))
    html = comparison({**looks(tmp_path, {"a": 2.0}), "c": other}, "runs").sections[1].html
    titles = re.findall("<figcaption>(.*?)</figcaption>", html)
    assert titles == [
        "Loss, runs with accuracy",
        "Accuracy, runs with accuracy",
        "Loss, runs with R²",
        "R², runs with R²",
    ]


def test_of_many_runs_the_best_are_colored_and_the_rest_is_gray(tmp_path):
    names = {f"run-{i}": 9.0 - i for i in range(COLORED + 3)}
    html = comparison(looks(tmp_path, names), "runs").sections[1].html
    loss = html.partition("Accuracy")[0]
    assert loss.count('class="line rest"') == 3
    legend = re.search('<p class="legend">.*?</p>', loss).group()
    assert re.findall(r"run-\d", legend) == [f"run-{i}" for i in range(3, COLORED + 3)]
    assert "In gray the 3 runs" in loss


def test_runs_that_began_nothing_have_a_line_and_no_chart(tmp_path):
    first, second = comparison({"new": look(Look(tmp_path / "new"))}, "runs").sections
    assert "waiting" in first.html
    assert second.html == ""
    assert "No run is here yet" in comparison({}, "runs").sections[0].html


def test_an_address_keeps_what_a_name_holds():
    assert address("a b/ü?#") == "/run/a%20b/%C3%BC%3F%23"

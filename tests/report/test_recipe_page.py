"""The page of a recipe and of a search, as far as they came."""

import json

import pytest
from tests.report.runs import EVIL, gate_facts, recipe_folder, search, search_folder
from tests.report.test_page import Parsed

from gammabeta.recipe import gate, record
from gammabeta.recipe import tune as fifth
from gammabeta.report import gates, names
from gammabeta.report.run_folder import Known, known
from gammabeta.report.sections import sections
from gammabeta.report.sections.search import brief
from gammabeta.report.write import drawn
from gammabeta.tune.asking import LEAST_FOR_IMPORTANCE
from gammabeta.tune.facts import FACTS_NAME

STEPS = names.STEPS


def html_of(found: Known, name: str) -> str:
    return next(one.html for one in sections(found) if one.id == name)


def words_of(folder) -> str:
    return Parsed(drawn(known(folder))).text


@pytest.fixture(scope="module")
def cooked(tmp_path_factory):
    return recipe_folder(tmp_path_factory.mktemp("cooked"))


def test_names_and_numbers_are_those_of_the_recipe_and_the_search():
    assert gate.STEPS == STEPS
    assert (record.RECIPE_NAME, record.FORMAT) == (names.RECIPE_NAME, gates.FORMAT)
    assert (fifth.DATABASE_NAME, FACTS_NAME) == (names.DATABASE_NAME, names.SEARCH_NAME)
    assert search()["importances_from"] == LEAST_FOR_IMPORTANCE


@pytest.mark.parametrize("task", ["binary", "images"])
@pytest.mark.parametrize("steps", range(1, 7))
def test_a_recipe_is_drawn_as_far_as_it_came(tmp_path, steps, task):
    found = known(recipe_folder(tmp_path, steps, task))
    drawn_steps = [one.id for one in sections(found) if one.id.startswith("recipe_") and one.html]
    assert drawn_steps == [f"recipe_{step}" for step in STEPS[:steps]]
    text = Parsed(drawn(found)).text
    assert "of another format" not in text
    assert "Data" not in text.split()
    assert found.missing == ()
    assert ("The test rows have not been looked at" in text) == (steps < 6)
    assert ("nothing is trained yet" in text) == (steps == 1)
    assert ("of the test rows" in text) == (steps == 6)


def test_the_verdict_of_a_recipe_names_its_gates_and_its_winner(cooked):
    text = html_of(known(cooked), "verdict")
    assert "5 of 6 gates were passed, not overfit" in text
    assert "The winner among 2 candidates, by the validation rows: ensemble of its seeds (accuracy 0.9000" in text
    assert "15 s" in text


def test_where_nobody_looked_nothing_is_said_of_findings(tmp_path):
    folder = recipe_folder(tmp_path)
    clean = gate_facts()["data"] | {"findings": []}
    body = json.loads((folder / "recipe.json").read_text())
    body["gates"][0]["facts"] = clean
    (folder / "recipe.json").write_text(json.dumps(body))
    (folder / "findings.json").write_text("[]")
    assert "Nothing severe was found" in words_of(folder)
    (folder / "findings.json").unlink()
    assert "Nothing severe was found" not in words_of(folder)
    body["gates"][0]["facts"] = gate_facts()["data"]
    (folder / "recipe.json").write_text(json.dumps(body))
    assert 'href="#recipe_data"' in html_of(known(folder), "verdict")


def test_the_first_step_names_rows_by_their_place_and_classes_by_their_names(cooked):
    found = known(cooked)
    text = html_of(found, "recipe_data")
    assert "learning rate too low" in text
    assert "<td>no</td>" in text
    assert "distribution" in text
    assert "Classes of the training rows" in text
    rows = found.facts.named["rows"]
    assert set(rows) == {"4", "2", "3"}
    assert rows["4"]["row"] == 5
    assert found.facts.named["columns"] == ["size", "color", "opened"]
    without = html_of(Known(**{**vars(found), "facts": None}), "recipe_data")
    assert "training row" in without
    assert "distribution" not in without


def test_the_first_step_of_images_shows_them(tmp_path):
    text = html_of(known(recipe_folder(tmp_path, 1, "images")), "recipe_data")
    titles = ["The images that look oddest", "Images whose labels may be wrong", "Images by chance"]
    assert [text.index(title) for title in titles] == sorted(text.index(title) for title in titles)
    assert text.count("<img ") == 2 + 1 + 16


def test_facts_of_an_earlier_model_of_a_recipe_are_left_out(tmp_path):
    folder = recipe_folder(tmp_path, 3)
    body = json.loads((folder / "recipe.json").read_text())
    assert known(folder).facts.after == "skeleton"
    for count, there in ((1, False), (2, True), (5, True)):
        (folder / "recipe.json").write_text(json.dumps({**body, "gates": body["gates"][:count]}))
        assert (known(folder).facts is not None) == there
    plain = json.loads((folder / "facts.json").read_text()) | {"after": ""}
    (folder / "facts.json").write_text(json.dumps(plain))
    assert known(folder).facts is None
    (folder / "recipe.json").unlink()
    assert known(folder).facts is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 0}, "recipe.json is of format 0, expected 1: its steps are left out"),
        ({"gates": [{"step": "data"}]}, "recipe.json: 1 of its steps are of another format"),
    ],
)
def test_a_recipe_of_another_format_is_told_of(tmp_path, change, words):
    folder = recipe_folder(tmp_path, 2)
    body = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(body | change))
    assert words in words_of(folder)
    assert known(folder).gates == ()


def test_facts_of_another_format_are_told_of(tmp_path):
    folder = recipe_folder(tmp_path)
    (folder / "facts.json").write_text('{"format": 0}')
    assert "facts.json is of another format, and is left out" in words_of(folder)


def test_a_search_has_its_ranking_threads_importances_and_trials(tmp_path):
    found = known(search_folder(tmp_path))
    html = html_of(found, "search")
    text = Parsed(html).text
    for words in ("Best so far", "Gain on the first plan", "All trials", "What the loss depended on", "every trial"):
        assert words in text
    assert "(95 % interval 0.05 to 0.35)" in html_of(found, "verdict")
    assert EVIL not in html
    assert EVIL in text
    threads = html.partition("All trials")[2].partition('class="chart wide"')[2].partition("</svg>")[0]
    assert threads.count('class="line rest"') == 8
    # each learning rate has an axis of its own, told apart by its optimizer
    assert threads.count(">learning rate<") == 2
    assert "A better plan was searched for, in 10 of 10 trials. Trial 9 is best" in html_of(found, "verdict")


@pytest.mark.parametrize("trials", [0, 1, 4])
def test_a_search_under_way_is_drawn_at_any_length(tmp_path, trials):
    found = known(search_folder(tmp_path, trials, "searching"))
    text = Parsed(html_of(found, "search")).text
    assert "another format" not in text
    assert f"{trials} of 20 trials" in text
    assert f"is told from 8 finished trials on; {trials - trials // 3} came" in text
    assert ("No trial is done yet" in html_of(found, "verdict")) == (trials == 0)
    assert "What trial" not in text
    Parsed(drawn(found))


def test_the_search_of_a_recipe_stands_in_its_fifth_step(tmp_path, cooked):
    assert not html_of(known(cooked), "search")
    assert "All trials" in html_of(known(cooked), "recipe_tune")
    folder = search_folder(recipe_folder(tmp_path, 4), 4, "searching")
    assert "not ended" in html_of(known(folder), "recipe_tune")
    assert "All trials" in html_of(known(folder), "recipe_tune")


@pytest.mark.parametrize("body", [{"trials": 3}, {"trials": [{}]}, {"trials": []}])
def test_a_search_of_another_format_is_told_of(tmp_path, body):
    (tmp_path / "search.json").write_text(json.dumps(body))
    assert "of another format, and not drawn" in words_of(tmp_path)


def test_numbers_of_a_plan_have_short_names_that_tell_them_apart():
    keys = ["optimizer.adam_w.learning_rate", "optimizer.sgd.learning_rate", "network.hidden.length", "l2"]
    assert [brief(key, keys) for key in keys] == [
        ("learning rate", "adam w"),
        ("learning rate", "sgd"),
        ("hidden length", ""),
        ("l2", ""),
    ]

"""``gammabeta recipe`` as it is typed: a folder like that of fit, stopping, going on, and what is refused."""

import json
import shlex
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from tests.stories.command import done, gammabeta, held

import gammabeta as gb
from gammabeta.recipe import squeeze
from gammabeta.tune import trial

TINY = (
    "--set",
    "network.hidden=[8]",
    "--set",
    "optimizer.learning_rate=0.05",
    "--set",
    "early_stopping=none",
    "--epochs",
    20,
    "--batch-size",
    15,
    "--trials",
    2,
    "--workers",
    1,
)


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame = load_iris(as_frame=True).frame.sample(frac=1, random_state=3)
    frame["kind"] = np.array(["setosa", "versicolor", "virginica"])[frame.pop("target")]
    path = tmp_path_factory.mktemp("iris") / "iris.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def recipe(iris: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was begun, stopped after the third step, and finished."""
    folder = tmp_path_factory.mktemp("recipes") / "iris"
    typed = ("recipe", iris, "--target", "kind", *TINY, "-o", folder)
    with pytest.MonkeyPatch.context() as patch:
        # three folds rather than five
        patch.setattr(trial, "VERY_FEW_ROWS", 80)
        stopped = done(*typed, "--until", "overfit", "--time-limit", "none")
        assert "stopped after overfit" in stopped.out
        assert "--resume" in stopped.out
        assert not (folder / "metrics.json").exists()
        finished = done(*typed, "--resume", "--time-limit", "none", "--json")
        assert [step["step"] for step in finished.json["steps"]] == [
            "data",
            "skeleton",
            "overfit",
            "regularize",
            "tune",
            "squeeze",
        ]
    return folder


def test_a_recipe_leaves_what_fit_leaves_and_its_gates(recipe, iris):
    assert {"model.safetensors", "plan.json", "history.jsonl", "rows.json", "metrics.json", "report.html"} <= {
        path.name for path in recipe.iterdir()
    }
    metrics = json.loads((recipe / "metrics.json").read_text())
    assert metrics["rows"] == {"train": 90, "valid": 30, "test": 30}
    assert metrics["test"]["accuracy"] > 0.8
    assert metrics["recipe"]["winner"]
    predicted = done("predict", recipe, iris).out.splitlines()
    assert len(predicted) == 151
    assert done("summary", recipe).out
    assert "verdict" in done("diagnose", recipe, "--json", "--quiet").json


def test_the_report_has_a_section_for_each_step(recipe):
    page = (recipe / "report.html").read_text("utf-8")
    for step in ("data", "skeleton", "overfit", "regularize", "tune", "squeeze"):
        assert f'id="recipe_{step}"' in page
    assert "of another format" not in page


def test_the_plan_of_the_first_model_gives_it_again(recipe, iris, tmp_path):
    done("fit", iris, "--target", "kind", "--plan", recipe / "first" / "plan.json", "-o", tmp_path / "again")
    rows = gb.read(iris)
    one, other = gb.load(recipe / "first"), gb.load(tmp_path / "again")
    np.testing.assert_array_equal(one.predict_proba(rows), other.predict_proba(rows))


@pytest.mark.parametrize("kind", ["ensemble", "averaged"])
def test_the_printed_command_gives_a_model_that_is_a_mean_again_bit_for_bit(kind, recipe, iris, tmp_path, monkeypatch):
    folder = tmp_path / "means"
    shutil.copytree(recipe, folder)
    body = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps({**body, "gates": body["gates"][:-1]}))
    monkeypatch.setattr(squeeze, "candidate", partial(favored, kind, squeeze.candidate))
    typed = ("recipe", iris, "--target", "kind", *TINY, "-o", folder, "--resume", "--time-limit", "none")
    out = done(*typed).out
    assert json.loads((folder / "metrics.json").read_text())["recipe"]["winner"] == kind
    assert not (folder / "findings.json").exists()
    plans = json.loads((folder / "plan.json").read_text())
    assert plans["type"] == "combined"
    assert [plan["seed"] for plan in plans["members"]] == ([0, 1, 2, 3, 4] if kind == "ensemble" else [0])
    (again,) = [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("again")]
    words = shlex.split(again)
    assert words[words.index("--target") + 1] == "kind"
    done(*words[1:])
    made = Path(words[words.index("-o") + 1])
    one, other = gb.load(folder), gb.load(made)
    for tree in ("params", "stats"):
        for mine, its in zip(*(jax.tree.leaves(getattr(model, tree)) for model in (one, other)), strict=True):
            np.testing.assert_array_equal(mine, its)
    before, after = (json.loads((place / "metrics.json").read_text()) for place in (folder, made))
    assert (before["valid"], before["test"]) == (after["valid"], after["test"])
    assert (made / "plan.json").read_bytes() == (folder / "plan.json").read_bytes()
    for place in (folder, made):
        assert "the model is a mean of several: no forks" in done("diagnose", place).out
    assert "plans that are trained one by one" in gammabeta("tune", iris, *words[3:]).complaint
    assert "holds" in gammabeta(*words[1:], "--epochs", 3, "--quiet").complaint


def favored(kind: str, candidate: Any, known: Any, name: str, served: Any) -> Any:
    """A candidate as it is, one of this kind with a score that nothing else has."""
    found = candidate(known, name, served)
    return replace(found, score=found.score._replace(loss=-1.0, value=1.0)) if name == kind else found


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        (("--until", "squeze"), 2, 'did you mean "squeeze"'),
        (("--resume",), 2, "expected -o with the folder"),
        (("--time-limit", "soon"), 2, "expected a time such as"),
        (("--trials", 0), 2, "expected at least 1"),
        (("--valid", 0), 1, "found no validation rows"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(iris, tmp_path, monkeypatch, typed, code, words):
    monkeypatch.chdir(tmp_path)
    outcome = gammabeta("recipe", iris, "--target", "kind", "--quiet", *typed)
    assert outcome.code == code
    assert words in outcome.complaint
    assert held(tmp_path) == {}


def test_a_time_limit_that_is_too_short_leaves_nothing_behind_that_stands_in_the_way(iris, tmp_path):
    typed = ("recipe", iris, "--target", "kind", *TINY, "--quiet", "--time-limit", "0.5s")
    assert "give at least" in gammabeta(*typed, "-o", tmp_path / "new" / "run").complaint
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "rows.json").write_text("of another run")
    assert "give at least" in gammabeta(*typed, "-o", tmp_path).complaint
    assert held(tmp_path) == {"rows.json": b"of another run"}


def test_a_folder_with_a_recipe_is_neither_begun_anew_nor_resumed_with_other_rows(recipe, iris, tmp_path):
    before = held(recipe)
    typed = ("--target", "kind", *TINY, "--quiet", "-o", recipe)
    assert "add --resume" in gammabeta("recipe", iris, *typed).complaint
    pd.read_csv(iris)[:120].to_csv(tmp_path / "fewer.csv", index=False)
    assert "a recipe of something else" in gammabeta("recipe", tmp_path / "fewer.csv", *typed, "--resume").complaint
    assert "holds no recipe.json" in gammabeta("recipe", iris, *typed[:-1], tmp_path / "empty", "--resume").complaint
    assert held(recipe) == before

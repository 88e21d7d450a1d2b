"""From a run that does not train to its cause, and to a run that does."""

import csv
import importlib
import json
import re
import shutil
from pathlib import Path

import pytest
from sklearn.datasets import load_wine
from tests.stories.command import gammabeta, held

from gammabeta.diagnosis import Finding

SMALL = [
    "--no-report",
    "--epochs",
    "40",
    "--set",
    "network.hidden=[16]",
    "--set",
    "network.dropout=0",
    "--set",
    "early_stopping=none",
]


def written(path: Path, shift: float = 0.0, stretch: float = 1.0) -> Path:
    wine = load_wine()
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*wine.feature_names, "grower"])
        for x, y in zip(wine.data, wine.target, strict=True):
            writer.writerow([*(stretch * x + shift * wine.data.std(axis=0)), "abc"[y]])
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("diagnose")
    written(folder / "wine.csv")
    for name, settings in {"slow": ["--set", "optimizer.learning_rate=1e-6"], "well": []}.items():
        done = gammabeta(
            "fit", folder / "wine.csv", "--target", "grower", *SMALL, *settings, "-o", folder / name, "--json"
        )
        assert done.code == 0, done.err
    return folder


def test_the_cause_is_named_proved_and_written_down(place):
    outcome = gammabeta("diagnose", place / "slow", "--json")
    assert outcome.code == 0, outcome.err
    first = outcome.json["findings"][0]
    assert (first["code"], first["severity"]) == ("GB302", "error")
    assert first["proof"]["confirmed"]
    assert first["proof"]["after"] > first["proof"]["before"]
    assert list(first["fix"]) == ["optimizer.learning_rate"]
    assert "--set 'optimizer.learning_rate=" in outcome.err or "--set optimizer.learning_rate=" in outcome.err
    assert json.loads((place / "slow" / "findings.json").read_text()) == outcome.json["findings"]


def test_a_run_that_trains_well_has_no_error_and_is_measured_on_demand(place):
    outcome = gammabeta("diagnose", place / "well", "--deep", "--json")
    found = outcome.json["measures"]
    assert json.loads((place / "well" / "measures.json").read_text()) == found
    assert found["moment"] == "finished network"
    assert len(found["losses"]) == 25
    for words in ("internal covariate shift", "sharpness", "negative curvature", "noise scale", "loss landscape"):
        assert words in outcome.err
    assert [one["code"] for one in outcome.json["findings"] if one["severity"] == "error"] == []
    assert outcome.json["verdict"]


def test_the_fix_is_kept_where_whole_runs_agree(place, tmp_path):
    outcome = gammabeta("diagnose", place / "slow", "--fix", "-o", tmp_path / "mended", "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    fix = outcome.json["fix"]
    assert fix["kept"]
    assert fix["after"] > fix["before"]
    scores = gammabeta("evaluate", tmp_path / "mended", place / "wine.csv", "--json").json["test"]
    assert scores["accuracy"] > 0.8
    assert gammabeta("diagnose", tmp_path / "mended", "--json", "--quiet").code == 0


FIX = "gammabeta.diagnosis.fix"


def untrained(*given):
    raise AssertionError("nothing is to be trained")


def compared_as(monkeypatch, **facts):
    """The learning rate is found too low, and whole runs come to this: neither forks nor runs are made."""
    slow = Finding(
        code="GB302",
        name="learning rate too low",
        severity="error",
        place="optimizer.learning_rate",
        evidence="the loss hardly falls",
        fix={"optimizer.learning_rate": 1e-2},
    )
    monkeypatch.setattr("gammabeta.diagnosis.diagnose", lambda *given, **more: [slow])
    fix = importlib.import_module(FIX)
    made = {"metric": "accuracy", "pairs": 3, "before": 0.4, "after": 0.9, "loss_before": 1.0, "loss_after": 0.1}
    found = fix.Comparison(**{**made, "gain": 0.5, "error": 0.001, "kept": True, **facts})
    monkeypatch.setattr(f"{FIX}.compared", lambda case, plan: found)


def copied(run, folder):
    return Path(shutil.copytree(run, folder))


def test_what_cannot_be_trained_again_from_its_start_is_not_mended(place, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{FIX}.compared", untrained)
    run = copied(place / "slow", tmp_path / "run")
    origin = json.loads((run / "rows.json").read_text())
    (run / "rows.json").write_text(json.dumps({**origin, "command": "transfer"}))
    before = held(tmp_path)
    complaint = gammabeta("diagnose", run, "--fix").complaint
    assert "began from another model (transfer)" in complaint
    assert "leave --fix out" in complaint
    (run / "rows.json").write_text(json.dumps(origin))
    assert held(tmp_path) == {**before, "run/rows.json": json.dumps(origin).encode()}
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps({"type": "combined", "members": [plan, plan], "averaged_epochs": 2}))
    assert "the model is a mean of several" in gammabeta("diagnose", run, "--fix").complaint


def test_the_run_itself_is_never_replaced_by_its_mended_run(place, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{FIX}.compared", untrained)
    run = copied(place / "slow", tmp_path / "run")
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(run)
    before = held(run)
    for typed in (run, tmp_path / "link", ".", "../run"):
        complaint = gammabeta("diagnose", run, "--fix", "-o", typed).complaint
        assert "found the run itself, expected another folder" in complaint
    assert held(run) == before


@pytest.mark.parametrize("typed", [".", "plan.json", "inside/.."])
def test_a_run_named_from_inside_is_mended_beside_itself(place, tmp_path, monkeypatch, typed):
    compared_as(monkeypatch, before=float("nan"), loss_before=float("inf"))
    run = copied(place / "slow", tmp_path / "run")
    (run / "inside").mkdir()
    monkeypatch.chdir(run)
    outcome = gammabeta("diagnose", typed, "--fix", "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    assert Path(outcome.json["fix"]["run"]) == tmp_path / "run-fixed"
    # what is not finite is null
    assert (outcome.json["fix"]["before"], outcome.json["fix"]["loss_before"]) == (None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-fixed"]


def test_a_mended_run_replaces_another_whole_or_not_at_all(place, tmp_path, monkeypatch):
    compared_as(monkeypatch)
    new = copied(place / "well", tmp_path / "new")
    for name in ("measures.json", "recipe.json", "search.json"):
        (new / name).write_text("{}")
    before = held(new)
    with monkeypatch.context() as broken:
        broken.setattr("gammabeta.model.Model.save", untrained)
        assert gammabeta("diagnose", place / "slow", "--fix", "-o", new).code == 3
    assert held(new) == before
    outcome = gammabeta("diagnose", place / "slow", "--fix", "-o", new)
    assert outcome.code == 0, outcome.err
    assert "the run that is there will be replaced" in " ".join(outcome.out.split())
    assert "on the validation rows" in " ".join(outcome.out.split())
    assert not {"measures.json", "recipe.json", "search.json"} & set(held(new))
    assert held(new)["model.safetensors"] != before["model.safetensors"]


def test_without_validation_rows_the_fix_is_judged_on_the_training_rows(place, tmp_path, monkeypatch):
    compared_as(monkeypatch, kept=False)
    typed = ["fit", place / "wine.csv", "--target", "grower", *SMALL, "--set", "optimizer.learning_rate=1e-6"]
    assert gammabeta(*typed, "--valid", "0", "-o", tmp_path / "run", "--quiet").code == 0
    told = " ".join(gammabeta("diagnose", tmp_path / "run", "--fix").out.split())
    assert "not kept" in told
    assert "on the training rows" in told


def test_new_rows_from_elsewhere_are_reported(place):
    new = written(place / "new.csv", shift=2.0)
    outcome = gammabeta("diagnose", place / "well", "--data", new, "--json", "--quiet")
    codes = {one["code"] for one in outcome.json["findings"]}
    assert codes & {"GB109", "GB110"}
    assert "GB507" in codes
    same = gammabeta("diagnose", place / "well", "--data", place / "wine.csv", "--json", "--quiet")
    assert not {one["code"] for one in same.json["findings"]} & {"GB109", "GB110", "GB507"}


def test_from_python_a_run_folder_is_enough(place):
    import gammabeta as gb

    findings = gb.diagnose(place / "slow", family="GB30")
    assert (findings[0].code, findings[0].severity) == ("GB302", "error")


def test_without_its_rows_a_model_tells_new_ones_by_what_it_remembers(place, tmp_path):
    new = written(tmp_path / "new.csv", shift=2.0)
    bare = tmp_path / "wine.safetensors"
    bare.write_bytes((place / "well" / "model.safetensors").read_bytes())
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (place / "well").iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    origin = json.loads((moved / "rows.json").read_text())
    (moved / "rows.json").write_text(json.dumps({**origin, "data": str(tmp_path / "gone.csv")}))
    without = tmp_path / "without.csv"
    without.write_text("\n".join(line.rpartition(",")[0] for line in new.read_text().splitlines()))
    outcome = gammabeta("diagnose", bare, "--data", without, "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    assert {one["code"] for one in outcome.json["findings"]} & {"GB109", "GB507"}
    other = tmp_path / "other"
    shutil.copytree(moved, other)
    renamed = (place / "wine.csv").read_text().replace("grower", "farmer", 1)
    (tmp_path / "other.csv").write_text(renamed)
    (other / "rows.json").write_text(json.dumps({**origin, "data": str(tmp_path / "other.csv")}))
    for run in (bare, moved, other):
        outcome = gammabeta("diagnose", run, "--data", new, "--json")
        assert outcome.code == 0, outcome.err
        assert "only what the model remembers" in outcome.err
        assert {one["code"] for one in outcome.json["findings"]} & {"GB109", "GB507"}
        same = gammabeta("diagnose", run, "--data", place / "wine.csv", "--json", "--quiet")
        assert [one["code"] for one in same.json["findings"] if one["severity"] != "note"] == []
    assert "put them back" in gammabeta("diagnose", moved).complaint
    assert "only compared" in gammabeta("diagnose", moved, "--data", new, "--fix").complaint


def test_a_run_that_diverged_says_where_and_leaves_what_a_diagnosis_needs(place, tmp_path):
    typed = ["fit", place / "wine.csv", "--target", "grower", *SMALL, "--set", "optimizer.learning_rate=1e20"]
    outcome = gammabeta(*typed, "--quiet", "-o", tmp_path / "run")
    assert outcome.code == 1
    assert "made the first non-finite number" in outcome.complaint
    assert "training rows (" in outcome.complaint
    assert "(GB701)" in outcome.complaint
    told = gammabeta("diagnose", tmp_path / "run", "--json")
    assert "the run has no model" in told.err
    errors = [one["code"] for one in told.json["findings"] if one["severity"] == "error"]
    assert errors[0] == "GB301"
    assert "GB701" in [one["code"] for one in told.json["findings"]]


def test_fit_tells_of_the_variance_shift_of_much_dropout_before_batch_norm(place, tmp_path):
    typed = ["fit", place / "wine.csv", "--target", "grower", "--epochs", "40", "--set", "network.hidden=[16,16]"]
    much = gammabeta(*typed, "--set", "network.dropout=0.7", "-o", tmp_path / "much")
    assert much.code == 0, much.err
    told = re.search(
        r"(note:|warning) GB503 variance shift of dropout before batch norm(.*?)times", much.out, re.DOTALL
    )
    assert told, much.out
    (found,) = (one for one in json.loads((tmp_path / "much" / "findings.json").read_text()) if one["code"] == "GB503")
    assert found["numbers"]["ratio"] > 1.6
    assert f"{found['numbers']['ratio']:.2f}" in told[2]
    little = gammabeta(*typed, "--set", "network.dropout=0.1", "-o", tmp_path / "little")
    assert "GB503" not in little.out


def test_what_is_missing_is_said_and_the_rest_is_diagnosed(place, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for path in (place / "well").iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    (run / "history.jsonl").unlink()
    # a folder stands where the findings go
    (run / "findings.json").unlink()
    (run / "findings.json").mkdir()
    outcome = gammabeta("diagnose", run, "--json")
    assert outcome.code == 0
    assert "has no history" in outcome.err
    told = " ".join(outcome.err.split())
    assert "cannot be written, so that the findings are shown here alone" in told
    assert outcome.json["verdict"]
    (run / "findings.json").rmdir()
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "rows": {**metrics["rows"], "train": 7}}))
    lines = (place / "well" / "history.jsonl").read_text().splitlines()
    (run / "history.jsonl").write_text("\n".join([*lines[:3], lines[3][:40]]))
    outcome = gammabeta("diagnose", run, "--json")
    assert "line 4 is cut off" in outcome.err
    assert "train rows" not in outcome.err
    assert "interrupted before its end" in outcome.err
    bare = [json.dumps({**json.loads(line), "signals": {}}) for line in lines]
    (run / "history.jsonl").write_text("\n".join([*('{"epoch": 1}' for _ in range(9)), *bare]))
    told = gammabeta("diagnose", run, "--json").err
    assert "and the run had 7 train rows" in " ".join(told.split())
    assert "9 lines, the first of them line 1, are cut off or of another format" in " ".join(told.split())
    assert told.count("another format") == 1
    assert "holds no probes" in told
    (run / "rows.json").unlink()
    outcome = gammabeta("diagnose", run)
    assert outcome.code == 1
    assert "where the rows came from" in outcome.err


def test_what_is_no_run_is_refused(place, tmp_path):
    for typed, words in (
        ([tmp_path / "nothing"], "not there"),
        ([tmp_path], "found no plan.json"),
        ([place / "well", "-o", tmp_path / "new"], "--fix"),
    ):
        outcome = gammabeta("diagnose", *typed)
        assert outcome.code in (1, 2)
        assert words in outcome.complaint


def test_a_code_is_explained():
    outcome = gammabeta("explain", "gb301")
    for words in ("learning rate too high", "why it hurts", "evidence", "what to do", "when to ignore it"):
        assert words in outcome.out
    assert gammabeta("explain", "list").out.count("GB") > 35
    unknown = gammabeta("explain", "GB999")
    assert unknown.code == 2
    assert "unknown code" in unknown.complaint

"""What ``fit --log`` writes for TensorBoard and MLflow, read back."""

import json
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.stories.command import gammabeta, held

from gammabeta.train.loggers import log

pytestmark = [
    # of MLflow's database library about itself
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DIVERGING = ("--set", "optimizer.learning_rate=1e38")


@pytest.fixture(scope="module")
def logged(typed, tmp_path_factory) -> Path:
    """A run that was logged to both; they say nothing on the way."""
    pytest.importorskip("tensorboardX", reason="needs tensorboardX, the extra tensorboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("mlflow", reason="needs mlflow-skinny, the extra mlflow")
    folder = tmp_path_factory.mktemp("logged") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder.parent)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = gammabeta(*typed, "-o", folder, "--log", "tensorboard", "--log", "mlflow", "--no-report")
        assert outcome.code == 0, outcome.err
        assert "mlflow" not in outcome.err.lower()
        # whatever they keep, they keep in the run
        assert [path.name for path in folder.parent.iterdir()] == ["run"]
    return folder


def history(folder: Path) -> list[dict]:
    return [json.loads(text) for text in (folder / "history.jsonl").read_text().splitlines()]


def events(folder: Path) -> tuple[dict[str, list[tuple[int, float]]], dict[str, str]]:
    """(numbers by their tags, texts) of all event files, each record framed by its length and two checksums."""
    from tensorboardX.proto.event_pb2 import Event

    numbers, texts = {}, {}
    for path in (folder / "tensorboard").iterdir():
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += 12 + size + 4
            for value in event.summary.value:
                if value.HasField("tensor"):
                    texts[value.tag] = value.tensor.string_val[0].decode()
                else:
                    numbers.setdefault(value.tag, []).append((event.step, value.simple_value))
    return numbers, texts


def expected(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What both must hold, from the run's own files."""
    lines, metrics = history(folder), json.loads((folder / "metrics.json").read_text())
    found = {"learning_rate": [(one["steps"], one["learning_rate"]) for one in lines]}
    for name in ("loss", "accuracy"):
        found[f"{name}/train"] = [(one["steps"], one["train"][name]) for one in lines]
    found["loss/valid"] = [(one["steps"], one["valid"]["loss"]) for one in lines]
    for name, value in metrics["test"].items():
        found[f"{name}/test"] = [(lines[-1]["steps"], value)]
    return found


def test_event_files_hold_the_numbers_of_every_epoch_and_of_the_end(logged):
    numbers, texts = events(logged)
    for name, values in expected(logged).items():
        steps, found = zip(*numbers[name][: len(values)], strict=True)
        assert steps == tuple(step for step, _ in values)
        assert found == pytest.approx([value for _, value in values], rel=1e-6)
    assert '"optimizer"' in texts["plan/text_summary"]


def test_event_files_hold_signals_of_layers(logged):
    numbers, _ = events(logged)
    signals = history(logged)[-1]["signals"]
    spreads = {key: value for key, value in signals.items() if key.startswith("layers.") and key.endswith(".spread")}
    assert spreads
    for key, value in spreads.items():
        assert numbers[f"spread/{key.removeprefix('layers.').removesuffix('.spread')}"][-1][1] == pytest.approx(value)


def test_mlflow_holds_numbers_plan_and_an_ended_run(logged):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
    client = MlflowClient(tracking_uri=f"sqlite:///{logged / 'mlflow.db'}")
    (experiment,) = (one for one in client.search_experiments() if one.name == "gammabeta")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run")
    for name, values in expected(logged).items():
        found = client.get_metric_history(run.info.run_id, name)[: len(values)]
        assert [one.step for one in found] == [step for step, _ in values]
        assert [one.value for one in found] == pytest.approx([value for _, value in values])
    plan = json.loads((logged / "plan.json").read_text())
    assert run.data.params["epochs"] == str(plan["epochs"]) == "2"
    assert json.loads(next(logged.rglob("mlflow/**/plan.json")).read_text()) == plan


def test_a_second_run_in_the_folder_has_its_own_events_only(logged, typed, tmp_path, monkeypatch):
    run = tmp_path / "run"
    # both in the same second, which is what tensorboardX tells its files apart by
    monkeypatch.setattr("tensorboardX.event_file_writer.time", SimpleNamespace(time=lambda: 1.8e9, sleep=time.sleep))
    (run / "tensorboard").mkdir(parents=True)
    (run / "tensorboard" / "notes.txt").write_text("mine")
    (run / "tensorboard" / "events.out.tfevents.1.old").write_bytes(b"old")
    assert gammabeta(*typed, "-o", run, "--log", "tensorboard", "--no-report", "--quiet").code == 0
    names = [path.name for path in (run / "tensorboard").iterdir()]
    assert len(names) == 2
    assert "events.out.tfevents.1.old" not in names
    before = held(run)
    # it fails: all is as it was
    assert gammabeta(*typed, *DIVERGING, "-o", run, "--log", "tensorboard", "--no-report", "--quiet").code == 1
    assert held(run) == before


@pytest.mark.parametrize(
    ("typed_after", "words"),
    [
        (["--log", "tensorbord"], 'did you mean "tensorboard"?'),
        (["--log", "tensorboard", "--log", "wandb"], "--log wandb: expected tensorboard or mlflow"),
    ],
)
def test_an_unknown_logger_is_refused_before_any_work(typed_after, words, tmp_path):
    outcome = gammabeta("fit", tmp_path / "not-read.csv", "--target", "y", "-o", tmp_path / "run", *typed_after)
    assert outcome.code == 2
    assert words in outcome.complaint
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_told_before_any_work(name, tmp_path, monkeypatch):
    monkeypatch.setattr(log, "find_spec", lambda package: None)
    outcome = gammabeta("fit", tmp_path / "not-read.csv", "--target", "y", "--log", name)
    assert outcome.code == 2
    assert f"pip install 'gammabeta[{name}]'" in outcome.complaint


def test_a_place_of_mlflow_that_cannot_be_used_is_told_before_training(logged, typed, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    place = f"sqlite:///{tmp_path}/file/runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    outcome = gammabeta(*typed, "-o", tmp_path / "run", "--log", "mlflow", "--quiet")
    assert outcome.code == 2
    assert f"--log mlflow: {place} cannot be used; see MLFLOW_TRACKING_URI" in outcome.complaint
    assert not (tmp_path / "run").exists()


def test_a_logger_that_fails_on_the_way_does_not_end_the_run(typed, tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="needs tensorboardX, the extra tensorboard")
    calls = []

    def full(*given):
        calls.append(given)
        raise OSError("the disk is full")

    monkeypatch.setattr("tensorboardX.SummaryWriter.add_scalar", full)
    outcome = gammabeta(*typed, "-o", tmp_path / "run", "--log", "tensorboard", "--no-report", "--quiet")
    assert outcome.code == 0
    assert outcome.err.splitlines() == ["--log tensorboard: the disk is full; the run goes on without it."]
    assert len(calls) == 1
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_what_is_not_asked_for_is_not_imported():
    # in this process other tests may have imported them
    code = "import gammabeta.cli.fit, gammabeta.train.loggers, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"mlflow", "tensorboardX", "starlette", "uvicorn"}.isdisjoint(done.stdout.split())

"""From a file to a run folder, a score and answers, for every task and every kind of file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.stories.command import SMALL, done
from tests.stories.command import gammabeta as command
from tests.stories.conftest import for_target

import gammabeta
from gammabeta.train.evaluate import predict

KEYS = ["task", "rows", "valid", "test", "epochs", "seconds", "model", "findings"]

TASKS: list[tuple[tuple[str, ...], str, set[str]]] = [
    (("answer",), "binary", {"accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1"}),
    (("ok",), "binary", {"accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1"}),
    (("sort",), "multiclass", {"accuracy", "balanced_accuracy", "log_loss"}),
    (("price", "weight"), "regression", {"rmse", "mae", "r2"}),
    (("sad", "calm", "loud"), "multilabel", {"hamming_loss", "f1_micro", "log_loss"}),
]


def without_times(history: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    return [{key: value for key, value in line.items() if "seconds" not in key} for line in lines]


@pytest.mark.parametrize(("targets", "task", "metrics"), TASKS, ids=["-".join(targets) for targets, _, _ in TASKS])
def test_every_task_is_recognized_fitted_measured_and_answered(
    targets: tuple[str, ...], task: str, metrics: set[str], houses: pd.DataFrame, tmp_path: Path
) -> None:
    table = for_target(houses, *targets)
    table.to_csv(tmp_path / "data.csv", index=False)
    named = [word for target in targets for word in ("--target", target)]
    run = tmp_path / "run"
    fitted = done("fit", tmp_path / "data.csv", *named, *SMALL, "--no-report", "-o", run, "--json").json
    assert list(fitted) == KEYS
    assert fitted["task"] == task
    assert fitted["rows"] == {"train": 36, "valid": 12, "test": 12}
    assert set(fitted["valid"]) | set(fitted["test"]) <= metrics
    assert metrics - {"roc_auc"} <= set(fitted["test"])
    assert fitted["epochs"] == 2
    assert [one["code"] for one in fitted["findings"] if one["severity"] == "error"] == []
    assert Path(fitted["model"]) == run / "model.safetensors"
    done("predict", run, tmp_path / "data.csv", "-o", tmp_path / "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert list(answers) == list(targets)
    assert len(answers) == len(table)
    if task != "regression":
        assert all(set(answers[name]) <= set(table[name]) for name in targets)
    model = gammabeta.load(run)
    np.testing.assert_array_equal(
        model.predict(table), answers.to_numpy().squeeze(axis=1) if len(targets) == 1 else answers
    )


def test_a_run_folder_holds_model_plan_history_and_metrics(run: Path) -> None:
    names = {"model.safetensors", "plan.json", "history.jsonl", "metrics.json", "rows.json", "findings.json"}
    names |= {"facts.json", "report.html"}
    assert {path.name for path in run.iterdir()} == names
    history = without_times(run / "history.jsonl")
    assert [line["epoch"] for line in history] == [1, 2]
    assert set(history[0]["train"]) == set(history[0]["valid"]) == {"loss", "accuracy"}
    assert history[-1]["ended"] == "epochs"
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics) == KEYS
    assert metrics["rows"] == {"train": 36, "valid": 12, "test": 12}
    plan = gammabeta.read_plan(run / "plan.json")
    assert plan.input_shape == gammabeta.load(run).schema.input_shape
    assert plan == gammabeta.load(run).plan


def test_evaluate_gives_what_fit_found_on_the_same_rows(run: Path, folder: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    found = done("evaluate", run, folder / "test.csv", "--json").json
    assert list(found) == [*KEYS, "left_out"]
    assert found["left_out"] == 0
    assert found["test"] == metrics["test"]
    assert found["rows"] == {"train": 0, "valid": 0, "test": 12}
    assert gammabeta.load(run).evaluate(folder / "test.csv") == metrics["test"]
    by_hand = pd.read_csv(folder / "test.csv")["answer"] == gammabeta.load(run).predict(folder / "test.csv")
    assert metrics["test"]["accuracy"] == pytest.approx(by_hand.mean())


def test_the_same_seed_gives_the_same_model_to_the_byte_and_another_seed_another(
    run: Path, typed: list[object], tmp_path: Path
) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    done(*typed, "--quiet", "-o", again)
    done(*typed, "--quiet", "--seed", 7, "-o", other)
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert without_times(again / "history.jsonl") == without_times(run / "history.jsonl")
    assert (other / "model.safetensors").read_bytes() != (run / "model.safetensors").read_bytes()


def test_a_plan_file_alone_repeats_the_run_with_its_seed_and_its_split(folder: Path, tmp_path: Path) -> None:
    fit = ["fit", folder / "all.csv", "--target", "answer", "--quiet"]
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    done(*fit, *SMALL, "--no-report", "--seed", 11, "-o", first)
    done(*fit, "--plan", first / "plan.json", "-o", second)
    done(*fit, *SMALL, "--no-report", "--set", "seed=11", "-o", third)
    for name in ("model.safetensors", "plan.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes() == (third / name).read_bytes()


def test_answers_go_to_csv_parquet_and_standard_output_alike_in_the_order_of_the_rows(
    run: Path, folder: Path, tmp_path: Path
) -> None:
    said = done("predict", run, folder / "test.csv", "--proba").out
    done("predict", run, folder / "test.csv", "--proba", "-o", tmp_path / "a.csv")
    done("predict", run, folder / "test.csv", "--proba", "-o", tmp_path / "a.parquet")
    assert said == (tmp_path / "a.csv").read_text()
    answers = pd.read_csv(tmp_path / "a.csv")
    assert list(answers) == ["answer", "probability_leave", "probability_stay"]
    np.testing.assert_allclose(answers["probability_leave"] + answers["probability_stay"], 1, rtol=1e-6)
    assert (answers["answer"] == np.where(answers["probability_stay"] >= 0.5, "stay", "leave")).all()
    binary = pq.read_table(tmp_path / "a.parquet")
    np.testing.assert_array_equal(binary["probability_stay"], answers["probability_stay"].astype(np.float32))
    backward = pd.read_csv(folder / "test.csv", dtype=str)[::-1]
    backward.to_csv(tmp_path / "backward.csv", index=False)
    done("predict", run, tmp_path / "backward.csv", "--proba", "-o", tmp_path / "b.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "b.csv"), answers[::-1].reset_index(drop=True))


def test_a_column_of_weights_counts_in_training_and_metrics_and_is_no_input(
    run: Path, folder: Path, typed: list[object], tmp_path: Path
) -> None:
    def weighed(name: str, weights: Callable[[int], np.ndarray]) -> Path:
        (tmp_path / name).mkdir()
        for file in ("answers.csv", "test.csv"):
            table = pd.read_csv(folder / file, dtype=str)
            table.assign(times=weights(len(table))).to_csv(tmp_path / name / file, index=False)
        swapped = [tmp_path / name / word.name if isinstance(word, Path) else word for word in typed]
        done(*swapped, "--weight", "times", "--quiet", "-o", tmp_path / name / "run")
        return tmp_path / name

    # all weights alike are as if there were none
    alike = gammabeta.load(weighed("alike", lambda rows: np.full(rows, 2.5)) / "run")
    assert alike.schema.input_shape == gammabeta.load(run).schema.input_shape
    assert alike.schema.weight == "times"
    np.testing.assert_array_equal(
        alike.predict_proba(folder / "test.csv"), gammabeta.load(run).predict_proba(folder / "test.csv")
    )

    unequal = weighed("unequal", lambda rows: np.arange(rows) % 4 * 1.5)
    model, rows = gammabeta.load(unequal / "run"), pd.read_csv(unequal / "test.csv")
    assert (model.predict_proba(rows)[:, 0] != alike.predict_proba(rows)[:, 0]).any()
    metrics = json.loads((unequal / "run" / "metrics.json").read_text())
    right = (model.predict(rows) == rows["answer"]).to_numpy()
    assert metrics["test"]["accuracy"] == pytest.approx(np.average(right, weights=rows["times"]))

    # evaluate needs no word of it, predict no such column
    assert done("evaluate", unequal / "run", unequal / "test.csv", "--json").json["test"] == metrics["test"]
    bare = command("evaluate", unequal / "run", folder / "test.csv")
    assert 'test.csv lacks the weight column "times" that the model was fitted with' in bare.complaint
    assert len(done("predict", unequal / "run", folder / "test.csv").out.splitlines()) == 13
    plain = done("evaluate", run, unequal / "test.csv", "--weight", "times", "--json").json["test"]
    right = (gammabeta.load(run).predict(rows) == rows["answer"]).to_numpy()
    assert plain["accuracy"] == pytest.approx(np.average(right, weights=rows["times"]))
    assert plain == gammabeta.load(run).evaluate(rows, sample_weight=rows["times"])
    shown = done("inspect", unequal / "test.csv", "--target", "answer", "--weight", "times").out
    assert any("times" in line and "weight" in line and "0 to 4.5" in line for line in shown.splitlines())
    # the rows are read again as they were; new ones need neither weights nor a target
    pd.read_csv(folder / "test.csv").drop(columns="answer").to_csv(tmp_path / "new.csv", index=False)
    assert "only its inputs are compared" in done("diagnose", unequal / "run", "--data", tmp_path / "new.csv").out


def test_python_predicts_the_same_from_every_kind_of_table(run: Path, folder: Path) -> None:
    model = gammabeta.load(run)
    expected = model.predict_proba(folder / "test.csv")
    frame = pd.read_csv(folder / "test.csv").drop(columns=["answer", "house_id"])
    shapes: dict[str, Any] = {
        "pandas": frame,
        "pandas, another order of columns": frame[frame.columns[::-1]],
        "polars": pl.from_pandas(frame),
        "pyarrow": pa.Table.from_pandas(frame, preserve_index=False),
        "a dict": {name: frame[name].tolist() for name in frame},
        "the file after saving and loading": folder / "test.csv",
    }
    for name, table in shapes.items():
        np.testing.assert_array_equal(model.predict_proba(table), expected, err_msg=name)
    model.save(folder / "copy.safetensors")
    np.testing.assert_array_equal(gammabeta.load(folder / "copy.safetensors").predict_proba(frame), expected)


def test_a_numpy_matrix_is_predicted_by_a_model_of_an_npz_file(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    x = 3 + 4 * random.standard_normal((60, 11))
    np.savez(tmp_path / "data.npz", x=x, y=np.where(x[:, 0] > 3, 2, 1))
    done("fit", tmp_path / "data.npz", *SMALL, "--no-report", "-o", tmp_path / "run")
    done("predict", tmp_path / "run", tmp_path / "data.npz", "-o", tmp_path / "a.csv")
    answers = gammabeta.load(tmp_path / "run").predict(x)
    assert set(answers) <= {1, 2}
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "a.csv")["y"], answers)


def test_batch_norm_as_the_first_layer_gets_numbers_in_their_own_unit(folder: Path, tmp_path: Path) -> None:
    fit = ["fit", folder / "all.csv", "--target", "answer", *SMALL, "--quiet", "-o", tmp_path / "run"]
    done(*fit, "--set", "network.position=first", "--seed", 3)
    model = gammabeta.load(tmp_path / "run")
    (size,) = [column for column in model.schema.columns if column.name == "size"]
    assert (size.scale, size.clip) == (1.0, None)
    found = done("evaluate", tmp_path / "run", folder / "all.csv", "--json").json
    assert found["test"] == model.evaluate(folder / "all.csv")


def write_folder(pixels: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        (path / f"class{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / f"class{label}" / f"{number:03}.png")
    return path


def write_idx(pixels: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    path.mkdir()
    shape = b"".join(size.to_bytes(4, "big") for size in pixels.shape)
    (path / "t-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3]) + shape + pixels.tobytes())
    rows = len(labels).to_bytes(4, "big")
    (path / "t-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + rows + labels.astype(np.uint8).tobytes())
    return path / "t-images-idx3-ubyte"


def write_npz(pixels: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    path = path.with_suffix(".npz")
    np.savez(path, x=pixels, y=labels)
    return path


def write_parquet(pixels: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    folder = write_folder(pixels, np.zeros(len(labels), int), path)
    files = sorted((folder / "class0").iterdir())
    images = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    pq.write_table(pa.table({"image": images, "label": labels}), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


@pytest.mark.parametrize("write", [write_folder, write_idx, write_npz, write_parquet])
def test_images_are_fitted_from_every_kind_of_file_without_naming_a_target(
    write: Callable[[np.ndarray, np.ndarray, Path], Path], tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    labels = np.arange(60) % 3
    pixels = random.integers(0, 60, (60, 5, 4)).astype(np.uint8)
    pixels[np.arange(60), labels] += 150
    source = write(pixels, labels, tmp_path / "images")
    fitted = done("fit", source, *SMALL, "--no-report", "-o", tmp_path / "run", "--json").json
    assert fitted["task"] == "multiclass"
    assert fitted["rows"] == {"train": 36, "valid": 12, "test": 12}
    lines = done("predict", tmp_path / "run", source).out.splitlines()
    assert len(lines) == 61
    assert done("evaluate", tmp_path / "run", source, "--json").json["rows"]["test"] == 60


CONVNET = (
    *("--set", "network=convnet", "--set", "network.channels=[4]", "--set", "optimizer.learning_rate=0.03"),
    *("--batch-size", 16, "--epochs", 12, "--quiet", "--no-report"),
)


def test_digits_as_images_in_an_npz_file_train_a_convnet(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = np.flatnonzero(digits.target < 3)[:300]
    np.savez(tmp_path / "d.npz", x=(digits.images[chosen] * 15).astype(np.uint8), y=digits.target[chosen])
    fitted = done("fit", tmp_path / "d.npz", *CONVNET, "-o", tmp_path / "run", "--json").json
    assert fitted["test"]["accuracy"] > 0.9
    assert "Conv2D" in repr(gammabeta.load(tmp_path / "run").plan.layers)
    found = done("evaluate", tmp_path / "run", tmp_path / "d.npz", "--json").json
    assert found["rows"]["test"] == 300
    assert found["test"]["accuracy"] > 0.9


def stripes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 7 x 6 pixels, and whether it is striped in rows, striped in columns, and brighter than others."""
    random = np.random.default_rng(8)
    pixels = random.integers(20, 80, (rows, 7, 6)).astype(np.uint8)
    labels = (random.random((rows, 3)) < [0.5, 0.4, 0.3]).astype(int)
    for image, (row, column, bright) in zip(pixels, labels, strict=True):
        image[::2] += np.uint8(60 * row)
        image[:, ::2] += np.uint8(60 * column)
        image += np.uint8(50 * bright)
    return pixels, labels


def test_a_folder_of_images_with_several_labels_each_trains_a_convnet(tmp_path: Path) -> None:
    pixels, labels = stripes(300)
    folder = tmp_path / "stripes"
    folder.mkdir()
    files = [f"{number:03}.png" for number in range(len(pixels))]
    for file, image in zip(files, pixels, strict=True):
        Image.fromarray(image).save(folder / file)
    table = pd.DataFrame({"file": files, **dict(zip(("row", "column", "bright"), labels.T, strict=True))})
    table.to_csv(folder / "labels.csv", index=False)
    named = [word for name in table.columns[1:] for word in ("--target", name)]
    fitted = done("fit", folder, *named, *CONVNET, "-o", tmp_path / "run", "--json").json
    assert (fitted["task"], fitted["rows"]["train"]) == ("multilabel", 180)
    assert fitted["test"]["hamming_loss"] < 0.22 < np.minimum(labels.mean(0), 1 - labels.mean(0)).mean()
    done("predict", tmp_path / "run", folder, "--proba", "-o", tmp_path / "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert list(answers) == ["row", "column", "bright", "probability_row", "probability_column", "probability_bright"]
    found = done("evaluate", tmp_path / "run", folder, "--json").json["test"]
    wrong = answers[["row", "column", "bright"]].to_numpy() != labels
    assert found["hamming_loss"] == pytest.approx(wrong.mean())


def test_numbers_are_read_off_images_in_an_npz_file_by_a_convnet(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    size = random.integers(1, 7, 300)
    pixels = random.integers(0, 60, (300, 7, 6)).astype(np.uint8)
    for image, number in zip(pixels, size, strict=True):
        image[:number] += 120
    meters = 100 + 25.0 * size + random.standard_normal(300)
    np.savez(tmp_path / "d.npz", x=pixels, y=meters)
    fitted = done("fit", tmp_path / "d.npz", *CONVNET, "-o", tmp_path / "run", "--json").json
    assert (fitted["task"], fitted["rows"]["train"]) == ("regression", 180)
    assert fitted["test"]["r2"] > 0.7
    answers = np.array(done("predict", tmp_path / "run", tmp_path / "d.npz").out.splitlines()[1:], float)
    found = done("evaluate", tmp_path / "run", tmp_path / "d.npz", "--json").json["test"]
    assert found["rmse"] == pytest.approx(np.mean((answers - meters) ** 2) ** 0.5, rel=1e-4)


def test_a_parquet_table_and_its_csv_file_give_the_same_model(
    houses: pd.DataFrame, folder: Path, run: Path, tmp_path: Path
) -> None:
    table = for_target(houses, "answer")
    table["size"] = table["size"].astype(float)
    table[:48].to_parquet(tmp_path / "answers.parquet")
    fit = ["fit", tmp_path / "answers.parquet", "--target", "answer", "--valid", 0.25, "--test", folder / "test.csv"]
    done(*fit, *SMALL, "--quiet", "--no-report", "-o", tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_a_trained_model_predicts_folded_what_its_network_computes_unfolded(run: Path, folder: Path) -> None:
    model = gammabeta.load(run)
    data = model.schema.encode(folder / "all.csv")
    unfolded = predict(model.plan.layers, model.plan.loss, model.params, model.stats, data)
    assert "BatchNorm(" in repr(model.plan.layers)
    assert "BatchNorm(" not in repr(model.folded.network)
    np.testing.assert_allclose(model.outputs(data), unfolded, rtol=1e-5)


def test_a_model_answers_for_one_row_and_for_none(run: Path, folder: Path) -> None:
    model, rows = gammabeta.load(run), pd.read_csv(folder / "test.csv")
    assert model.predict(rows[:1]).shape == (1,)
    assert model.predict(rows[:0]).shape == (0,)
    assert model.predict_proba(rows[:0]).shape == (0, 2)
    with pytest.raises(gammabeta.DataError, match="no row is left"):
        model.evaluate(rows[:0])


def test_summary_counts_as_keras_does(run: Path) -> None:
    found = done("summary", run, "--json").json
    inputs = gammabeta.load(run).schema.input_shape[0]
    # dense without bias, batch norm: 2 learned and 2 remembered numbers per unit, dense of one output
    assert found["trainable"] == inputs * 8 + 2 * 8 + 8 + 1
    assert found["not_trainable"] == 2 * 8
    assert found["total"] == found["trainable"] + found["not_trainable"]
    assert (
        done("summary", run / "plan.json").out
        == done("summary", run).out
        == done("summary", run / "model.safetensors").out
    )


def test_inspect_shows_kinds_missing_values_balance_and_what_is_set_aside(folder: Path) -> None:
    shown = done("inspect", folder / "answers.csv", "--target", "answer").out
    assert all(len(line) <= 80 for line in shown.splitlines()[1:])
    for words in (
        ("size", "number", "14.6%"),
        ("color", "category"),
        ("opened", "date"),
        ("active", "boolean"),
        ("house_id", "identifies the row"),
        ("remark", "none of its 48 texts repeats"),
        ("nothing", "no value at all"),
        ("stay", "%"),
    ):
        assert any(all(word in line for word in words) for line in shown.splitlines()), words
    facts = done("inspect", folder / "answers.csv", "--target", "answer", "--json").json
    assert facts["task"] == "binary"
    assert {column["name"]: column["kind"] for column in facts["columns"]}["opened"] == "date"


def test_titanic_with_its_missing_values_and_texts_just_works(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    source = shared_data("tabular/titanic/data.csv")
    outcome = done(
        "fit",
        source,
        "--target",
        "survived",
        "--drop",
        "boat",
        "--drop",
        "body",
        *SMALL,
        "--no-report",
        "-o",
        tmp_path / "run",
    )
    assert '"name" is set aside' in outcome.out
    assert '"boat" and "body"' in outcome.out or '"boat", "body"' in outcome.out
    lines = done("predict", tmp_path / "run", source).out.splitlines()
    assert len(lines) == 1310
    assert set(lines[1:]) <= {"0", "1"}

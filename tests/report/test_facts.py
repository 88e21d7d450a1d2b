"""What is measured for a report, against scikit-learn and arithmetic done by hand."""

import base64
import io
import json

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from sklearn import metrics
from tests.model.finished import TASKS, model_for, rows_for, table

from gammabeta.data import Images, Schema, as_data
from gammabeta.model import Model, suited
from gammabeta.nn import Mlp
from gammabeta.plan import advise
from gammabeta.report.facts import Facts, facts
from gammabeta.report.facts.classes import MOST_POINTS, calibration, class_facts
from gammabeta.report.facts.columns import column_facts
from gammabeta.report.facts.importance import MOST_COLUMNS, importance
from gammabeta.report.facts.intervals import intervals, with_intervals
from gammabeta.report.facts.labels import label_facts
from gammabeta.report.facts.measure import losses_of
from gammabeta.report.facts.slices import quarters

RANDOM = np.random.default_rng(3)


def probabilities(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that know something of the classes, and the classes: unequal shares, one of them rare."""
    y = RANDOM.choice(classes, rows, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    scores = RANDOM.standard_normal((rows, classes)) + 1.5 * np.eye(classes)[y]
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), y


@pytest.mark.parametrize("classes", [2, 3])
def test_class_scores_are_those_of_scikit_learn(classes):
    p, y = probabilities(331, classes)
    found = class_facts(p, y, [f"class {i}" for i in range(classes)])
    said = p.argmax(axis=1)
    assert found["confusion"] == metrics.confusion_matrix(y, said).tolist()
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(y, said)
    for i, one in enumerate(found["per_class"]):
        assert [one["precision"], one["recall"], one["f1"], one["rows"]] == pytest.approx(
            [precision[i], recall[i], f1[i], rows[i]]
        )
    for one in found["curves"]:
        i = int(one["name"].split()[1])
        assert one["auc"] == pytest.approx(metrics.roc_auc_score(y == i, p[:, i]))
        assert one["average_precision"] == pytest.approx(metrics.average_precision_score(y == i, p[:, i]))
        assert len(one["roc"]) <= MOST_POINTS
        assert one["roc"][0] == [0, 0]
        assert one["roc"][-1] == [1, 1]
        xs, ys = np.array(one["roc"]).T
        assert np.trapezoid(ys, xs) == pytest.approx(one["auc"], abs=0.02)


def test_the_calibration_error_is_what_it_is_by_hand():
    # two bins: 0.25 with 1 of 3 right, 0.9 with 4 of 5
    sure = np.array([0.21, 0.25, 0.29, 0.9, 0.9, 0.9, 0.9, 0.9])
    right = np.array([True, False, False, True, True, True, True, False])
    found = calibration(sure, right)
    assert found["ece"] == pytest.approx(3 / 8 * abs(0.25 - 1 / 3) + 5 / 8 * abs(0.9 - 0.8))
    assert [one["rows"] for one in found["bins"]] == [3, 5]


def test_of_many_classes_those_with_mistakes_are_drawn():
    p, y = probabilities(900, 25)
    found = class_facts(p, y, [str(i) for i in range(25)])
    whole = metrics.confusion_matrix(y, p.argmax(axis=1))
    wrong = whole - np.diag(np.diag(whole))
    shown = [int(name) for name in found["classes"]]
    left_out = [i for i in range(25) if i not in shown]
    mistakes = wrong.sum(0) + wrong.sum(1)
    assert len(shown) == 20
    assert mistakes[left_out].max() <= mistakes[shown].min()
    assert found["confusion"] == whole[np.ix_(shown, shown)].tolist()
    assert found["confused"][0]["rows"] == wrong.max()
    assert not found["curves"]


def test_labels_are_those_of_scikit_learn():
    y = (RANDOM.random((101, 3)) < [0.2, 0.5, 0.7]).astype(float)
    p = np.clip(0.35 * y + 0.65 * RANDOM.random((101, 3)), 0, 1)
    found = label_facts(p, y, ["a", "b", "c"])
    f1 = metrics.f1_score(y, p >= 0.5, average=None)
    assert [one["f1"] for one in found["labels"]] == pytest.approx(list(f1))
    assert [one["auc"] for one in found["labels"]] == pytest.approx(
        [metrics.roc_auc_score(y[:, i], p[:, i]) for i in range(3)]
    )
    assert found["rows_right"] == pytest.approx(metrics.accuracy_score(y, p >= 0.5))


def resampled(measure, rows: int) -> tuple[float, float]:
    """The middle 95 % of a measure over 800 bootstrap samples of the rows."""
    random = np.random.default_rng(8)
    found = [measure(random.integers(0, rows, rows)) for _ in range(800)]
    return tuple(np.quantile(found, [0.025, 0.975]))


def test_intervals_agree_with_the_bootstrap():
    p, y = probabilities(500, 2)
    found = intervals("binary", p[:, 1:], y[:, None].astype(np.float32))
    area = resampled(lambda rows: metrics.roc_auc_score(y[rows], p[rows, 1]), 500)
    recall = resampled(lambda rows: metrics.balanced_accuracy_score(y[rows], p[rows, 1] >= 0.5), 500)
    assert found["roc_auc"] == pytest.approx(area, abs=0.008)
    assert found["balanced_accuracy"] == pytest.approx(recall, abs=0.01)
    true = 3 + 4 * RANDOM.standard_normal((600, 1))
    said = true + 2 * RANDOM.standard_normal((600, 1))
    of_numbers = intervals("regression", said, true)
    for name, measure in (("r2", metrics.r2_score), ("rmse", metrics.root_mean_squared_error)):
        expected = resampled(lambda rows, measure=measure: measure(true[rows], said[rows]), 600)
        width = expected[1] - expected[0]
        assert of_numbers[name] == pytest.approx(expected, abs=0.15 * width)


def test_weighted_rows_have_no_interval():
    p, y = probabilities(50, 2)
    weights = np.where(y == 1, 3.0, 1.0)
    found = with_intervals({"accuracy": 0.8}, "binary", p[:, 1:], y[:, None], weights)
    assert found == {"accuracy": {"value": 0.8}}


def made(task: str, more: pd.DataFrame | None = None) -> tuple:
    """(model, raw rows, encoded rows) of a task; three rows have no target."""
    model = model_for(task)
    if task == "images":
        rows = Images(rows_for(task), pa.table({"label": np.arange(len(rows_for(task))) % 3}), "images")
    else:
        frame = table()
        frame[TASKS[task][0]] = frame[TASKS[task][0]].astype(object)
        frame.loc[[4, 9, 21], TASKS[task][0]] = None
        rows = as_data(frame if more is None else frame.join(more))
    return model, rows, model.schema.encode(rows)


@pytest.mark.parametrize("task", list(TASKS))
def test_facts_of_every_task_are_json_and_come_back(task):
    model, rows, encoded = made(task)
    found = facts(
        model, {"train": rows, "valid": rows, "test": rows}, {"train": encoded, "valid": encoded, "test": encoded}
    )
    text = json.dumps(found.to_json(), allow_nan=False)
    again = Facts.from_json(json.loads(text))
    assert again is not None
    assert again.to_json() == found.to_json()
    for name, value in model.scores(encoded).items():
        assert found.scores["test"][name]["value"] == pytest.approx(value)
    assert found.looked_at == "valid"
    assert found.answers_on == "test"


def test_facts_of_another_format_are_not_taken_for_facts():
    model, rows, encoded = made("binary")
    body = facts(model, {"train": rows}, {"train": encoded}).to_json()
    assert Facts.from_json({**body, "format": 2}) is None
    assert Facts.from_json({**body, "new": 1}) is None
    assert Facts.from_json([1]) is None
    assert Facts.from_json({"format": 1}) is None


def test_worst_rows_bear_their_numbers_in_the_source():
    model, rows, _ = made("binary")
    part = rows.take(np.array([30, 4, 7, 12, 39, 20, 18]))
    encoded = model.schema.encode(part)
    found = facts(model, {"train": part}, {"train": encoded})
    losses = losses_of("binary")(model.outputs(encoded), encoded.y)
    kept = [30, 7, 12, 39, 20, 18]
    expected = [kept[i] + 1 for i in np.argsort(-losses, kind="stable")]
    assert [one["row"] for one in found.worst["rows"]] == expected
    frame = table()
    place = found.worst["columns"].index("color")
    for one in found.worst["rows"]:
        assert one["values"][place] == frame["color"][one["row"] - 1]
        assert one["true"] == [frame["answer"][one["row"] - 1]]


def test_a_column_that_the_network_uses_is_more_important_than_one_it_does_not():
    model, _, encoded = made("regression")
    first = dict(model.params[0])
    starts = np.cumsum([0, *(column.width for column in model.schema.columns)])
    weight = np.array(first["weight"])
    weight[starts[1] : starts[2]] = 0  # the color
    params = ({**first, "weight": weight}, *model.params[1:])
    blind = type(model)(model.plan, model.schema, params, model.stats)
    found = importance(blind, encoded, losses_of("regression"))
    rises = {one["name"]: one["rise"] for one in found["columns"]}
    assert rises["color"] == pytest.approx(0, abs=1e-6)
    assert abs(rises["size"]) > 1e-3
    outputs = blind.outputs(encoded)
    assert found["loss"] == pytest.approx(float(((outputs - encoded.y) ** 2).mean()), rel=1e-5)


def test_the_rise_is_that_of_shuffled_rows_one_by_one():
    model, _, encoded = made("binary")
    found = importance(model, encoded, losses_of("binary"))
    random = np.random.default_rng(0)
    random.permutation(encoded.rows)
    orders = [random.permutation(encoded.rows) for _ in range(3)]
    base = losses_of("binary")(model.outputs(encoded), encoded.y).mean()
    width = model.schema.columns[0].width
    rises = []
    for order in orders:
        x = np.array(encoded.x)
        x[:, :width] = x[order, :width]
        shuffled = type(encoded)(x, encoded.y)
        rises.append(losses_of("binary")(model.outputs(shuffled), encoded.y).mean() - base)
    first = next(one for one in found["columns"] if one["name"] == model.schema.columns[0].name)
    assert first["rise"] == pytest.approx(np.mean(rises), abs=1e-5)
    assert first["high"] == pytest.approx(np.max(rises), abs=1e-5)


def test_quarters_hold_every_row_once():
    numbers = np.array([5.0, np.nan, 1.0, 3.0, 3.0, 9.0, 2.0, 7.0, np.nan])
    parts = quarters(numbers)
    assert np.sum([mask for _, mask in parts], axis=0).tolist() == [1] * 9
    assert parts[-1][0] == "missing"
    assert [words for words, _ in quarters(np.array([4.0, 4.0, 4.0]))] == ["4"]
    near = [words for words, _ in quarters(np.array([118.21, 118.24, 118.3, 118.42, 118.49]))]
    assert len(set(near)) == 4
    assert near[0] == "118.21 to 118.24"


def test_a_sample_image_is_the_pixels():
    model, rows, encoded = made("images")
    found = facts(model, {"train": rows}, {"train": encoded}).pictures
    for one in (*found["random"], *found["worst"]):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(one["png"]))))
        assert np.array_equal(pixels, rows.pixels[one["row"] - 1])
        assert one["true"] == str((one["row"] - 1) % 3)


def test_of_many_columns_some_are_described_and_ranked():
    columns = {f"x{i}": RANDOM.standard_normal(60) for i in range(MOST_COLUMNS + 9)}
    frame = pd.DataFrame({**columns, "y": columns["x3"] * 5 + 1})
    schema = Schema.fit(frame, "y")
    plan = suited(advise("regression", 60).replace(network=Mlp(hidden=(), normalization=None)), schema)
    weight = np.zeros((MOST_COLUMNS + 9, 1), np.float32)
    weight[3] = 1
    params = [dict(part) for part in plan.layers.init(jax.random.key(0), schema.input_shape).params]
    params[-1] = {name: weight if name == "weight" else np.zeros_like(part) for name, part in params[-1].items()}
    model = Model(plan, schema, tuple(params), tuple({} for _ in params))
    found = importance(model, schema.encode(frame), losses_of("regression"))
    assert len(found["columns"]) == MOST_COLUMNS
    assert found["columns"][0]["name"] == "x3"


def test_a_histogram_counts_every_value():
    model, rows, _ = made("binary")
    found = column_facts(rows, model.schema)
    for column in found["columns"]:
        assert sum(column["histogram"]["counts"]) <= column["rows"] - column["missing"]
    size = next(column for column in found["columns"] if column["name"] == "size")
    assert sum(size["histogram"]["counts"]) == size["rows"] - size["missing"]

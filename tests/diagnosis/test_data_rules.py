"""Rules about rows and curves: each finds what was planted, and says nothing where all is well."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gammabeta.data import Dataset, Schema, split
from gammabeta.diagnosis import Case, Finding, Proof, Suspicion, registry
from gammabeta.diagnosis.curves import curves
from gammabeta.diagnosis.verdict import verdict
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Dense,
    Flatten,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import AdamW
from gammabeta.plan import EarlyStopping, Plan

MINE = [
    f"GB{n}" for n in (101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 305, 601, 602, 603, 605)
]
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0, 0.0], np.float32)


def found(code: str, case: Case) -> list[Suspicion]:
    return list(registry()[code].rule(case))


def one(code: str, case: Case) -> Suspicion:
    (suspicion,) = found(code, case)
    assert suspicion.code == code
    assert suspicion.evidence
    assert suspicion.place
    return suspicion


def table(rows: int, seed: int, classes: int = 2, steep: float = 20.0, weights: np.ndarray = WEIGHTS) -> Dataset:
    """Five columns of spread 1; three of them decide, nearly without chance where it is steep."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, len(weights))).astype(np.float32)
    value = x @ weights
    if classes == 0:
        y: Any = (value + random.normal(size=rows) / steep)[:, None].astype(np.float32) / 2.3
    elif classes == 2:
        y = (random.random(rows) < 1 / (1 + np.exp(np.clip(-steep * value, -50, 50))))[:, None].astype(np.float32)
    else:
        y = np.digitize(value, [-1.0, 1.2]).astype(np.int32)
    return Dataset(x, y)


LOSSES = {0: SquaredError(), 2: SigmoidCrossEntropy(), 3: SoftmaxCrossEntropy()}


def linear(classes: int = 2) -> Plan:
    units = 1 if classes in (0, 2) else classes
    return Plan(network=Sequential((Dense(units, bias=True),)), loss=LOSSES[classes], epochs=7, batch_size=32)


def params(weights: np.ndarray, bias: Any = 0.0) -> Any:
    weights = np.asarray(weights, np.float32)
    weights = weights[:, None] if weights.ndim == 1 else weights
    return ({"weight": weights, "bias": np.zeros(weights.shape[1], np.float32) + np.float32(bias)},)


def binary(train: Dataset, valid: Dataset | None, test: Dataset | None = None, bias: float = 0.0, **more: Any) -> Case:
    """A finished network that knows how the rows of ``table`` come about."""
    return Case.of(linear(), train, valid, params=params(3 * WEIGHTS, bias), stats=((),), test=test, **more)


def history(train: Any, valid: Any = None, metric: Any = None, name: str = "accuracy", **last: Any) -> tuple[Any, ...]:
    lines = []
    for index, loss in enumerate(train):
        shown = {"loss": float(loss), name: 0.8 if metric is None else float(metric[index])}
        judged = {} if valid is None else {**shown, "loss": float(valid[index])}
        lines.append({"epoch": index + 1, "steps": 10 * (index + 1), "train": shown, "valid": judged, "ended": ""})
    watched = train if valid is None else valid
    lines[int(np.argmin(watched))]["best"] = True
    lines[-1] |= {"ended": "epochs", **last}
    return tuple(lines)


@pytest.fixture(scope="module")
def healthy() -> Case:
    curve = 0.1 + 0.6 * np.exp(-np.arange(12) / 2)
    return binary(table(400, 0), table(151, 1), table(149, 2), history=history(curve, curve + 0.02))


@pytest.mark.parametrize("code", MINE)
def test_a_healthy_run_is_not_suspected(code: str, healthy: Case) -> None:
    assert found(code, healthy) == []


def test_every_page_says_all_there_is_to_say() -> None:
    for code in MINE:
        page = registry()[code].page
        assert all(len(getattr(page, part)) > 30 for part in ("what", "why", "evidence", "do")), code
        assert page.ignore


def image_case() -> Case:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (60, 6, 5, 1)).astype(np.uint8)
    y = random.integers(0, 3, 60).astype(np.int32)
    data = Dataset(x, y, offset=np.float32([127.0]), factor=np.float32([1 / 74]))
    plan = Plan(network=Sequential((Flatten(), Dense(3))), loss=SoftmaxCrossEntropy())
    return Case.of(plan, data, data.take(np.arange(41)))


def multilabel_case() -> Case:
    data = table(120, 0)
    y = (data.x[:, :3] > 0).astype(np.float32)
    plan = Plan(network=Sequential((Dense(3),)), loss=SigmoidCrossEntropy())
    return Case.of(plan, replace(data, y=y), replace(data, y=y).take(np.arange(50)))


def holed_case() -> Case:
    data = table(120, 0)
    x = data.x.copy()
    x[::7, 1] = np.nan
    x[3, 2] = np.inf
    return binary(replace(data, x=x), replace(data, x=x).take(np.arange(60)), history=history([0.5, np.nan]))


ODD: dict[str, Callable[[], Case]] = {
    "no validation rows": lambda: binary(table(90, 0), None),
    "untrained": lambda: Case.of(linear(), table(90, 0), table(45, 1)),
    "a validation part without rows": lambda: Case.of(linear(), table(90, 0), table(90, 0).take(np.arange(0))),
    "three rows": lambda: binary(table(3, 0), table(2, 1)),
    "regression, untrained": lambda: Case.of(linear(0), table(90, 0, 0), table(45, 1, 0)),
    "a single class": lambda: binary(*(replace(d, y=np.zeros_like(d.y)) for d in (table(90, 0), table(45, 1)))),
    "test rows without targets": lambda: binary(table(90, 0), table(45, 1), replace(table(50, 2), y=None)),
    "images": image_case,
    "several labels": multilabel_case,
    "values that are not finite": holed_case,
    "a strange history": lambda: binary(table(90, 0), table(45, 1), history=({"epoch": 1}, {"steps": 4, "train": {}})),
}


@pytest.mark.parametrize("name", ODD)
def test_no_rule_fails_on_odd_cases(name: str) -> None:
    case = ODD[name]()
    for code in MINE:
        for suspicion in found(code, case):
            assert suspicion.severity != "error" or (code, name) == ("GB101", "values that are not finite")
    assert verdict(case)


def test_values_that_are_not_finite_are_counted_by_column_and_row() -> None:
    train, valid = table(60, 0, 0), table(40, 1, 0)
    x, y = train.x.copy(), valid.y.copy()
    x[[4, 9], 1], x[7, 3], y[5] = np.nan, np.inf, np.nan
    named = replace(train, x=x, feature_names=("a", "b", "c", "d", "e"))
    suspicion = one("GB101", Case.of(linear(0), named, replace(valid, y=y)))
    assert (suspicion.severity, suspicion.certainty) == ("error", 1.0)
    assert suspicion.numbers == {"values": 4, "rows": 3}
    assert "b (2)" in suspicion.evidence
    assert "first: 4, 7, 9" in suspicion.evidence
    assert "1 of the validation targets" in suspicion.evidence


def scaled(data: Dataset, factor: Any, offset: Any = 0.0) -> Dataset:
    return replace(data, x=(data.x * np.float32(factor) + np.float32(offset)).astype(np.float32))


def test_inputs_of_different_scale_are_suspected_and_a_treatment_scales_them() -> None:
    factors = [1, 1, 4000, 1, 0.5]
    suspicion = one("GB102", Case.of(linear(), *(scaled(table(200, s), factors, 3) for s in (0, 1))))
    assert suspicion.certainty == 0.8
    assert "feature 2" in suspicion.evidence
    standardized = suspicion.treatments[0].data(scaled(table(200, 0), factors, 3))
    np.testing.assert_allclose(standardized.x.std(axis=0), 1, rtol=1e-3)
    np.testing.assert_allclose(standardized.x.mean(axis=0), 0, atol=1e-3)
    assert suspicion.treatments[0].plan(linear()) == linear()


def test_inputs_far_from_zero_are_suspected() -> None:
    assert (
        "feature 1 (mean 49.9" in one("GB102", Case.of(linear(), scaled(table(200, 0), 1, [0, 50, 0, 0, 0]))).evidence
    )


def test_batch_norm_in_front_silences_inputs_that_are_not_scaled() -> None:
    rows = scaled(table(200, 0), 1000)
    first = Sequential((BatchNorm(), Dense(4), Activation("relu"), Dense(1)))
    after = Sequential((Dense(4), BatchNorm(), Activation("relu"), Dense(1)))
    assert found("GB102", Case.of(linear().replace(network=first), rows)) == []
    assert len(found("GB102", Case.of(linear().replace(network=after), rows))) == 1


def test_columns_of_0_and_1_and_constant_ones_are_scaled_well_enough() -> None:
    rows = table(200, 0)
    x = rows.x.copy()
    x[:, 3], x[:, 4] = np.arange(200) % 30 == 0, 700
    assert found("GB102", Case.of(linear(), replace(rows, x=x))) == []


def test_images_are_scaled_as_the_network_sees_them() -> None:
    case = image_case()
    raw = replace(case.train, offset=None, factor=None)
    assert found("GB102", case) == []
    suspicion = one("GB102", Case.of(case.plan, raw))
    changed = suspicion.treatments[0].data(raw)
    assert changed.x.std() == pytest.approx(1, rel=1e-3)


def test_constant_columns_are_a_note_and_a_warning_where_they_are_most() -> None:
    x = table(80, 0).x.copy()
    x[:, 1] = 3
    suspicion = one("GB103", Case.of(linear(), replace(table(80, 0), x=x), table(40, 1)))
    assert (suspicion.severity, suspicion.numbers["vary_in_new_rows"]) == ("note", 1)
    x[:, 2:4] = 0
    assert one("GB103", Case.of(linear(), replace(table(80, 0), x=x))).severity == "warning"


def test_columns_that_lost_all_that_could_be_learned_come_before_labels_of_other_rows() -> None:
    def lost(data: Dataset) -> Dataset:
        return replace(data, x=np.where(WEIGHTS != 0, 0.5, data.x).astype(np.float32))

    assert 0.25 < np.mean(WEIGHTS != 0) < 1
    case = Case.of(linear(), lost(table(300, 0)), lost(table(150, 1)), params=params(0 * WEIGHTS), stats=((),))
    empty, other = one("GB103", case), one("GB108", case)
    assert empty.certainty > other.certainty
    assert empty.severity == other.severity == "error"
    assert "nothing can be learned from the others" in empty.evidence
    # what is left is enough: constant, and no more than that
    x = np.where(np.arange(5) > 2, 0.5, table(300, 0).x).astype(np.float32)
    assert one("GB103", Case.of(linear(), replace(table(300, 0), x=x), table(150, 1))).certainty == 0.6


def joined(*parts: Dataset) -> Dataset:
    return Dataset(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def flipped(data: Dataset, share: float, seed: int = 9) -> Dataset:
    wrong = np.random.default_rng(seed).random(data.rows) < share
    return replace(data, y=np.where(wrong[:, None], 1 - data.y, data.y).astype(np.float32))


def test_duplicates_on_which_the_network_is_better_are_an_error() -> None:
    known, rest = table(50, 1), flipped(table(150, 2), 0.4)
    suspicion = one("GB104", binary(joined(table(300, 0), known), joined(known, rest)))
    assert suspicion.severity == "error"
    assert suspicion.numbers["share"] == 0.25
    assert suspicion.numbers["better"] > 0.2


def test_duplicates_that_change_no_score_are_a_warning_and_conflicting_targets_are_counted() -> None:
    known = table(20, 1)
    conflicting = replace(known, y=1 - known.y)
    suspicion = one("GB104", Case.of(linear(), joined(table(300, 0), known), joined(conflicting, table(150, 2))))
    assert (suspicion.severity, suspicion.numbers["conflicting"]) == ("warning", 20)


def test_many_duplicates_are_a_warning_also_where_the_network_is_no_better_on_them() -> None:
    known = flipped(table(60, 1), 0.5)
    few = one("GB104", binary(joined(table(300, 0), known), joined(known.take(np.arange(9)), table(150, 2))))
    many = one("GB104", binary(joined(table(300, 0), known), joined(known, table(150, 2))))
    assert few.numbers["better"] < 0
    assert many.numbers["better"] < 0
    assert (few.severity, many.severity) == ("note", "warning")


def test_rows_of_few_values_are_equal_by_nature() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 3, (500, 4)).astype(np.float32)
    rows = Dataset(x, (x.sum(axis=1) + random.normal(size=500) > 4)[:, None].astype(np.float32))
    assert found("GB104", Case.of(linear(), rows.take(np.arange(350)), rows.take(np.arange(350, 500)))) == []


def leaking(data: Dataset, leak: bool, seed: int) -> Dataset:
    """Another column: the target with a little noise, or nothing."""
    random = np.random.default_rng(seed)
    column = 2 * data.y - 1 + 0.01 * random.normal(size=(data.rows, 1)) if leak else random.normal(size=(data.rows, 1))
    return replace(data, x=np.concatenate([data.x, column], axis=1).astype(np.float32))


def test_a_category_that_is_mostly_known_after_the_answer_is_doubted_as_one_column():
    random = np.random.default_rng(5)
    ill = random.random(600) < 0.4
    # nearly all of the ill have a ward, of five, and few of the others; age says a little
    ward = np.where(random.random(600) < np.where(ill, 0.96, 0.02), random.choice(list("ABCDE"), 600), "")
    rows = {
        "age": random.normal(40 + 8 * ill, 12),
        "ward": [name or None for name in ward],
        "state": np.where(ill, "ill", "well"),
    }
    parts = split(rows, "state", seed=2)
    schema = Schema.fit(parts[0], "state")
    train, valid, _ = (schema.encode(part) for part in parts)
    suspicion = one("GB105", Case.of(linear(), train, valid, schema=schema))
    assert (suspicion.place, suspicion.severity) == ("ward", "warning")


def with_leak(valid: bool, test: bool) -> Case:
    parts = [
        leaking(table(n, s, steep=1.5), leak, s) for n, s, leak in ((400, 0, True), (150, 1, valid), (150, 2, test))
    ]
    return Case.of(linear(), *parts[:2], params=params([0.1, 0, 0, 0, 0, 9]), stats=((),), test=parts[2])


def test_a_feature_that_gives_the_target_away_in_training_only_is_an_error() -> None:
    suspicion = one("GB105", with_leak(False, False))
    assert (suspicion.severity, suspicion.place) == ("error", "feature 5")
    assert suspicion.numbers["skill"] > 0.95
    blank = suspicion.treatments[0].data(leaking(table(20, 5), True, 5))
    assert np.ptp(blank.x[:, 5]) == 0
    assert np.ptp(blank.x[:, 0]) > 0


def test_a_feature_whose_relation_is_absent_in_test_rows_is_an_error() -> None:
    suspicion = one("GB105", with_leak(True, False))
    assert suspicion.severity == "error"
    assert "test rows" in suspicion.evidence


def test_a_perfect_feature_that_stays_so_is_a_note() -> None:
    assert one("GB105", with_leak(True, True)).severity == "note"
    assert one("GB105", replace(with_leak(True, True), test=None)).severity == "warning"


def test_a_feature_better_than_all_others_together_is_a_warning_though_they_do_well() -> None:
    parts = [leaking(table(n, s, steep=4), True, s) for n, s in ((400, 0), (150, 1))]
    suspicion = one("GB105", Case.of(linear(), *parts))
    assert (suspicion.severity, suspicion.place) == ("warning", "feature 5")
    assert suspicion.numbers["ahead"] > 2 * suspicion.numbers["error"] > 0
    honest = [
        replace(part, x=np.concatenate([part.x[:, :5], part.x[:, :1] + part.x[:, 5:] * 0.3], axis=1)) for part in parts
    ]
    assert found("GB105", Case.of(linear(), *honest)) == []


def test_a_row_number_of_a_sorted_file_is_a_warning_without_any_other_rows() -> None:
    rows = table(600, 0, 3)
    order = np.argsort(rows.y, kind="stable")
    number = np.empty((600, 1), np.float32)
    number[order, 0] = np.arange(600) / 600
    numbered = replace(rows, x=np.concatenate([rows.x, number], axis=1))
    third = np.arange(600) % 3 != 1
    for case in (
        Case.of(linear(3), numbered),
        Case.of(linear(3), numbered.take(np.flatnonzero(third)), numbered.take(np.flatnonzero(~third))),
    ):
        suspicion = one("GB105", case)
        assert (suspicion.severity, suspicion.place) == ("warning", "feature 5")
        assert "row number" in suspicion.evidence
    mixed = replace(numbered, x=np.concatenate([rows.x, np.random.default_rng(0).permutation(number)], axis=1))
    assert found("GB105", Case.of(linear(3), mixed)) == []


def test_a_patch_that_marks_the_class_in_training_images_only_is_an_error() -> None:
    random = np.random.default_rng(0)

    def images(rows: int, marked: bool) -> Dataset:
        y = random.integers(0, 4, rows).astype(np.int32)
        x = random.normal(100, 30, (rows, 12, 10, 1))
        x[np.arange(rows), 6, 2 + y] += 60  # what the class looks like, in several places
        x[np.arange(rows), 3, 5 - y] += 60
        mark = y if marked else random.integers(0, 4, rows)
        x[:, 10:12, 8:10] = 0
        x[np.arange(rows), 10 + mark // 2, 8 + mark % 2] = 255
        return Dataset(np.clip(x, 0, 255).astype(np.uint8), y, offset=np.float32([100.0]), factor=np.float32([1 / 40]))

    plan = Plan(network=Sequential((Flatten(), Dense(4))), loss=SoftmaxCrossEntropy())
    train = images(400, True)
    suspicion = one("GB105", Case.of(plan, train, images(300, False)))
    assert suspicion.severity == "error"
    assert "(11, 9)" in suspicion.place
    assert (
        found("GB105", Case.of(plan, train, images(300, True))) == []
        or one("GB105", Case.of(plan, train, images(300, True))).severity == "warning"
    )


def test_a_patch_of_a_few_values_that_tell_the_class_is_a_warning_though_the_rest_tells_it_too() -> None:
    random = np.random.default_rng(1)

    def images(rows: int, black_and_white: bool) -> Dataset:
        y = random.integers(0, 3, rows).astype(np.int32)
        x = random.normal(90, 12, (rows, 11, 9, 1)) + 40 * y[:, None, None, None]
        x[:, 8:, 6:] = (50 + 60 * y)[:, None, None, None]
        x = np.where(x > 128, 255, 0) if black_and_white else np.clip(x, 0, 255)
        return Dataset(x.astype(np.uint8), y, offset=np.float32([100.0]), factor=np.float32([1 / 40]))

    plan = Plan(network=Sequential((Flatten(), Dense(3))), loss=SoftmaxCrossEntropy())
    suspicion = one("GB105", Case.of(plan, images(300, False), images(150, False)))
    assert (suspicion.severity, suspicion.certainty) == ("warning", 0.6)
    assert "3 values of it occur in all" in suspicion.evidence
    assert found("GB105", Case.of(plan, images(300, True), images(150, True))) == []


def rare(rows: int, seed: int) -> Dataset:
    """One row in twenty is of class 1."""
    data = table(6 * rows, seed, steep=2.0)
    keep = np.sort(
        np.concatenate([np.flatnonzero(data.y == 0)[: rows - rows // 20], np.flatnonzero(data.y)[: rows // 20]])
    )
    return data.take(keep)


def test_a_rare_class_that_is_overlooked_is_an_error_with_its_fix() -> None:
    suspicion = one("GB106", binary(rare(600, 0), rare(400, 1), bias=-6.0))
    assert (suspicion.severity, suspicion.fix) == ("error", {"class_weights": "balanced"})
    assert suspicion.numbers["recall"] < 0.4
    assert suspicion.numbers["balanced_accuracy_gain"] > 0.1


def test_a_class_too_rare_to_be_judged_is_a_warning() -> None:
    def thinned(rows: int, seed: int, kept: int) -> Dataset:
        data = table(rows, seed, 3)
        rare_rows = np.flatnonzero(data.y == 2)
        return data.take(np.setdiff1d(np.arange(rows), rare_rows[kept:]))

    weights = np.stack([-WEIGHTS, 0 * WEIGHTS, WEIGHTS], axis=1)
    case = Case.of(linear(3), thinned(600, 0, 3), thinned(250, 1, 2), params=params(weights, [0, 1, -9]), stats=((),))
    suspicion = one("GB106", case)
    assert (suspicion.severity, suspicion.place, suspicion.numbers["rows"]) == ("warning", "class 2", 2)
    usual = Case.of(linear(3), table(600, 0, 3), table(250, 1, 3), params=params(weights, [0, 1, -9]), stats=((),))
    assert found("GB106", usual) == []


def test_a_rare_class_that_is_found_is_no_error() -> None:
    assert found("GB106", binary(rare(600, 0), rare(400, 1), bias=0.0)) == []
    weighted = linear().replace(class_weights="balanced")
    case = Case.of(weighted, rare(600, 0), rare(400, 1), params=params(3 * WEIGHTS, -6.0), stats=((),))
    assert found("GB106", case) == []


def test_rare_classes_are_judged_together_where_each_is_too_few_to_tell() -> None:
    from gammabeta.diagnosis.rules.class_imbalance import Judged, together

    # two rare classes of 7 rows, 8 of 14 found; shares say more than the network does
    actual = np.repeat([0, 1, 2], [80, 7, 7])
    p = np.tile([0.9, 0.05, 0.05], (94, 1))
    p[80:84, 1], p[87:91, 2] = 5, 5
    p[84:87, 1], p[91:94, 2] = 0.3, 0.3
    part, shares = Judged("validation", actual, p / p.sum(axis=1, keepdims=True)), np.array([300.0, 20.0, 20.0])
    suspicion = together(part, shares, np.array([False, True, True]))
    assert suspicion is not None
    assert (suspicion.severity, suspicion.place) == ("warning", "class 1, class 2")
    assert suspicion.numbers["recall"] == pytest.approx(8 / 14)
    assert suspicion.numbers["recall_adjusted"] == 1
    p[80:87, 1], p[87:94, 2] = 5, 5
    found_all = Judged("validation", actual, p / p.sum(axis=1, keepdims=True))
    assert together(found_all, shares, np.array([False, True, True])) is None


def test_a_rare_class_is_tried_with_weights_and_judged_by_balanced_rows() -> None:
    suspicion = one("GB106", binary(rare(600, 0), rare(400, 1), bias=-6.0))
    judging = suspicion.judged(rare(400, 1))
    weights = [judging.weights[judging.y[:, 0] == label].sum() for label in (0, 1)]
    assert weights[0] == pytest.approx(weights[1], rel=1e-4)
    assert suspicion.treatments[0].plan(linear()).class_weights == "balanced"
    untrained = one("GB106", Case.of(linear(), rare(600, 0), rare(400, 1)))
    assert (untrained.severity, untrained.treatments) == ("note", ())


def test_validation_rows_far_easier_than_training_rows_are_a_note() -> None:
    assert one("GB604", binary(flipped(table(300, 0), 0.3), table(150, 1))).severity == "note"
    assert found("GB604", binary(table(300, 0), table(150, 1))) == []


def test_one_moved_column_of_two_is_no_other_preparation() -> None:
    from gammabeta.diagnosis.shift import Shift

    of = {"split": "test", "data": table(2, 0), "auc": 0.9, "low": 0.8, "auc_alone": 0.5, "high_alone": 0.6}
    assert not Shift(**of, changed=0.5, ratio=3.0, moved=1.0, columns=()).prepared
    assert Shift(**of, changed=1.0, ratio=3.0, moved=1.0, columns=()).prepared


def test_twins_of_two_classes_among_the_training_rows_are_a_warning() -> None:
    known = table(40, 1)
    suspicion = one("GB104", Case.of(linear(), joined(table(300, 0), known, replace(known, y=1 - known.y))))
    assert (suspicion.severity, round(suspicion.numbers["share"], 3)) == ("warning", round(80 / 380, 3))


def clusters(rows: int, spread: float, wrong: float, seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    x = np.array([[0, 0, 4], [4, 0, 0], [0, 4, 0]])[y] + spread * random.normal(size=(rows, 3))
    moved = random.random(rows) < wrong
    y[moved] = (y[moved] + random.integers(1, 3, moved.sum())) % 3
    return Dataset(x.astype(np.float32), y.astype(np.int32))


def test_wrong_labels_are_an_error_and_their_rate_is_estimated() -> None:
    suspicion = one("GB107", Case.of(linear(3), clusters(600, 1.0, 0.2)))
    assert suspicion.severity == "error"
    assert suspicion.numbers["low"] < 0.2 < suspicion.numbers["high"]
    assert abs(suspicion.numbers["rate"] - 0.2) < 0.05


@pytest.mark.parametrize("spread", [1.0, 2.0, 3.0])
def test_classes_that_overlap_are_no_wrong_labels(spread: float) -> None:
    assert all(one.severity == "note" for one in found("GB107", Case.of(linear(3), clusters(600, spread, 0.0))))


def test_few_wrong_labels_among_classes_that_overlap_are_a_warning() -> None:
    suspicion = one("GB107", Case.of(linear(3), clusters(600, 1.7, 0.1)))
    assert suspicion.severity == "warning"
    assert suspicion.numbers["rate"] / suspicion.numbers["disagreement"] < 0.6
    assert all(one.severity == "note" for one in found("GB107", Case.of(linear(3), clusters(600, 1.7, 0.0))))


def test_targets_far_off_in_a_regression_are_a_note() -> None:
    rows = table(200, 0, 0)
    y = rows.y.copy()
    y[[7, 31]] += 60
    suspicion = one("GB107", Case.of(linear(0), replace(rows, y=y)))
    assert suspicion.severity == "note"
    assert {"7", "31"} == set(suspicion.place.removeprefix("training rows ").split(", ")[:2])
    assert found("GB107", Case.of(linear(0), rows)) == []


@pytest.mark.parametrize("noise", ["usual", "of heavy tails", "growing"])
def test_noise_of_a_regression_is_no_wrong_target_and_swapped_targets_are(noise: str) -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=(500, 4))
    made = {
        "usual": random.normal(size=500),
        "of heavy tails": random.standard_t(3, 500),
        "growing": random.normal(size=500) * np.exp(x[:, 2]),
    }
    y = x @ [2.0, -1.0, 0.4, 0.0] + 0.4 * made[noise]
    rows = Dataset(x.astype(np.float32), y[:, None].astype(np.float32))
    assert all(one.severity == "note" for one in found("GB107", Case.of(linear(0), rows)))
    wrong = np.flatnonzero(random.random(500) < 0.25)
    y[wrong] = np.roll(y[wrong], 3)
    suspicion = one("GB107", Case.of(linear(0), replace(rows, y=y[:, None].astype(np.float32))))
    assert suspicion.severity in ("error", "warning")
    assert suspicion.numbers["rate"] == pytest.approx(0.25, abs=0.13)
    named = {int(row) for row in suspicion.place.removeprefix("training rows ").split(" and ")[0].split(", ")}
    assert len(named & set(wrong.tolist())) >= 4


def test_targets_in_another_order_are_an_error() -> None:
    train, valid = table(300, 0, 3), table(130, 1, 3)
    mixed = replace(train, y=np.random.default_rng(1).permutation(train.y))
    assert one("GB108", Case.of(linear(3), mixed, valid)).place == "targets of the training rows"
    mixed_valid = replace(valid, y=np.random.default_rng(1).permutation(valid.y))
    assert one("GB108", Case.of(linear(3), train, mixed_valid)).place == "targets of the validation rows"
    both = one("GB108", Case.of(linear(3), mixed, mixed_valid))
    assert (both.severity, both.certainty) == ("error", 0.9)
    assert "training and validation" in both.place


@pytest.mark.parametrize("seed", [1, 5])
def test_shuffled_targets_of_few_rows_are_seen_where_chance_looks_like_a_relation(seed: int) -> None:
    """Of these two shuffles the validation rows alone say p = 0.03 and p = 0.04."""
    from sklearn.datasets import load_diabetes

    whole = load_diabetes()
    random = np.random.default_rng(seed)
    order = random.permutation(442)
    x, y = whole.data[order] / whole.data.std(), (whole.target[order, None] - 152) / 77
    mixed = random.permutation(y)

    def case(targets: np.ndarray) -> Case:
        parts = [Dataset(x[at].astype(np.float32), targets[at]) for at in (slice(0, 265), slice(265, 353))]
        return Case.of(linear(0), *parts)

    assert one("GB108", case(mixed.astype(np.float32))).severity == "error"
    assert found("GB108", case(y.astype(np.float32))) == []


def test_a_class_of_too_few_rows_shows_no_relation_and_says_nothing() -> None:
    rows, mixed = (replace(table(300, seed, 3), y=(np.arange(300) % 25 == 3).astype(np.int32)) for seed in (0, 1))
    assert found("GB108", Case.of(linear(3), rows, mixed)) == []
    more = [replace(each, y=(np.arange(300) % 12 == 3).astype(np.int32)) for each in (rows, mixed)]
    assert one("GB108", Case.of(linear(3), *more)).severity == "error"


def test_a_weak_relation_is_a_relation() -> None:
    assert found("GB108", Case.of(linear(0), table(500, 0, 0, steep=0.12), table(300, 1, 0, steep=0.12))) == []


def test_rows_from_elsewhere_are_a_note_and_an_error_where_the_score_falls() -> None:
    train, valid, test = table(300, 0), table(150, 1), table(200, 2)
    x = test.x.copy()
    x[:, 3] = 2 + np.random.default_rng(3).gamma(1.0, 1.0, 200)  # a column that the network does not look at
    moved = replace(test, x=x)
    noted = one("GB109", binary(train, valid, moved))
    assert noted.severity == "note"
    assert "feature 3" in noted.evidence
    assert one("GB109", Case.of(linear(), train, valid, test=moved)).severity == "warning"
    misled = one("GB109", binary(train, valid, flipped(replace(test, x=x), 0.3)))
    assert (misled.severity, misled.place) == ("error", "test rows")


def test_rows_prepared_differently_are_that_and_no_shift() -> None:
    train, valid, test = table(300, 0), table(150, 1), scaled(table(200, 2), 3.0, 9.0)
    case = binary(train, valid, test)
    suspicion = one("GB110", case)
    assert (suspicion.severity, suspicion.place) == ("error", "test rows")
    assert suspicion.numbers["gain"] > 0.05
    assert found("GB109", case) == []


def test_a_few_validation_rows_are_noted_with_the_interval() -> None:
    assert one("GB112", binary(table(200, 0), table(60, 1))).severity == "note"
    wide = one("GB112", binary(table(200, 0), flipped(table(20, 1), 0.3)))
    assert (wide.severity, wide.numbers["rows"]) == ("note", 20)
    assert 0.15 < wide.numbers["half_width"] < 0.3


def test_a_target_of_another_scale_is_suspected_and_standardized() -> None:
    rows = table(200, 0, 0)
    large = replace(rows, y=(4000 * rows.y + 9000).astype(np.float32))
    suspicion = one("GB113", Case.of(linear(0), large))
    assert suspicion.certainty == 0.8
    changed = suspicion.treatments[0].data(large)
    assert changed.y.std() == pytest.approx(1, rel=1e-3)
    assert changed.x is large.x
    assert found("GB113", Case.of(linear(0), rows)) == []


def test_a_few_values_far_away_are_suspected_and_cut() -> None:
    rows = table(400, 0)
    x = rows.x.copy()
    x[[5, 17, 40], 1] *= 1e6
    suspicion = one("GB114", Case.of(linear(), replace(rows, x=x)))
    assert "(5, 17, 40)" in suspicion.evidence
    cut = suspicion.treatments[0].data(replace(rows, x=x))
    assert np.abs(cut.x).max() == 10
    np.testing.assert_allclose(np.delete(cut.x[:, 1], [5, 17, 40]).std(), 1, rtol=0.2)
    np.testing.assert_array_equal(cut.x[:, 0], x[:, 0])
    many = x.copy()
    many[::5, 1] = 1e6
    assert found("GB114", Case.of(linear(), replace(rows, x=many))) == []


EPOCHS = np.arange(40)
FALLING = 0.02 + 0.7 * np.exp(-EPOCHS / 6)
RISING = 0.35 + 0.4 * np.exp(-EPOCHS / 3) + 0.012 * EPOCHS


def overfitted(optimizer: Any = None) -> Case:
    """The network is right on all training rows and on two thirds of the validation rows."""
    plan = linear() if optimizer is None else linear().replace(optimizer=optimizer)
    data = table(300, 0), flipped(table(150, 1), 0.33)
    return Case.of(plan, *data, params=params(3 * WEIGHTS), stats=((),), history=history(FALLING, RISING))


def test_a_rising_validation_loss_with_a_gap_is_overfitting_and_regularized() -> None:
    suspicion = one("GB601", overfitted(AdamW(weight_decay=0.01)))
    assert suspicion.severity is None
    assert suspicion.numbers["gap"] > 0.3
    plans = [treatment.plan(linear().replace(optimizer=AdamW(weight_decay=0.01))) for treatment in suspicion.treatments]
    assert any(plan.l2 == 0.01 for plan in plans)
    assert any(getattr(plan.optimizer, "weight_decay", 0) == pytest.approx(0.1) for plan in plans)


def test_columns_that_say_nothing_in_a_table_of_few_rows_are_suspected_and_left_out() -> None:
    weights = np.concatenate([4 * WEIGHTS[:2], np.zeros(58, np.float32)])
    train, valid = table(90, 0, weights=weights), flipped(table(150, 1, weights=weights), 0.33)
    plan = Plan(network=Sequential((Dense(1, bias=True),)), loss=SigmoidCrossEntropy())
    case = Case.of(plan, train, valid, params=params(weights), stats=((),))
    suspicion = one("GB111", case)
    assert suspicion.certainty == 0.7
    assert suspicion.numbers["rows_a_column"] == pytest.approx(1.5)
    (kept,) = suspicion.treatments
    x = kept.data(train).x
    constant = np.all(x == x[:1], axis=0)
    assert not constant[:2].any()
    assert 40 < constant.sum() < 59
    # with rows enough a network finds them by itself, however far it is behind
    plenty = Case.of(linear(), table(300, 0), table(150, 1), params=params(0 * WEIGHTS), stats=((),))
    assert plenty.shortfall > 0.5
    assert found("GB111", plenty) == []
    assert len(found("GB111", replace(plenty, train=table(90, 0), measured={}))) == 1


def test_overfitting_that_no_treatment_mends_is_a_warning_where_others_do_better() -> None:
    data = flipped(table(300, 0), 0.2), flipped(table(150, 1), 0.2)
    case = Case.of(linear(), *data, params=params(WEIGHTS), stats=((),), history=history(FALLING, RISING))
    vars(case).update(train_score=0.99, valid_score=0.7)
    assert one("GB601", case).severity is None  # wrong labels explain it
    case = overfitted()
    assert one("GB601", case).severity is None
    vars(case).update(valid_score=0.5)
    assert one("GB601", case).severity == "warning"


def test_a_column_of_heaps_one_for_each_class_is_doubted_though_the_others_tell_as_well() -> None:
    def with_heaps(rows: int, seed: int, spread: float) -> Dataset:
        data = table(rows, seed, 3, weights=np.float32([9, 0]))
        column = 2.0 * data.y + spread * np.random.default_rng(seed).normal(size=rows)
        easy = 40.0 * data.y + data.x[:, 0]
        return replace(data, x=np.stack([easy, data.x[:, 1], column], axis=1).astype(np.float32))

    suspicion = one("GB105", Case.of(linear(3), with_heaps(300, 0, 0.1), with_heaps(150, 1, 0.1)))
    assert (suspicion.severity, suspicion.certainty) == ("warning", 0.6)
    assert "3 heaps, one for each class" in suspicion.evidence


def test_a_loss_that_creeps_up_without_a_gap_is_no_overfitting() -> None:
    creeping = binary(table(300, 0), table(150, 1), history=history(FALLING, 0.05 + 0.2 * RISING))
    assert found("GB601", creeping) == []


def test_a_network_behind_on_both_sides_is_underfitting() -> None:
    weak = params([0.0, 0.0, 0.0, 0.0, 1.0])
    case = Case.of(linear(), table(300, 0), table(150, 1), params=weak, stats=((),), history=history(FALLING, FALLING))
    assert one("GB602", case).certainty == 0.4
    assert one("GB305", case).severity == "warning"
    assert "Underfitting" in verdict(case)


def test_a_loss_that_still_falls_is_under_trained() -> None:
    line = np.linspace(0.7, 0.2, 20)
    case = binary(table(300, 0), table(150, 1), history=history(line, line + 0.01))
    assert one("GB603", case).numbers["falling"] > 0.15
    stopped = binary(table(300, 0), table(150, 1), history=history(line, line + 0.01, ended="early stopping"))
    assert found("GB603", stopped) == []


def test_a_run_of_few_steps_is_under_trained_where_nothing_says_that_it_had_stopped_to_fall() -> None:
    falling, wavering, rising = (np.array(losses) for losses in ([0.7, 0.6, 0.5], [0.6, 0.65, 0.5], [0.6, 0.61, 0.62]))
    for train, valid in ((falling, wavering), (wavering, falling), ([0.7], [0.6])):
        suspicion = one("GB603", binary(table(300, 0), table(150, 1), history=history(train, valid)))
        assert suspicion.certainty == 0.6
        assert ("the loss fell in every one, from 0.7 to 0.5" in suspicion.evidence) == (len(train) > 1)
    assert found("GB603", binary(table(300, 0), table(150, 1), history=history(wavering, rising))) == []


def test_a_noisy_flat_loss_does_not_fall() -> None:
    loss = 0.3 + 0.02 * np.random.default_rng(0).normal(size=40)
    found_curves = curves(binary(table(90, 0), table(45, 1), history=history(loss, loss)))
    assert found_curves is not None
    assert found_curves.falling == 0
    assert found_curves.noise == pytest.approx(0.02, rel=0.5)


def test_a_loss_that_rises_while_the_metric_does_is_a_disagreement() -> None:
    metric = 0.6 + 0.3 * EPOCHS / 40
    case = binary(table(300, 0), table(150, 1), history=history(FALLING, RISING, metric))
    suspicion = one("GB605", case)
    assert (suspicion.severity, suspicion.fix) == ("warning", {"early_stopping.metric": "accuracy"})
    assert suspicion.numbers["lost"] > 0.1
    by_metric = linear().replace(early_stopping=EarlyStopping(metric="accuracy"))
    kept = Case.of(by_metric, table(300, 0), table(150, 1), history=history(FALLING, RISING, metric))
    assert one("GB605", kept).fix == {}
    agreeing = binary(table(300, 0), table(150, 1), history=history(FALLING, FALLING, 1 - FALLING))
    assert found("GB605", agreeing) == []


def test_the_verdict_names_the_shape_of_the_curves(healthy: Case) -> None:
    rows = table(300, 0), table(150, 1)
    line = np.linspace(0.7, 0.2, 20)
    jumping = 0.6 + 0.4 * (np.arange(20) % 2)
    noisy = flipped(rows[0], 0.4), flipped(rows[1], 0.4)
    assert verdict(healthy).startswith("Fine")
    assert verdict(binary(*rows, history=history(line, line))).startswith("Under-trained, still falling")
    assert verdict(overfitted()).startswith("Overfitting")
    assert verdict(binary(*rows, history=history(jumping, jumping))).startswith("Learning rate too high")
    blown = Case.of(linear(), *rows, history=history([0.7, 3.0], [0.7, 3.0], ended="non-finite loss"))
    assert "no longer finite" in verdict(blown)
    settled = 0.69 - 0.02 * (1 - np.exp(-EPOCHS / 3))
    assert verdict(binary(*noisy, history=history(settled, settled))).startswith("A hard task at its limit")
    assert verdict(binary(*rows)).startswith("There is no history")


def test_a_slow_even_fall_far_behind_is_a_learning_rate_too_low() -> None:
    slow = np.linspace(0.69, 0.66, 20)
    weak = params([0.01, 0.01, 0.0, 0.0, 0.02])
    case = Case.of(linear(), table(300, 0), table(150, 1), params=weak, stats=((),), history=history(slow, slow))
    assert verdict(case).startswith("Learning rate too low")


def proved(code: str, name: str) -> Finding:
    proof = Proof(
        change="another rate",
        metric="accuracy",
        steps=70,
        seeds=3,
        before=0.5,
        after=0.9,
        loss_before=0.7,
        loss_after=0.2,
        gain=0.6,
        spread=0.01,
        confirmed=True,
    )
    return Finding(code=code, name=name, severity="error", place="", evidence="", costs="it goes up", proof=proof)


def test_the_verdict_says_of_the_rate_what_the_forks_say() -> None:
    flat = 0.72 - 0.001 * EPOCHS / 40
    weak = params([0.01, 0.01, 0.0, 0.0, 0.02])
    case = Case.of(linear(), table(300, 0), table(150, 1), params=weak, stats=((),), history=history(flat, flat))
    low, high = proved("GB302", "learning rate too low"), proved("GB301", "learning rate too high")
    assert verdict(case, [low]).startswith("Learning rate too low: it goes up")
    assert verdict(case, [replace(high, severity="note"), low]).startswith("Learning rate too low")
    assert verdict(case, [high]).startswith("Learning rate too high")
    signals = {"params.0.weight.update": 1e-6, "params.0.weight.weight": 1.0}
    tiny = tuple({**line, "signals": signals} for line in history(flat, flat))
    above = Case.of(linear(), table(300, 0), table(150, 1), params=weak, stats=((),), history=tiny)
    assert "too high" not in verdict(above)

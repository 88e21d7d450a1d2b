"""Metrics against scikit-learn, with and without weights."""

import math
from typing import get_args

import numpy as np
import pytest
from sklearn import metrics as sk

from gammabeta.data.dataset import Dataset
from gammabeta.nn import SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.plan import EarlyStopping
from gammabeta.serial import fields, notes
from gammabeta.train.metrics import METRICS, better, headline, measure, scores

ROWS = 41
RANDOM = np.random.default_rng(0)
EQUAL, UNEQUAL = np.ones(ROWS), RANDOM.uniform(0.1, 3, ROWS)
CLASS = RANDOM.choice(3, ROWS, p=[0.6, 0.3, 0.1]).astype(np.int32)
CLASS_CHANCES = RANDOM.dirichlet([2, 1, 1], ROWS) * 0.7 + 0.3 * np.eye(3)[CLASS]
YES = (RANDOM.random((ROWS, 1)) < 0.3).astype(np.float32)
CHANCE = np.clip(0.4 * YES + 0.6 * RANDOM.random((ROWS, 1)), 0.02, 0.98)
LABELS = (RANDOM.random((ROWS, 4)) < [0.1, 0.3, 0.5, 0.8]).astype(np.float32)
LABEL_CHANCES = np.clip(0.3 * LABELS + 0.7 * RANDOM.random((ROWS, 4)), 0.02, 0.98)
NUMBERS = 3 + 4 * RANDOM.standard_normal((ROWS, 2)) * [1, 10]
GUESSES = NUMBERS + RANDOM.standard_normal((ROWS, 2)) * [2, 3]

HEADLINES = {
    "multiclass": (SoftmaxCrossEntropy(), CLASS_CHANCES, CLASS, "accuracy"),
    "binary": (SigmoidCrossEntropy(), CHANCE, YES, "accuracy"),
    "multilabel": (SigmoidCrossEntropy(), LABEL_CHANCES, LABELS, "hamming_loss"),
    "regression": (SquaredError(), GUESSES[:, :1], NUMBERS[:, :1], "r2"),
}

both_weights = pytest.mark.parametrize("weights", [EQUAL, UNEQUAL], ids=["equal weights", "weights"])


def equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, err_msg=name)


@both_weights
def test_binary(weights):
    yes, answers = YES[:, 0] > 0.5, CHANCE[:, 0] > 0.5
    wanted = {
        "accuracy": sk.accuracy_score(yes, answers, sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(yes, answers, sample_weight=weights),
        "log_loss": sk.log_loss(yes, CHANCE[:, 0], sample_weight=weights),
        "roc_auc": sk.roc_auc_score(yes, CHANCE[:, 0], sample_weight=weights),
        "f1": sk.f1_score(yes, answers, sample_weight=weights),
    }
    equal(scores("binary", CHANCE, YES, weights), wanted)


@both_weights
def test_multiclass(weights):
    answers = CLASS_CHANCES.argmax(axis=1)
    wanted = {
        "accuracy": sk.accuracy_score(CLASS, answers, sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(CLASS, answers, sample_weight=weights),
        "log_loss": sk.log_loss(CLASS, CLASS_CHANCES, sample_weight=weights),
    }
    equal(scores("multiclass", CLASS_CHANCES, CLASS, weights), wanted)


@both_weights
def test_multilabel(weights):
    answers = LABEL_CHANCES >= 0.5
    each = [sk.log_loss(LABELS[:, i], LABEL_CHANCES[:, i], sample_weight=weights) for i in range(4)]
    wanted = {
        "hamming_loss": sk.hamming_loss(LABELS > 0.5, answers, sample_weight=weights),
        "f1_micro": sk.f1_score(LABELS > 0.5, answers, average="micro", sample_weight=weights),
        "log_loss": np.mean(each),
    }
    equal(scores("multilabel", LABEL_CHANCES, LABELS, weights), wanted)


@both_weights
@pytest.mark.parametrize("targets", [1, 2])
def test_regression(weights, targets):
    actual, guesses = NUMBERS[:, :targets], GUESSES[:, :targets]
    wanted = {
        "rmse": np.sqrt(sk.mean_squared_error(actual, guesses, sample_weight=weights)),
        "mae": sk.mean_absolute_error(actual, guesses, sample_weight=weights),
        "r2": sk.r2_score(actual, guesses, sample_weight=weights),
    }
    equal(scores("regression", guesses, actual, weights), wanted)


@pytest.mark.parametrize("task", HEADLINES)
def test_each_metric_alone_is_what_all_together_are(task):
    loss, predicted, actual, _ = HEADLINES[task]
    data = Dataset(x=np.zeros((ROWS, 1), np.float32), y=actual, weights=UNEQUAL)
    for name, value in scores(task, predicted, actual, UNEQUAL).items():
        assert measure(name, loss, predicted, data) == value


def test_early_stopping_can_watch_every_metric_of_every_task():
    known = get_args(notes(fields(EarlyStopping)["metric"])[0])
    assert {*known} == {"loss", *(name for metrics in METRICS.values() for name in metrics)}


def test_what_diverged_is_not_a_number_and_never_the_best():
    lost = np.full((ROWS, 1), np.nan)
    data = Dataset(x=np.zeros((ROWS, 1), np.float32), y=YES)
    assert math.isnan(measure("roc_auc", SigmoidCrossEntropy(), lost, data))


def test_what_is_undefined_is_left_out():
    assert "roc_auc" not in scores("binary", CHANCE, np.zeros_like(YES), EQUAL)
    assert "r2" not in scores("regression", GUESSES, np.full_like(NUMBERS, 5.0), EQUAL)


def test_a_class_that_is_missing_among_the_rows_does_not_count():
    rows = CLASS < 2
    found = scores("multiclass", CLASS_CHANCES[rows], CLASS[rows], EQUAL[rows])
    recalls = [np.mean(CLASS_CHANCES[label == CLASS].argmax(axis=1) == label) for label in (0, 1)]
    np.testing.assert_allclose(found["balanced_accuracy"], np.mean(recalls))


def test_a_sure_and_wrong_answer_costs_much_and_not_infinitely():
    for task, predicted, actual in (
        ("binary", np.zeros((2, 1)), np.ones((2, 1))),
        ("multiclass", np.array([[1.0, 0, 0]] * 2), np.array([1, 2])),
        ("multilabel", np.zeros((2, 3)), np.ones((2, 3))),
    ):
        assert 10 < scores(task, predicted, actual, np.ones(2))["log_loss"] < 100


@both_weights
@pytest.mark.parametrize("task", HEADLINES)
def test_the_headline_is_the_metric_of_the_task(task, weights):
    loss, predicted, actual, metric = HEADLINES[task]
    data = Dataset(x=np.zeros((ROWS, 1), np.float32), y=actual, weights=weights)
    name, value = headline(loss, predicted, data)
    assert name == metric
    np.testing.assert_allclose(value, scores(task, predicted, actual, weights)[metric], rtol=1e-6)


def test_better_is_lower_for_losses_and_higher_for_the_rest():
    assert better("loss", 1.0, 2.0)
    assert not better("loss", 2.0, 1.0)
    assert better("hamming_loss", 0.1, 0.2)
    for name in ("log_loss", "rmse", "mae"):
        assert better(name, 0.1, 0.2)
    for name in ("balanced_accuracy", "roc_auc", "f1", "f1_micro"):
        assert better(name, 0.2, 0.1)
    assert better("accuracy", 0.9, 0.8)
    assert better("r2", 0.9, 0.8)
    assert not better("accuracy", 0.8, 0.8)
    assert not better("loss", 1.0, 1.0)
    assert better("loss", 1.0, math.nan)
    assert not better("loss", math.nan, 1.0)
    assert not better("loss", math.nan, math.nan)

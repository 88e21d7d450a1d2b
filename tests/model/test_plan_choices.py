"""Losses, class weights and the start of the last bias, from the plan to the finished model."""

import jax
import numpy as np
import pytest

from gammabeta.data import Schema
from gammabeta.errors import PlanError
from gammabeta.model import learn, load
from gammabeta.nn import Mlp
from gammabeta.optim import Adam, Constant
from gammabeta.plan import advise, change
from gammabeta.train.step import calibrated, fresh_state

ROWS = 240
RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(3, 4, ROWS), RANDOM.normal(-1, 2, ROWS)
NOISE = RANDOM.normal(0, 1, ROWS)
RARE = np.where(A + 4 * NOISE > 11, "rare", np.where(B > 0, "often", "usual"))
TABLES = {
    "regression": {"a": A, "b": B, "y": 100 + 5 * A - 3 * B + NOISE},
    "multiclass": {"a": A, "b": B, "y": RARE},
    "binary": {"a": A, "b": B, "y": np.where(A + B > 6, "high", "low")},
}
SMALL = {"network.hidden": [8], "network.dropout": 0, "batch_size": 48, "early_stopping": None, "epochs": 40}


def trained(task, **changes):
    schema = Schema.fit(TABLES[task], "y", task)
    plan = change(advise(task, ROWS), {**SMALL, "optimizer.learning_rate": 0.02, **changes})
    return learn(plan, schema, schema.encode(TABLES[task])).model


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "binned_regression", "squared_error"])
def test_every_loss_for_numbers_learns_and_comes_back_from_its_file(loss, tmp_path):
    model = trained("regression", loss=loss)
    assert model.evaluate(TABLES["regression"])["r2"] > 0.8
    again = load(model.save(tmp_path / "model.safetensors"))
    assert again.plan == model.plan
    np.testing.assert_array_equal(again.predict(TABLES["regression"]), model.predict(TABLES["regression"]))


def test_the_hinge_learns_classes():
    assert trained("multiclass", loss="multiclass_hinge").evaluate(TABLES["multiclass"])["accuracy"] > 0.8


def test_label_smoothing_makes_answers_less_sure():
    sure, smooth = (
        trained("binary", **{"loss.label_smoothing": share}).predict_proba(TABLES["binary"]).max(axis=1).mean()
        for share in (0.0, 0.4)
    )
    assert smooth < sure - 0.05


def test_balanced_classes_find_more_of_the_rare_one():
    plain = trained("multiclass", epochs=15).predict(TABLES["multiclass"])
    balanced = trained("multiclass", epochs=15, class_weights="balanced").predict(TABLES["multiclass"])
    named = trained("multiclass", epochs=15, class_weights={"rare": 50.0}).predict(TABLES["multiclass"])
    found = [np.sum((answers == "rare") & (RARE == "rare")) for answers in (plain, balanced, named)]
    assert found[0] < found[1]
    assert found[0] < found[2]


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("regression", {"class_weights": "balanced"}, "regression, which has no classes"),
        ("multiclass", {"class_weights": {"rar": 2.0}}, 'did you mean "rare"'),
        ("multiclass", {"class_weights": {"rare": -1.0}}, r"\[0, inf\)"),
        ("multiclass", {"class_weights": "balance"}, "balanced"),
        ("multiclass", {"loss": "huber"}, "huber does not suit the task multiclass"),
        ("binary", {"loss.label_smoothing": 1.0}, r"\[0, 1\)"),
    ],
)
def test_what_does_not_suit_is_refused(task, changes, words):
    with pytest.raises(PlanError, match=words):
        trained(task, **changes)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_last_bias_can_start_at_the_prior(task):
    schema = Schema.fit(TABLES[task], "y", task)
    data = schema.encode(TABLES[task])
    plan = change(advise(task, ROWS), {**SMALL, "output_bias": "prior"}).expanded(schema.input_shape, schema.outputs)
    bias = calibrated(plan, fresh_state(plan, schema.input_shape), data).params[-1]["bias"]
    counts = np.bincount(data.y.reshape(-1).astype(int)) / ROWS
    shares = jax.nn.softmax(bias) if task == "multiclass" else jax.nn.sigmoid(bias)
    np.testing.assert_allclose(shares, counts if task == "multiclass" else counts[1:], rtol=1e-4)


def test_data_dependent_initialization_reaches_the_first_step():
    task = "regression"
    schema = Schema.fit(TABLES[task], "y", task)
    data = schema.encode(TABLES[task])
    plan = advise(task, ROWS).replace(
        network=Mlp(hidden=(8, 6), normalization=None), optimizer=Adam(), schedule=Constant()
    )
    plan = plan.expanded(schema.input_shape, schema.outputs)
    plan = change(plan, {"network.layers.0.initializer": "lsuv", "network.layers.2.initializer": "lsuv"})
    first = calibrated(plan, fresh_state(plan, schema.input_shape), data).params[0]
    assert np.var(data.x @ np.asarray(first["weight"]) + np.asarray(first["bias"])) == pytest.approx(1, abs=0.1)

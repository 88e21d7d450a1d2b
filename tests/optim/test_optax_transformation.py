"""A transformation that optax made in Python, in a plan: it trains, changes and searches as any other optimizer."""

import dataclasses
import json

import jax
import numpy as np
import optax
import pytest
from tests.model.finished import model_for, rows_for
from tests.train.problems import PLAN, dataset

from gammabeta.errors import PlanError
from gammabeta.estimators import NetworkClassifier
from gammabeta.estimators.planned import planned
from gammabeta.model import load
from gammabeta.nn import Mlp
from gammabeta.optim import Constant, FromOptax, OptaxTransformation, decays
from gammabeta.plan import Plan, change
from gammabeta.serial import dumps, from_json
from gammabeta.train import fit
from gammabeta.tune import ready

LION = optax.lion(3e-3, mask=decays)
"""With decay on weights alone, as ours."""

GIVEN = PLAN.replace(optimizer=LION, schedule=Constant())


def trained(plan):
    *_, last = fit(plan, dataset(), probe=None)
    return jax.tree.map(np.asarray, last.state.params)


def test_it_trains_as_the_optimizer_of_that_name_does():
    given, named = trained(GIVEN), trained(GIVEN.replace(optimizer=FromOptax(name="lion", learning_rate=3e-3)))
    for one, other in zip(jax.tree.leaves(given), jax.tree.leaves(named), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_plan_of_it_is_equal_to_one_of_the_same_transformation_only():
    again = PLAN.replace(optimizer=OptaxTransformation(LION), schedule=Constant())
    assert again == GIVEN
    assert hash(again) == hash(GIVEN)
    assert PLAN.replace(optimizer=optax.lion(3e-3), schedule=Constant()) != GIVEN


def test_it_stays_through_changes_and_a_search():
    changed = change(GIVEN, {"epochs": 7, "optimizer.learning_rate": 0.5})
    assert changed.optimizer == OptaxTransformation(LION, 0.5)
    start = GIVEN.replace(network=Mlp())
    space = ready(start)
    assert space.planned(start, space.start) == start
    assert planned(NetworkClassifier(optimizer=LION), "binary", 100).optimizer == OptaxTransformation(LION)


def test_a_file_leaves_it_out_and_a_plan_of_that_file_says_so_when_it_is_to_train():
    read = from_json(json.loads(dumps(GIVEN)), expected=Plan)
    assert read.optimizer == OptaxTransformation(None)
    with pytest.raises(PlanError, match=r"plan\.optimizer: .* is in no file, expected an optimizer; set it again"):
        trained(read)
    assert read.replace(optimizer=LION) == GIVEN


def test_a_model_of_it_is_saved_and_predicts_as_before(tmp_path):
    model = model_for("multiclass")
    model = dataclasses.replace(model, plan=model.plan.replace(optimizer=LION))
    loaded = load(model.save(tmp_path / "model.safetensors"))
    rows = rows_for("multiclass")
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_one_that_wants_the_loss_as_well_is_refused():
    with pytest.raises(PlanError, match=r"plan\.optimizer: .* not enough for this one: .*value"):
        trained(GIVEN.replace(optimizer=optax.polyak_sgd()))

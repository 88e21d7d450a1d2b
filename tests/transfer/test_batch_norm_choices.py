"""Batch norm on new rows: re-estimated, kept, or trained as usual; and nothing that was frozen moves."""

import jax
import numpy as np
import pytest

from gammabeta.data import Schema
from gammabeta.errors import DataError
from gammabeta.model import Model, suited
from gammabeta.nn import BatchNorm, Frozen, Mlp
from gammabeta.optim import Constant, Momentum
from gammabeta.plan import advise
from gammabeta.train import run
from gammabeta.train.evaluate import evaluate
from gammabeta.train.step import program_of
from gammabeta.transfer import fine_tune, frozen, transfer_plan, with_batch_norm

ROWS = 45


def rows(seed=0, move=0.0, stretch=1.0, classes=("a", "b", "c")):
    """Three classes in N(3, 4^2), the inputs moved by a number of spreads and stretched."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, ROWS)
    x = 3 + 4 * (stretch * random.standard_normal((ROWS, 4)) + move + y[:, None] * np.array([1, 0, -1, 0.5]))
    return {**{f"x{i}": x[:, i] for i in range(4)}, "y": np.array(classes)[y]}


SCHEMA = Schema.fit(rows(), "y")
TRAIN, VALID = SCHEMA.encode(rows(1, move=2.0, stretch=0.5)), SCHEMA.encode(rows(2, move=2.0, stretch=0.5))
QUICK = {"epochs": 2, "batch_size": 9, "early_stopping": None, "optimizer": Momentum(0.05), "schedule": Constant()}


@pytest.fixture(scope="module")
def source():
    plan = suited(advise("multiclass", ROWS).replace(network=Mlp(hidden=(6, 5)), **QUICK), SCHEMA)
    state = run(plan, SCHEMA.encode(rows())).best.state
    return Model(plan, SCHEMA, *jax.device_get((state.params, state.stats)))


def tuned(source, choice, freeze=True):
    plan = with_batch_norm(transfer_plan(source, SCHEMA, ROWS).replace(**QUICK), choice)
    if freeze:
        plan = frozen(plan, batch_norm=choice != "train")
    return fine_tune(source, plan, SCHEMA, TRAIN, VALID, batch_norm=choice)


@pytest.fixture(scope="module")
def results(source):
    return {choice: tuned(source, choice) for choice in ("re-estimate", "keep", "train")}


def seen_by_hand(source):
    """Exact moments of the new rows at both batch norms, layer by layer in float64, weights as in the source."""
    x, found = TRAIN.x.astype(np.float64), []
    for dense, norm in ((0, 1), (3, 4)):
        z = x @ np.asarray(source.params[dense]["weight"], np.float64)
        mean, var = z.mean(axis=0), z.var(axis=0)
        found.append((mean, var))
        gamma, beta = source.params[norm]["gamma"], source.params[norm]["beta"]
        x = np.maximum(gamma * (z - mean) / np.sqrt(var + 1e-5) + beta, 0)
    return found


def test_re_estimated_statistics_are_the_moments_of_the_new_rows_also_in_frozen_layers(source, results):
    model = results["re-estimate"].model
    assert isinstance(model.plan.layers.layers[1], Frozen)
    for index, (mean, var) in zip((1, 4), seen_by_hand(source), strict=True):
        np.testing.assert_allclose(model.stats[index].mean, mean, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(model.stats[index].var, var, rtol=1e-4, atol=1e-4)


def test_kept_statistics_are_the_sources_also_in_the_finished_model(source, results):
    model = results["keep"].model
    for index in (1, 4):
        for found, own in zip(model.stats[index], source.stats[index], strict=True):
            np.testing.assert_array_equal(found, own)


@pytest.mark.parametrize("choice", ["re-estimate", "keep", "train"])
def test_frozen_weights_stay_bit_for_bit_and_the_head_moves(source, results, choice):
    params = results[choice].model.params
    for index in (0, 3):
        np.testing.assert_array_equal(params[index]["weight"], source.params[index]["weight"])
    assert not np.array_equal(params[6]["weight"], source.params[6]["weight"])
    moved = [not np.array_equal(params[index]["gamma"], source.params[index]["gamma"]) for index in (1, 4)]
    # trained as usual, gamma and beta of frozen parts learn
    assert moved == [choice == "train"] * 2


def test_without_a_freeze_kept_statistics_stay_while_gamma_and_beta_learn(source):
    model = tuned(source, "keep", freeze=False).model
    for index in (1, 4):
        np.testing.assert_array_equal(model.stats[index].mean, source.stats[index].mean)
        assert not np.array_equal(model.params[index]["gamma"], source.params[index]["gamma"])
    assert not np.array_equal(model.params[0]["weight"], source.params[0]["weight"])


def test_the_switches_are_those_of_batch_norm(source):
    def norms(choice):
        plan = with_batch_norm(with_batch_norm(source.plan, "keep"), choice)
        return {(n.normalizes_by, n.update, n.train) for n in plan.layers.layers if isinstance(n, BatchNorm)}

    assert norms("keep") == {("memory", False, True)}
    assert norms("train") == norms("re-estimate") == {("batch", True, True)}


def test_the_shift_is_told_in_spreads_of_the_source(source, results):
    told = results["keep"].shifts
    assert [shift.name for shift in told] == ["1.batch_norm", "4.batch_norm"]
    for shift, index, (mean, var) in zip(told, (1, 4), seen_by_hand(source), strict=True):
        old = source.stats[index]
        spread = np.sqrt(np.asarray(old.var, np.float64) + 1e-5)
        assert shift.mean == pytest.approx(np.mean(np.abs(mean - old.mean) / spread), rel=1e-3)
        ratio = np.exp(np.mean(np.log(np.sqrt(var + 1e-5) / spread)))
        assert shift.spread == pytest.approx(ratio, rel=1e-3)
    assert told[0].mean > 0.5
    assert told[0].spread < 1


def test_both_statistics_are_measured_on_the_validation_rows(results):
    for choice, kind in (("keep", "source"), ("re-estimate", "re-estimated")):
        found = results[choice]
        model = found.model
        wanted = evaluate(program_of(model.plan), model.params, model.stats, VALID).loss
        assert found.by_statistics[kind]["loss"] == pytest.approx(wanted, rel=1e-4)
        assert set(found.by_statistics) == {"source", "re-estimated"}
        assert abs(found.by_statistics["source"]["loss"] - found.by_statistics["re-estimated"]["loss"]) > 1e-3


def test_new_columns_of_a_kept_batch_norm_get_the_moments_of_the_new_rows(source):
    network = Mlp(hidden=(6,), position="first")
    plan = suited(source.plan.replace(network=network, input_shape=None), SCHEMA)
    fresh = plan.layers.init(jax.random.key(0), (4,))
    model = Model(plan, SCHEMA, *jax.device_get((fresh.params, fresh.stats)))
    table = {"new": 50 + 9 * np.random.default_rng(3).standard_normal(ROWS), **rows(1)}
    schema = Schema.fit(table, "y")
    raw = schema.replace(columns=tuple(column.replace(scale=1.0, clip=None) for column in schema.columns))
    train = raw.encode(table)
    going = with_batch_norm(transfer_plan(model, raw, ROWS).replace(**QUICK), "keep")
    memory = fine_tune(model, going, raw, train, batch_norm="keep").model.stats[0]
    place = raw.feature_names.index("new")
    assert memory.var[place] == pytest.approx(train.x[:, place].var(), rel=1e-3)
    assert memory.var[place] > 30
    np.testing.assert_array_equal(np.delete(memory.var, place), 1)


def test_inputs_that_the_source_does_not_know_are_refused(source):
    strange = {f"z{i}": values for i, values in enumerate(rows().values()) if i < 4} | {"y": rows()["y"]}
    schema = Schema.fit(strange, "y")
    with pytest.raises(DataError, match=r"nothing of 0\.dense, the first layer with weights, .*no columns in common"):
        fine_tune(source, transfer_plan(source, schema, ROWS), schema, schema.encode(strange))

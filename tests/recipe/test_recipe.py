"""The recipe from Python: six gates, what closes them, going on after a stop, and no look at the test rows."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

import gammabeta as gb
from gammabeta.cli.fit import measured_once
from gammabeta.data import Dataset, Schema
from gammabeta.model.means import ensemble, with_mean_weights
from gammabeta.nn import Ensemble
from gammabeta.recipe import STEPS, Gate, Known, Served, cook, read_gates, read_served
from gammabeta.recipe.changes import changes
from gammabeta.recipe.known import Budget, Clock
from gammabeta.recipe.overfit import distinct, overfit
from gammabeta.recipe.record import write_served
from gammabeta.recipe.regularize import Trials, gains, regularize
from gammabeta.recipe.score import score
from gammabeta.recipe.squeeze import squeeze
from gammabeta.recipe.training import Made
from gammabeta.recipe.tune import tune
from gammabeta.tune.trial import Outcome

SMALL = {"network.hidden": [8], "epochs": 20, "batch_size": 15, "optimizer.learning_rate": 0.05, "early_stopping": None}
TRIALS = 2


def table(bunch: Any, **more: Any) -> dict[str, Any]:
    """A data set of scikit-learn's in a mixed order, with columns on top."""
    order = np.random.default_rng(4).permutation(len(bunch.target))
    columns = {name: column[order] for name, column in zip(bunch.feature_names, bunch.data.T, strict=True)}
    columns["kind"] = np.array([f"class {code}" for code in bunch.target])[order]
    return columns | {name: make(bunch.target[order]) for name, make in more.items()}


def leaked(random: np.random.Generator) -> dict[str, Any]:
    """400 rows of which three columns say a little, and a fourth, written afterwards, everything."""
    y = np.arange(400) % 3
    told = {f"x{i}": y + (2 + i) * random.standard_normal(400) for i in range(3)}
    return {**told, "receipt": 100 * y + random.integers(0, 9, 400), "kind": np.array(["a", "b", "c"])[y]}


@cache
def prepared(name: str = "iris") -> tuple[gb.Plan, Schema, Dataset, Dataset, Dataset, dict[str, Any]]:
    """(plan, schema, train, valid, test, rows as read)."""
    random = np.random.default_rng(1)
    data = {
        "iris": lambda: table(load_iris()),
        "leaked": lambda: leaked(random),
        "shuffled": lambda: {**table(load_wine()), "kind": random.permutation(table(load_wine())["kind"])},
    }[name]()
    train, valid, test = gb.split(data, "kind")
    schema = gb.Schema.fit(train, "kind")
    encoded = [schema.encode(part) for part in (train, valid, test)]
    plan = gb.change(gb.advise(schema.task, train.rows), SMALL)
    return (plan, schema, *encoded, {"train": train, "valid": valid, "test": test})


def cooked(name: str = "iris", **options: Any) -> list[Gate]:
    plan, schema, train, valid, _, parts = prepared(name)
    return list(cook(plan, schema, train, valid, parts=parts, **{"trials": TRIALS, "workers": 1, **options}))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Gate]]:
    """(folder, gates) of a recipe that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, cooked(folder=folder)


# ---- the whole way


def test_every_step_has_a_gate_with_a_reason_and_facts_that_are_json(whole):
    _, gates = whole
    assert [gate.step for gate in gates] == list(STEPS)
    for gate in gates:
        assert len(gate.reason) > 20
        assert json.loads(json.dumps(gate.to_json(), allow_nan=False))["facts"]


def test_what_is_served_is_never_worse_on_the_validation_rows_than_the_first_plan(whole):
    folder, gates = whole
    valid = prepared()[3]
    first, best = score(read_served(folder / "first").model, valid), score(gates[-1].served.model, valid)
    assert best.loss <= first.loss
    assert best.value >= first.value
    assert gates[-1].facts["candidates"][0]["loss"] == pytest.approx(first.loss)


def test_the_folder_holds_the_model_that_was_served(whole):
    folder, gates = whole
    test = prepared()[4]
    np.testing.assert_array_equal(read_served(folder).model.outputs(test), gates[-1].served.model.outputs(test))
    assert [gate.to_json() for gate in read_gates(folder)] == [gate.to_json() for gate in gates]


def test_the_skeleton_tells_what_the_theory_and_dumb_baselines_say(whole):
    facts = whole[1][1].facts
    assert facts["start"]["knowing_nothing"] == pytest.approx(np.log(3), abs=1e-5)
    assert {"constant", "linear", "neighbors", "trees", "boosted trees"} <= facts["references"].keys()
    assert facts["blind_loss"] > facts["network"]["valid"]["loss"]
    assert facts["references"]["constant"] == pytest.approx(1 / 3, abs=0.05)


def test_one_batch_is_learned_by_heart_and_its_curve_is_told(whole):
    batch = whole[1][2].facts["batch"]
    assert whole[1][2].passed
    assert batch["curve"][-1] <= 0.01 * batch["first_loss"] < batch["curve"][0]
    assert batch["steps"] == len(batch["curve"]) <= 300


def test_no_step_can_reach_a_test_row(monkeypatch):
    seen: list[Known] = []

    def looked(known: Known) -> Gate:
        seen.append(known)
        return known.gate(True, "looked and did nothing", {})

    plan, schema, train, valid, test, parts = prepared()
    monkeypatch.setattr("gammabeta.recipe.loop.STEP", dict.fromkeys(STEPS, looked))
    list(cook(plan, schema, train, valid, parts=parts, workers=1))
    assert len(seen) == len(STEPS)
    for known in seen:
        held = [getattr(known, field.name) for field in fields(Known)]
        assert not any(value is test or value is parts["test"] for value in held)
        assert known.parts.keys() == {"train", "valid"}


# ---- gates that stay closed


def test_a_leaked_column_is_named_by_the_first_step():
    (gate,) = cooked("leaked", until="data")
    found = [finding for finding in gate.facts["findings"] if finding["code"] == "GB105"]
    assert found
    assert "receipt" in found[0]["place"]
    assert "receipt" in gate.reason


def test_shuffled_labels_close_the_skeleton_because_nothing_else_finds_anything_either():
    gates = cooked("shuffled", until="skeleton")
    assert not gates[1].passed
    assert "does not beat the best constant answer beyond chance" in gates[1].reason
    assert "nor does anything else" in gates[1].reason


def test_a_network_that_cannot_learn_a_batch_by_heart_closes_the_third_gate_with_a_cause():
    plan, schema, train, valid, _, parts = prepared()
    frozen = gb.change(plan, {"optimizer.learning_rate": 1e-5})
    gates = list(cook(frozen, schema, train, valid, parts=parts, until="overfit", workers=1))
    assert not gates[2].passed
    assert "cannot be learned by heart" in gates[2].reason
    assert "GB302" in gates[2].reason


def test_trees_that_are_ahead_beyond_chance_close_the_skeleton_and_it_says_by_how_much():
    plan, schema, train, valid, _, parts = prepared("leaked")
    slow = gb.change(plan, {"epochs": 3, "optimizer.learning_rate": 0.01})
    gate = list(cook(slow, schema, train, valid, parts=parts, until="skeleton", workers=1))[1]
    lead = gate.facts["leads"]["trees"]
    assert gate.facts["leads"]["constant"]["ahead"] > 0
    assert lead["ahead"] < -2 * lead["error"]
    assert not gate.passed
    assert f"trees by {-lead['ahead']:.4f} +- {lead['error']:.4f}" in gate.reason


def standing_at(gates: Sequence[Gate], folder: Path, **more: Any) -> Known:
    """What the step after these gates of the whole recipe knows; without a limit, unless told otherwise."""
    plan, schema, train, valid, _, _ = prepared()
    fixed = {"schema": schema, "train": train, "valid": valid, "parts": {}, "first": plan, "plan": plan}
    clocks = {"budget": Budget(None), "clock": Clock(float("inf"), bool), "trials": 1, "workers": 1, "folder": None}
    listening = {"tell": lambda standing: None, "should_stop": bool}
    known = {**fixed, **clocks, **listening, "gates": tuple(gates), "default": read_served(folder / "first"), **more}
    return Known(**known)


def test_without_time_for_the_training_rows_or_with_a_run_that_was_cut_the_third_gate_is_closed(whole, monkeypatch):
    folder, gates = whole
    gate = overfit(standing_at(gates[:2], folder, clock=Clock(0.0, bool)))
    assert not gate.passed
    assert gate.reason.endswith("no time for all training rows.")
    cut = Served(read_served(folder / "first").model, ({**read_served(folder).history[0], "ended": "time limit"},))
    monkeypatch.setattr("gammabeta.recipe.overfit.run_of", lambda *given: Made(cut, (), 1.0))
    gate = overfit(standing_at(gates[:2], folder))
    assert not gate.passed
    assert "the time limit cut that run, so the gate stays closed" in gate.reason


def test_a_third_gate_that_stays_closed_holds_the_findings_that_its_reason_names(whole):
    folder, gates = whole
    frozen = gb.change(prepared()[0], {"optimizer.learning_rate": 1e-6})
    gate = overfit(standing_at(gates[:2], folder, plan=frozen))
    assert not gate.passed
    assert [one["code"] for one in gate.facts["findings"] if one["code"] in gate.reason] or "no cause" in gate.reason


# ---- what closes the gap


def test_what_is_tried_comes_in_a_fixed_order():
    plan = gb.change(prepared()[0], {"network.hidden": [8, 8]})
    table = [make(plan) for make in changes((4,), best_epoch=10)]
    images = [make(plan) for make in changes((28, 32, 1), best_epoch=20)]
    rest = ["weight decay", "dropout", "label smoothing", "input noise", "early stopping", "smaller network"]
    assert [one.name for one in table] == ["augmentation", *rest]
    assert [one.name for one in images] == ["shifted images", "mirrored images", *rest]
    assert table[0].plan is None
    assert images[0].plan.augmentation == (gb.RandomCrop(padding=4),)
    assert images[1].plan.augmentation == (gb.RandomFlip(),)
    assert table[-2].plan.epochs == 12
    assert images[-2].plan is None
    again = [make(images[0].plan) for make in changes((28, 32, 1), best_epoch=20)]
    assert again[0].plan is None
    assert again[1].plan.augmentation == (gb.RandomCrop(padding=4), gb.RandomFlip())
    raw = gb.change(plan, {"network.position": "first"})
    assert "units of their own" in next(make(raw) for make in changes((4,), 10)[4:5]).says


def test_a_change_is_kept_only_where_the_pairs_say_so_and_the_next_one_goes_on_from_it(whole, monkeypatch):
    folder, gates = whole
    tried: list[gb.Plan] = []

    def outcomes(self: Any, plan: gb.Plan, seeds: range) -> list[Outcome]:
        """Shifts and an early end help, mirror images harm, all else is noise."""
        tried.append(plan)
        kinds = [type(each) for each in plan.augmentation or ()]
        gain = 0.2 * (gb.RandomCrop in kinds) - 0.3 * (gb.RandomFlip in kinds) + 0.05 * (plan.epochs < 20)
        noise = np.random.default_rng(len(tried)).normal(0, 0.001, len(seeds))
        return [Outcome("done", 0.7 + 0.01 * seed - gain + each) for seed, each in zip(seeds, noise, strict=True)]

    monkeypatch.setattr(Trials, "outcomes", outcomes)
    network = {"train": {"loss": 0.1, "value": 0.9}, "valid": {"loss": 0.6, "value": 0.8}}
    gap = replace(gates[1], facts={**gates[1].facts, "network": network, "early": {"best_epoch": 8}})
    x = np.zeros((9, 8, 8, 1), np.uint8)
    images = Dataset(x=x, y=np.zeros(9, np.int32))
    gate = regularize(standing_at([gates[0], gap, gates[2]], folder, train=images))
    states = {line["name"]: line["state"] for line in gate.facts["changes"]}
    assert [name for name, state in states.items() if state == "kept"] == ["shifted images", "early stopping"]
    assert gate.passed
    assert gate.plan.augmentation == (gb.RandomCrop(padding=1),)
    assert gate.plan.epochs == 10
    assert "Shifted images and early stopping helped" in gate.reason
    assert all(plan.augmentation for plan in tried[-3:])


def test_rows_with_equal_inputs_are_not_asked_to_be_learned_by_heart():
    train = prepared()[2]
    twins = replace(train, x=np.repeat(train.x[:7], 12, axis=0), y=np.arange(84) % 3, weights=None, kept=None)
    assert distinct(twins).rows == 7


# ---- stopping and going on


def test_a_recipe_that_was_stopped_and_resumed_gives_what_an_uninterrupted_one_gives(whole, tmp_path):
    _, gates = whole
    first = cooked(folder=tmp_path, until="overfit")
    assert [gate.step for gate in first] == ["data", "skeleton", "overfit"]
    rest = cooked(folder=tmp_path)
    assert [gate.step for gate in rest] == ["regularize", "tune", "squeeze"]
    for one, other in zip([*first, *rest], gates, strict=True):
        assert (one.passed, one.reason) == (other.passed, other.reason)
        assert one.plan == other.plan
    valid = prepared()[3]
    np.testing.assert_array_equal(rest[-1].served.model.outputs(valid), gates[-1].served.model.outputs(valid))


def test_an_interrupted_step_leaves_the_gates_before_it_and_no_other(tmp_path):
    pressed: list[str] = []

    def told(standing: Any) -> None:
        if standing.step == "skeleton":
            pressed.append(standing.words)

    assert len(cooked(folder=tmp_path, on_progress=told, should_stop=lambda: len(pressed) > 1)) == 1
    assert [gate.step for gate in read_gates(tmp_path)] == ["data"]
    assert [gate.step for gate in cooked(folder=tmp_path, until="skeleton")] == ["skeleton"]


def test_a_recipe_is_not_resumed_with_other_rows(whole):
    folder, _ = whole
    plan, schema, train, valid, _, _ = prepared()
    with pytest.raises(gb.UsageError, match="a recipe of something else: training rows was"):
        list(cook(plan, schema, train.take(np.arange(20)), valid, folder=folder))
    with pytest.raises(gb.UsageError, match=r"plan\.epochs was 20, is 13"):
        list(cook(plan.replace(epochs=13), schema, train, valid, folder=folder))


@pytest.mark.parametrize(
    "text", ['{"format": 1, "about"', '{"format": 9}', "[]", '{"format": 1, "about": {}, "gates": 3}']
)
def test_a_record_that_is_broken_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(gb.FileError, match=r"recipe\.json: "):
        read_gates(tmp_path)


# ---- time


def test_without_time_the_last_step_serves_the_first_plan_and_says_so(whole):
    folder, gates = whole
    over = {"budget": Budget(1.0, spent=2.0), "clock": Clock(0.0, bool)}
    known = standing_at(gates[:-1], folder, plan=prepared()[0].replace(epochs=4), **over)
    gate = squeeze(known)
    assert not gate.passed
    assert "There was no time" in gate.reason
    assert gate.served is known.default
    network = {"train": {"loss": 0.1, "value": 0.9}, "valid": {"loss": 0.6, "value": 0.8}}
    gap = replace(gates[1], facts={**gates[1].facts, "network": network, "training_seconds": 5.0})
    assert "no time for pairs" in regularize(replace(known, gates=(gates[0], gap, gates[2]))).reason
    assert "No time for a search" in tune(replace(known, gates=(gates[0], gap, *gates[2:4]))).reason


def test_every_step_has_a_share_of_the_time_that_is_left():
    budget = Budget(100.0, spent=20.0)
    shares = {step: budget.clock(step, bool).left() for step in STEPS}
    assert shares["skeleton"] == pytest.approx(50, abs=1)
    assert shares["squeeze"] == pytest.approx(80, abs=1)
    assert 0 < shares["data"] < shares["overfit"] < shares["regularize"] < shares["tune"] < 80


def test_a_time_limit_in_which_nothing_can_be_trained_is_one_sentence():
    with pytest.raises(gb.UsageError, match=r"the first training had .* give at least"):
        cooked(time_limit=0.3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"until": "overfitt"}, 'there is no step "overfitt"; did you mean "overfit"'),
        ({"time_limit": 0}, "expected more than 0 seconds"),
        ({"trials": 0}, "expected at least 1"),
        ({"workers": 0}, "expected at least 1"),
    ],
)
def test_what_says_nothing_is_refused_before_anything_is_done(options, words):
    with pytest.raises(gb.UsageError, match=words):
        cooked(**options)


def test_without_validation_rows_there_is_no_recipe():
    plan, schema, train, *_ = prepared()
    with pytest.raises(gb.DataError, match="found no validation rows"):
        list(cook(plan, schema, train, None))


# ---- means of models


@pytest.mark.parametrize("name", ["iris"])
def test_an_ensemble_is_one_model_that_answers_with_the_mean_probability(name, tmp_path):
    plan, schema, train, valid, test, _ = prepared(name)
    models = [gb.finish(gb.run(plan.replace(seed=seed), train, valid), schema, train) for seed in (0, 5, 9)]
    one = ensemble(models)
    mean = np.mean([model.outputs(test) for model in models], axis=0)
    np.testing.assert_allclose(one.outputs(test), mean, atol=2e-6)
    assert isinstance(one.plan.layers.layers[0], Ensemble)
    np.testing.assert_array_equal(gb.load(one.save(tmp_path)).outputs(test), one.outputs(test))


def test_of_combined_plans_those_for_which_no_time_is_left_are_left_out():
    plan, schema, train, valid, _, _ = prepared()
    combined = gb.Combined(members=(plan, plan.replace(seed=5)))
    heard: list[int] = []
    learned = gb.learn(combined, schema, train, valid, time_limit=1e-6, on_epoch=lambda epoch: heard.append(1))
    assert learned.model.plan.seed == plan.seed
    assert not isinstance(learned.model.plan.layers.layers[0], Ensemble)
    assert learned.run.last.ended == "time limit"
    assert heard == [1]


def test_the_mean_of_equal_weights_is_the_same_model_and_of_others_is_between():
    plan, schema, train, valid, test, _ = prepared()
    one, other = (gb.finish(gb.run(plan.replace(seed=seed), train, valid), schema, train) for seed in (0, 5))
    same = with_mean_weights(one, [one.params] * 3, train)
    np.testing.assert_allclose(same.outputs(test), one.outputs(test), atol=1e-5)
    between = with_mean_weights(one, [one.params, other.params], train)
    weight = between.params[0]["weight"]
    np.testing.assert_allclose(weight, (one.params[0]["weight"] + other.params[0]["weight"]) / 2, rtol=1e-6)
    assert np.abs(between.outputs(test) - one.outputs(test)).max() > 1e-3


def test_a_change_that_fails_once_or_wins_by_little_is_not_called_better():
    before = [Outcome("done", value) for value in (0.50, 0.60, 0.55)]
    better = [Outcome("done", value) for value in (0.40, 0.49, 0.46)]
    assert gains(before, better).better
    assert not gains(before, [*better[:2], Outcome("diverged")]).better
    assert not gains(before, [Outcome("done", value) for value in (0.40, 0.68, 0.54)]).better


def test_a_folder_of_an_ensemble_is_measured_diagnosed_and_drawn_like_any_run(tmp_path):
    plan, schema, train, valid, test, parts = prepared()
    runs = [gb.run(plan.replace(seed=seed), train, valid) for seed in (0, 5)]
    model = ensemble([gb.finish(run, schema, train) for run in runs])
    write_served(tmp_path, Served(model, runs[0].history))
    encoded = {"train": train, "valid": valid, "test": test}
    result, findings = measured_once(
        tmp_path, model, runs[0].history, encoded, parts, 1.5, {}, {}, look=True, report=True
    )
    assert result["test"] == dict(model.scores(test))
    assert all(finding.code.startswith("GB") for finding in findings)
    lines = gb.summary(model.plan.layers, schema.input_shape)
    assert [line.trainable for line in lines if line.name.endswith("dense")] == [32, 27, 32, 27]
    assert "members.1.0.dense" in {line.name.removeprefix("0.") for line in lines}
    assert (tmp_path / "report.html").stat().st_size > 20_000

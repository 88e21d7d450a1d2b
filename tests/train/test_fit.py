"""The loop: same seed, same numbers; when it ends; and that numbers alone compile nothing."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from tests.train.problems import CLASSES, PLAN, dataset

from gammabeta.errors import DataError, PlanError, TrainingError, UsageError
from gammabeta.nn import BatchNorm, Dropout, Mlp, SigmoidCrossEntropy
from gammabeta.plan import EarlyStopping, change
from gammabeta.train import batches, fit, run
from gammabeta.train.evaluate import evaluate, predict
from gammabeta.train.metrics import scores
from gammabeta.train.statistics import settled
from gammabeta.train.step import advance, program_of

TRAIN, VALID = dataset(), dataset(rows=31, seed=1)


def trained(plan=PLAN, **options):
    return list(fit(plan, TRAIN, VALID, **options))


def leaves(epoch):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(epoch.state)]


def lasting(epoch):
    """The history line of an epoch without the times."""
    return {key: value for key, value in epoch.to_json().items() if "seconds" not in key}


@pytest.fixture(scope="module")
def epochs():
    return trained()


def test_the_same_seed_gives_the_same_numbers_bit_for_bit(epochs):
    for one, other in zip(trained(), epochs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(leaves(one), leaves(other), strict=True))
        assert lasting(one) == lasting(other)


@pytest.mark.parametrize("seed", [4, 2**31, 2**32 - 1])
def test_another_seed_gives_other_numbers(epochs, seed):
    other = trained(PLAN.replace(seed=seed))[-1]
    for a, b in zip(jax.tree.leaves(other.state.params), jax.tree.leaves(epochs[-1].state.params), strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize("probe", [None])
def test_watching_changes_nothing(epochs, probe):
    unwatched = trained(probe=probe)[-1]
    assert unwatched.signals == {}
    for a, b in zip(leaves(unwatched), leaves(epochs[-1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_measuring_inside_an_epoch_changes_nothing_but_how_often(epochs):
    pieces = trained(measure_every=3)  # 7 batches an epoch: after steps 3, 6 and 7, then 9, 12 and 14
    assert [piece.steps for piece in pieces] == [3, 6, 7, 9, 12, 14]
    assert [piece.number for piece in pieces] == [1, 1, 1, 2, 2, 2]
    assert [len(piece.losses) for piece in pieces] == [3, 3, 1, 2, 3, 2]
    assert [piece.ended for piece in pieces] == [""] * 5 + ["epochs"]
    assert all(np.array_equal(a, b) for a, b in zip(leaves(pieces[-1]), leaves(epochs[-1]), strict=True))
    assert pieces[2].valid == epochs[0].valid


def test_measuring_every_zero_steps_is_refused():
    with pytest.raises(UsageError, match="measure_every is 0"):
        trained(measure_every=0)


def test_an_epoch_is_one_json_line_of_numbers(epochs):
    for number, epoch in enumerate(epochs, start=1):
        line = json.loads(json.dumps(epoch.to_json(), allow_nan=False))
        assert line["epoch"] == number
        assert line["steps"] == 7 * number
        assert line["train"].keys() == line["valid"].keys() == {"loss", "accuracy"}
        assert {"layers.1.mean", "layers.2.zero", "params.0.weight.update"} <= line["signals"].keys()
        assert epoch.losses.shape == (7,)
        assert np.isfinite(epoch.losses).all()
    assert [epoch.ended for epoch in epochs] == ["", "epochs"]
    np.testing.assert_allclose(epochs[-1].learning_rate, 0.02 * PLAN.schedule.factor(13.0, 14.0), rtol=1e-5)


def test_a_yielded_epoch_does_not_change_while_the_run_goes_on():
    going = fit(PLAN, TRAIN, VALID)
    first = next(going)
    before = [leaf.copy() for leaf in leaves(first)]
    list(going)
    assert all(np.array_equal(a, b) for a, b in zip(leaves(first), before, strict=True))


def test_both_sides_are_measured_with_settled_statistics(epochs):
    state, program = epochs[-1].state, program_of(PLAN)
    stats = settled(PLAN.network, state.params, state.stats, TRAIN, PLAN.batch_size)
    for data, found in ((TRAIN, epochs[-1].train), (VALID, epochs[-1].valid)):
        wanted = evaluate(program, state.params, stats, data)
        np.testing.assert_allclose(found["loss"], wanted.loss, rtol=1e-5)
        np.testing.assert_allclose(found["accuracy"], np.mean(np.argmax(wanted.predicted, 1) == data.y), rtol=1e-6)
        np.testing.assert_allclose(
            predict(PLAN.network, PLAN.loss, state.params, stats, data), wanted.predicted, rtol=1e-5
        )


def test_it_learns():
    epochs = trained(PLAN.replace(epochs=30))
    assert epochs[-1].train["loss"] < 0.7 * epochs[0].train["loss"]
    assert epochs[-1].train["accuracy"] > 0.7


@pytest.fixture
def small_chunks(monkeypatch):
    """Three batches a chunk, so three chunks an epoch, the last one partly empty."""
    monkeypatch.setattr(batches, "CHUNK_ROWS", 24)


def test_the_boundaries_of_chunks_change_no_number(epochs, small_chunks):
    cut = trained()
    for one, other in zip(cut, epochs, strict=True):
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-5)
        for a, b in zip(leaves(one), leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    # the first epoch holds a probed step
    assert cut[0].signals.keys() == epochs[0].signals.keys()
    for name, value in epochs[0].signals.items():
        np.testing.assert_allclose(cut[0].signals[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


# ---- when it ends


def test_it_stops_when_asked_to_with_a_measured_epoch(small_chunks):
    asked = []

    def should_stop():
        asked.append(True)
        return len(asked) == 5

    epochs = trained(PLAN.replace(epochs=9), should_stop=should_stop)
    assert [epoch.ended for epoch in epochs] == ["", "stopped"]
    assert epochs[-1].steps == 7 + 6
    assert epochs[-1].losses.shape == (6,)
    assert np.isfinite(epochs[-1].valid["loss"])


def test_a_time_limit_ends_with_a_measured_epoch(small_chunks):
    (epoch,) = trained(time_limit=0.0)
    assert epoch.ended == "time limit"
    assert epoch.steps == 3
    assert epoch.best
    assert np.isfinite([epoch.train["loss"], epoch.valid["loss"]]).all()


def test_early_stopping_stops_after_its_patience_and_marks_the_best():
    plan = change(PLAN, {"epochs": 60, "optimizer.learning_rate": 0.2, "schedule": "one_cycle"})
    epochs = trained(plan.replace(early_stopping=EarlyStopping(patience=3)))
    losses = [epoch.valid["loss"] for epoch in epochs]
    assert [epoch.best for epoch in epochs] == [loss == min(losses[: i + 1]) for i, loss in enumerate(losses)]
    best = int(np.argmin(losses))
    assert len(epochs) - 1 - best == 3
    assert [epoch.ended for epoch in epochs] == [""] * (len(epochs) - 1) + ["early stopping"]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "log_loss"])
def test_early_stopping_can_watch_any_metric_and_measures_no_other(metric):
    plan = PLAN.replace(epochs=60, early_stopping=EarlyStopping(patience=2, metric=metric))
    epochs = trained(plan)
    values = [(-1 if metric == "log_loss" else 1) * epoch.valid[metric] for epoch in epochs]
    best = int(np.argmax(values))
    assert epochs[-1].ended == "early stopping"
    assert len(epochs) - 1 - best == 2
    assert [epoch.best for epoch in epochs] == [value > max(values[:i], default=-9) for i, value in enumerate(values)]
    for epoch in epochs:
        assert list(epoch.valid) == list(epoch.train) == list(dict.fromkeys(["loss", "accuracy", metric]))
    wanted = evaluate(program_of(PLAN), epochs[best].state.params, epochs[best].state.stats, VALID)
    found = scores("multiclass", wanted.predicted, VALID.y, VALID.weights)[metric]
    np.testing.assert_allclose(epochs[best].valid[metric], found, rtol=1e-5)


@pytest.mark.parametrize(
    ("metric", "legal"),
    [
        ("rmse", "loss, accuracy, balanced_accuracy, log_loss"),
        ("roc_auc", "loss, accuracy, balanced_accuracy, log_loss"),
    ],
)
def test_a_metric_of_another_task_is_refused_with_those_of_this_one(metric, legal):
    with pytest.raises(
        PlanError, match=rf"^plan\.early_stopping\.metric: {metric} .* multiclass, expected one of {legal}"
    ):
        next(fit(PLAN.replace(early_stopping=EarlyStopping(metric=metric)), TRAIN, VALID))


def test_a_metric_that_says_nothing_on_the_validation_rows_is_refused():
    plan = PLAN.replace(
        network=Mlp((4,)), loss=SigmoidCrossEntropy(), early_stopping=EarlyStopping(metric="roc_auc"), epochs=1
    )
    rows = [replace(data, y=np.float32(data.y > 0)[:, None]) for data in (TRAIN, VALID)]
    (epoch,) = fit(plan, *rows, probe=None)
    assert 0 <= epoch.valid["roc_auc"] <= 1
    with pytest.raises(PlanError, match="roc_auc says nothing on the 31 rows that judge, for all are of one class"):
        next(fit(plan, rows[0], replace(rows[1], y=np.zeros((31, 1), np.float32))))


def test_a_loss_that_is_not_finite_ends_the_run():
    plan = change(PLAN, {"epochs": 5, "optimizer.learning_rate": 1e38})
    epochs = trained(plan)
    assert epochs[-1].ended == "non-finite loss"
    assert not epochs[-1].best
    assert len(epochs) < 5
    json.dumps(epochs[-1].to_json(), allow_nan=False)
    if not any(epoch.best for epoch in epochs):
        with pytest.raises(TrainingError, match=r"finite.*learning_rate"):
            run(plan, TRAIN, VALID).finished(TRAIN)


def test_the_finished_run_is_the_best_epoch_settled_on_all_rows():
    made = run(PLAN.replace(epochs=6), TRAIN, VALID)
    assert len(made.history) == 6
    assert made.best.valid["loss"] == min(line["valid"]["loss"] for line in made.history)
    params, stats = made.finished(TRAIN)
    for kept, best in zip(jax.tree.leaves(params), jax.tree.leaves(made.best.state.params), strict=True):
        np.testing.assert_array_equal(kept, best)
    wanted = settled(PLAN.network, params, made.best.state.stats, TRAIN)
    for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_progress_counts_every_step_once_and_says_when_it_compiles():
    seen = []
    trained(on_progress=seen.append)
    assert seen[0].phase == "compiling"
    assert [progress.phase for progress in seen].count("compiling") == 1
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert (seen[-1].phase, seen[-1].done, seen[-1].steps) == ("measuring", 14, 14)


def test_data_without_rows_or_without_a_target_is_refused():
    for data in (TRAIN.take(np.arange(0)), dataset().__class__(x=TRAIN.x)):
        with pytest.raises(DataError, match="target"):
            next(fit(PLAN, data, VALID))


def test_a_network_with_too_few_outputs_is_refused_before_training():
    network = PLAN.network.replace(
        layers=(*PLAN.network.layers[:-1], PLAN.network.layers[-1].replace(units=CLASSES - 1))
    )
    with pytest.raises(PlanError, match="3 units"):
        next(fit(PLAN.replace(network=network), TRAIN, VALID))


# ---- what compiles

NUMBERS = {
    "optimizer.learning_rate": 0.5,
    "optimizer.weight_decay": 0.0,
    "optimizer.b1": 0.5,
    "schedule.rise": 0.5,
    "network.layers.3.rate": 0.5,
    "network.layers.1.epsilon": 0.1,
    "network.layers.1.update_rate": 0.5,
    "epochs": 1,
    "seed": 77,
    "early_stopping.patience": 4,
}


def test_changing_only_numbers_compiles_nothing_and_changes_the_result(epochs):
    assert isinstance(PLAN.network.layers[3], Dropout)
    assert isinstance(PLAN.network.layers[1], BatchNorm)
    trained()
    compiled = advance._cache_size()
    for path, number in NUMBERS.items():
        plan = change(PLAN, {path: number})
        last = trained(plan)[-1]
        weights = last.state.params[0]["weight"]
        assert not np.array_equal(weights, epochs[-1].state.params[0]["weight"]) or path in (
            "early_stopping.patience",
            "network.layers.1.update_rate",
        ), path
    assert advance._cache_size() == compiled

"""What a case measures of a run: the best constant answer, the start as the run had it, the run again."""

import math
from dataclasses import replace

import jax
import numpy as np
import pytest

from gammabeta.cli.fit import where_it_diverged
from gammabeta.data import Dataset
from gammabeta.diagnosis import Case
from gammabeta.diagnosis.cured import cured_run
from gammabeta.diagnosis.forks import Branch
from gammabeta.diagnosis.references import flat
from gammabeta.diagnosis.replay import first_non_finite
from gammabeta.nn import (
    Activation,
    Dense,
    Lsuv,
    MulticlassHinge,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import ReduceOnPlateau, Sgd
from gammabeta.plan import Plan
from gammabeta.train import fit


def classes(*counts, weights=None):
    y = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    return Dataset(np.random.default_rng(0).normal(size=(len(y), 3)).astype(np.float32), y, weights=weights)


def linear(outputs, loss, **settings):
    return Plan(network=Sequential((Dense(outputs),)), loss=loss, **{"epochs": 3, "batch_size": 16, **settings})


def entropy(*shares):
    return -sum(share * math.log(share) for share in shares)


def test_balanced_classes_leave_a_constant_answer_no_more_than_an_even_one():
    case = Case.of(linear(2, SoftmaxCrossEntropy(), class_weights="balanced"), classes(57, 3))
    assert case.constant_loss == pytest.approx(math.log(2), abs=1e-5)
    assert Case.of(linear(2, SoftmaxCrossEntropy()), classes(57, 3)).constant_loss == pytest.approx(
        entropy(0.95, 0.05), abs=1e-5
    )


def test_weights_of_rows_count_in_the_constant_answer_and_its_score():
    rows = classes(40, 20, weights=np.repeat(np.float32([1, 6]), [40, 20]))
    case = Case.of(linear(2, SoftmaxCrossEntropy()), rows)
    assert case.constant_loss == pytest.approx(entropy(0.25, 0.75), abs=1e-5)
    assert case.references.constant == pytest.approx(0.75, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_outputs_for_classes_that_do_not_judge_cost_the_best_answer_nothing(smoothing):
    few, all_three = classes(30, 10), classes(30, 20, 10)
    loss = SoftmaxCrossEntropy(label_smoothing=smoothing)
    case = Case.of(linear(3, loss), all_three, few)
    o = np.log(np.maximum((1 - smoothing) * np.float32([0.75, 0.25, 0]) + smoothing / 3, 1e-6)).astype(np.float32)
    assert case.constant_loss == pytest.approx(float(np.mean(loss.rows(np.tile(o, (40, 1)), few.y))), abs=1e-4)
    if smoothing == 0:
        assert case.constant_loss == pytest.approx(entropy(0.75, 0.25), abs=1e-4)


def test_the_first_features_of_images_are_those_of_all():
    x = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)
    images = Dataset(x, np.zeros(5, np.int32), offset=np.float32([3, 9]), factor=np.float32([0.5, 0.25]))
    chosen = np.array([1, 4, 22])
    np.testing.assert_array_equal(flat(images)[:, chosen], flat(images, chosen))
    np.testing.assert_allclose(flat(images), ((x - [3, 9]) * [0.5, 0.25]).reshape(5, -1))


def test_a_cured_run_that_is_longer_than_its_fork_is_not_trained():
    rows = numbers(64)
    plan = linear(1, SquaredError(), batch_size=32, epochs=3)
    case = Case.of(plan, rows)
    longer = Branch(plan.replace(epochs=12), rows, None, steps=11)
    assert cured_run(case, longer) is None
    # as after a change of the batch size, whose last batch of an epoch is not full
    for steps in (12, 24):
        assert len(cured_run(case, longer._replace(steps=steps)).history) == 12


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(label_smoothing=0.3), MulticlassHinge()])
def test_no_constant_outputs_are_better_than_the_best(loss):
    case = Case.of(linear(3, loss), classes(30, 20, 10))
    y = case.train.y
    for outputs in np.random.default_rng(1).normal(size=(200, 3)):
        others = np.repeat(outputs[None].astype(np.float32), len(y), axis=0)
        assert float(np.mean(loss.rows(others, y))) > case.constant_loss - 1e-3
    assert case.constant_loss < float(np.mean(loss.rows(np.zeros((len(y), 3), np.float32), y)))


def test_smoothed_labels_have_the_entropy_of_their_smoothed_share():
    y = np.repeat(np.float32([0, 1]), [48, 12])[:, None]
    rows = Dataset(np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32), y)
    case = Case.of(linear(1, SigmoidCrossEntropy(label_smoothing=0.2)), rows)
    assert case.constant_loss == pytest.approx(entropy(0.26, 0.74), abs=1e-5)


def numbers(count):
    random = np.random.default_rng(3)
    x = random.normal(size=(count, 4)).astype(np.float32)
    return Dataset(x, (x @ np.float32([1.0, -0.5, 0.3, 0.0]))[:, None])


def test_a_start_that_was_calibrated_on_many_rows_is_the_run_s():
    network = Sequential((Dense(5, initializer=Lsuv()), Activation("relu"), Dense(1)))
    plan = Plan(network=network, loss=SquaredError(), optimizer=Sgd(1e-30), epochs=1, batch_size=256)
    rows = numbers(900)
    (epoch,) = fit(plan, rows, probe=None)
    for one, other in zip(
        jax.tree.leaves(Case.of(plan, rows).start.params), jax.tree.leaves(epoch.state.params), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-25)


def test_the_step_that_broke_is_found_where_the_rate_was_reduced_on_the_way():
    schedule = ReduceOnPlateau(patience=1, drop=0.9)
    rows = numbers(64)
    plan = linear(1, SquaredError(), optimizer=Sgd(8.0), schedule=schedule, epochs=60, batch_size=32)
    epochs = list(fit(plan, rows, probe=None))
    assert epochs[-1].ended == "non-finite loss"
    assert len(epochs) > 3
    broke = epochs[-1].steps - len(epochs[-1].losses) + int(np.argmin(np.isfinite(epochs[-1].losses))) + 1
    case = Case.of(plan, rows, None, tuple(epoch.to_json() for epoch in epochs))
    assert first_non_finite(case).step == broke
    assert f"It was step {broke}, " in where_it_diverged(Case.of(plan, rows), case.history)


def test_validation_rows_of_none_leave_the_training_rows_to_judge():
    rows = numbers(60)
    case = Case.of(linear(1, SquaredError()), rows, replace(rows.take(np.arange(0))))
    assert case.judged_on is case.counted

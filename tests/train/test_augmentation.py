"""Augmentation inside training: training batches only, labels as they are, resumable, no second program."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from tests.train.problems import dataset as table

from gammabeta.data.dataset import Dataset
from gammabeta.errors import PlanError
from gammabeta.nn import Activation, BatchNorm, Dense, Flatten, RandomCrop, RandomFlip, Sequential, SoftmaxCrossEntropy
from gammabeta.optim import Constant, Sgd
from gammabeta.plan import Plan, change
from gammabeta.serial import dumps, from_json, lift
from gammabeta.train import fit
from gammabeta.train.evaluate import evaluate
from gammabeta.train.statistics import settled
from gammabeta.train.step import advance, program_of

PLAN = Plan(
    network=Sequential((Flatten(), Dense(6), BatchNorm(), Activation("relu"), Dense(3))),
    loss=SoftmaxCrossEntropy(),
    optimizer=Sgd(learning_rate=0.1),
    schedule=Constant(),
    epochs=2,
    batch_size=16,
    augmentation=(RandomFlip(0.5), RandomCrop(1)),
)
MIRRORED = PLAN.replace(augmentation=(RandomFlip(1.0), RandomCrop(0)))


def images(rows=37):
    random = np.random.default_rng(2)
    y = (np.arange(rows) % 3).astype(np.int32)
    x = random.integers(0, 120, (rows, 4, 3, 1)) + 60 * y[:, None, None, None] * (np.arange(3) == 0)[:, None]
    return Dataset(x=x.astype(np.uint8), y=y, offset=np.float32([70]), factor=np.float32([1 / 40]))


DATA = images()
NONE = (RandomFlip(0.0), RandomCrop(0))


def mirrored(data):
    return replace(data, x=np.ascontiguousarray(data.x[:, :, ::-1]))


def trained(plan, data=DATA, **options):
    return list(fit(plan, data, probe=None, **options))


def test_training_on_images_that_are_always_mirrored_is_training_on_mirrored_images_with_the_same_labels():
    by_chance, by_hand = trained(MIRRORED), trained(MIRRORED.replace(augmentation=NONE), mirrored(DATA))
    for one, other in zip(by_chance, by_hand, strict=True):
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-5)
    for one, other in zip(*(jax.tree.leaves(made[-1].state.params) for made in (by_chance, by_hand)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_what_is_measured_and_what_batch_norm_settles_are_images_as_they_are():
    (*_, last) = trained(MIRRORED)
    stats = settled(PLAN.network, last.state.params, last.state.stats, DATA)
    np.testing.assert_array_equal(last.state.stats[2].mean, stats[2].mean)
    other = settled(PLAN.network, last.state.params, last.state.stats, mirrored(DATA))
    assert np.abs(np.asarray(other[2].mean) - np.asarray(stats[2].mean)).max() > 1e-3
    plain, turned = (
        evaluate(program_of(PLAN), last.state.params, last.state.stats, data).loss for data in (DATA, mirrored(DATA))
    )
    assert last.train["loss"] == pytest.approx(plain, rel=1e-5)
    assert abs(turned - plain) > 1e-3


def test_the_same_seed_gives_the_same_numbers_however_the_epoch_is_cut():
    whole, in_pieces = trained(PLAN), trained(PLAN, measure_every=2)
    for one, other in zip(*(jax.tree.leaves(made[-1].state) for made in (whole, in_pieces)), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole[0].losses, np.concatenate([made.losses for made in in_pieces[:2]]))
    assert abs(whole[0].losses - trained(PLAN.replace(seed=1))[0].losses).max() > 1e-4


def test_micro_batches_see_the_images_that_the_whole_batch_sees():
    plain, divided = trained(PLAN), trained(PLAN.replace(micro_batch_size=5))
    np.testing.assert_allclose(plain[-1].losses, divided[-1].losses, rtol=1e-4)


def test_other_strengths_run_through_the_program_that_is_compiled():
    trained(PLAN)
    before = advance._cache_size()
    trained(PLAN.replace(augmentation=(RandomFlip(0.1), RandomCrop(3))))
    assert advance._cache_size() == before
    assert lift(program_of(PLAN))[1]["augmentation.1.padding"] == 1


def test_it_is_set_by_name_and_comes_back_from_a_file():
    plan = change(PLAN.replace(augmentation=None), {"augmentation": ["random_flip", {"type": "random_crop"}]})
    assert plan.augmentation == (RandomFlip(), RandomCrop())
    plan = change(plan, {"augmentation.1.padding": 2})
    assert plan.augmentation[1].padding == 2
    assert from_json(json.loads(dumps(plan)), expected=Plan) == plan
    assert change(plan, {"augmentation": None}).augmentation is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"augmentation": ["random_flp"]}, r'plan\.augmentation\.0: unknown type "random_flp"; did you mean "random_f'),
        ({"augmentation": "random_flip"}, r"plan\.augmentation: 'random_flip' is not a list"),
        ({"augmentation": ["dropout"]}, r"plan\.augmentation\.0: unknown type"),
        ({"augmentation.1.padding": -2}, r"plan\.augmentation\.1\.padding: -2 is outside its range \[0, inf\)"),
    ],
)
def test_what_is_no_augmentation_is_refused(changes, words):
    with pytest.raises(PlanError, match=words):
        change(PLAN, changes)


def test_rows_that_are_no_images_are_not_augmented():
    plan = PLAN.replace(network=Sequential((Dense(3),)))
    with pytest.raises(
        PlanError, match=r"plan\.augmentation: the inputs have shape \(5,\), expected images .* augmentation=none"
    ):
        trained(plan, table())

"""What a plan can add to a step: clipping, L2, noise, micro-batches, devices, a rate that falls on a plateau."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from tests.train.problems import dataset

from gammabeta.errors import PlanError
from gammabeta.nn import BatchNorm, Dense, Frozen, Mlp, Paced, Residual, Sequential, SoftmaxCrossEntropy
from gammabeta.optim import ClipByNorm, ClipByValue, Constant, ReduceOnPlateau, Sgd
from gammabeta.plan import Plan, change
from gammabeta.serial import dumps, from_json
from gammabeta.train import fit

PLAN = Plan(
    network=Mlp(hidden=(6,)),
    loss=SoftmaxCrossEntropy(),
    optimizer=Sgd(learning_rate=0.1),
    schedule=Constant(),
    epochs=2,
    batch_size=16,
)
DATA = dataset()


def trained(plan, **options):
    return list(fit(plan, DATA, **options))


def weights(epochs):
    return jax.tree.map(np.asarray, epochs[-1].state.params)


def apart(one, other):
    return max(np.abs(a - b).max() for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


@pytest.fixture(scope="module")
def plain():
    return weights(trained(PLAN))


@pytest.mark.parametrize(
    ("harmless", "effective"),
    [
        ({"clipping": ClipByNorm(1e6)}, {"clipping": ClipByNorm(0.01)}),
        ({"clipping": ClipByValue(1e6)}, {"clipping": ClipByValue(0.001)}),
        ({"l2": 0.0}, {"l2": 0.5}),
        ({"gradient_noise": 0.0}, {"gradient_noise": 0.1}),
        ({"weight_noise": 0.0}, {"weight_noise": 0.1}),
    ],
    ids=["norm", "value", "l2", "gradient noise", "weight noise"],
)
def test_each_number_acts_and_at_its_neutral_value_changes_nothing(plain, harmless, effective):
    assert apart(weights(trained(PLAN.replace(**harmless))), plain) < 1e-6
    assert apart(weights(trained(PLAN.replace(**effective))), plain) > 1e-3


@pytest.mark.parametrize("size", [1, 5])
def test_micro_batches_train_the_same_network(plain, size):
    assert apart(weights(trained(PLAN.replace(micro_batch_size=size))), plain) < 1e-5


def test_a_frozen_gamma_does_not_move_and_the_others_do():
    network = Mlp(hidden=(6,), normalization=BatchNorm(train=False))
    params = weights(trained(PLAN.replace(network=network, l2=0.1)))
    assert (params[1]["gamma"] == 1).all()
    assert (params[1]["beta"] == 0).all()
    assert params[3]["bias"].any()


def test_the_rate_falls_after_a_plateau():
    schedule = ReduceOnPlateau(patience=1, drop=0.5, threshold=0.99, then=Constant())
    rates = [epoch.learning_rate for epoch in trained(PLAN.replace(schedule=schedule, epochs=4))]
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.025])


def test_all_of_it_can_be_set_by_name_and_comes_back_from_a_file():
    changes = {
        "clipping": "clip_by_norm",
        "clipping.max_norm": 2,
        "l2": 0.01,
        "weight_noise": 0.1,
        # too large a ghost until the batch has grown
        "network.normalization.ghost_size": 24,
        "batch_size": 32,
    }
    plan = change(PLAN, changes)
    assert plan.clipping == ClipByNorm(2.0)
    assert plan.network.normalization.ghost_size == 24
    assert from_json(json.loads(dumps(plan))) == plan


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": -1}, r"plan\.l2: -1\.0 is outside its range \[0, inf\)"),
        ({"clipping": "clip_by_nrm"}, 'did you mean "clip_by_norm"'),
        ({"clipping": "clip_by_norm", "clipping.max_norm": 0}, r"plan\.clipping\.max_norm: 0\.0 is outside"),
        ({"micro_batch_size": 0}, r"\[1, inf\)"),
        (
            {"micro_batch_size": 17},
            r"^plan\.micro_batch_size: 17 is larger than the batch_size of 16, expected 1 to 16",
        ),
        (
            {"network.normalization.ghost_size": 17},
            r"^plan\.network\.normalization\.ghost_size: 17 is larger than the batch of 16 rows, expected 2 to 16",
        ),
        (
            {"network.normalization.ghost_size": 8, "micro_batch_size": 4},
            r"^plan\.network\.normalization\.ghost_size: 8 found beside micro_batch_size=4",
        ),
    ],
)
def test_impossible_values_are_refused_when_the_plan_is_made(changes, words):
    with pytest.raises(PlanError, match=words):
        change(PLAN, changes)


def test_a_ghost_that_does_not_fit_is_refused_with_its_place_however_the_plan_is_made():
    ghostly = BatchNorm(ghost_size=17)
    body = Sequential((Dense(6), ghostly))
    for network, place in (
        (Mlp(hidden=(6,), normalization=ghostly), "network.normalization"),
        (ghostly, "network"),
        (Sequential((Residual(body), Paced(body))), "network.layers.0.body.layers.1"),
    ):
        for options in ({"batch_size": 16}, {"batch_size": 32, "micro_batch_size": 8}):
            with pytest.raises(PlanError, match=rf"^plan\.{place}\.ghost_size: 17 "):
                Plan(network=network, loss=SoftmaxCrossEntropy(), **options)
    # what is frozen normalizes by its memory
    assert Plan(network=Frozen(ghostly), loss=SoftmaxCrossEntropy(), batch_size=16, micro_batch_size=8)


def test_a_ghost_larger_than_the_data_is_refused_before_training():
    plan = change(PLAN, {"batch_size": 64, "network.normalization.ghost_size": 60})
    with pytest.raises(PlanError, match=r"^plan\.network\.normalization\.ghost_size: 60 .* batch of 53 rows"):
        trained(plan)


def test_more_devices_than_there_are_is_refused():
    with pytest.raises(PlanError, match="devices: 64 asked for"):
        trained(PLAN.replace(devices=64))


TWO_DEVICES = """
import jax, numpy as np
from tests.train.test_plan_numbers import DATA, PLAN, apart, trained, weights
assert jax.device_count() == 2
one, two = trained(PLAN), trained(PLAN.replace(devices=2))
assert len(two[-1].state.params[0]["weight"].sharding.device_set) == 2
for a, b in zip(*(jax.tree.leaves(run[-1].state) for run in (one, two)), strict=True):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-6)
"""


def test_two_devices_see_one_batch(request):
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": os.pathsep.join([str(request.config.rootpath), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

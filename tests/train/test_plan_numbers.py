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
from gammabeta.nn import BatchNorm, Mlp, SoftmaxCrossEntropy
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


def test_micro_batches_train_the_same_network(plain):
    assert apart(weights(trained(PLAN.replace(micro_batch_size=5))), plain) < 1e-5


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
        "micro_batch_size": 4,
        "network.normalization.ghost_size": 8,
    }
    plan = change(PLAN, changes)
    assert plan.clipping == ClipByNorm(2.0)
    assert plan.network.normalization.ghost_size == 8
    assert from_json(json.loads(dumps(plan))) == plan


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": -1}, r"plan\.l2: -1\.0 is outside its range \[0, inf\)"),
        ({"clipping": "clip_by_nrm"}, 'did you mean "clip_by_norm"'),
        ({"clipping": "clip_by_norm", "clipping.max_norm": 0}, r"plan\.clipping\.max_norm: 0\.0 is outside"),
        ({"micro_batch_size": 0}, r"\[1, inf\)"),
    ],
)
def test_impossible_values_are_refused_when_the_plan_is_made(changes, words):
    with pytest.raises(PlanError, match=words):
        change(PLAN, changes)


def test_a_ghost_larger_than_the_batch_is_refused_before_training():
    network = Mlp(hidden=(6,), normalization=BatchNorm(ghost_size=17))
    with pytest.raises(PlanError, match=r"17 is larger than the batch of 16 rows"):
        PLAN.replace(network=network).expanded((4,), 3)


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

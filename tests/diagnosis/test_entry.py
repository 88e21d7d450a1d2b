"""What diagnose takes: a case, what fit came to with its rows, or a run folder."""

import numpy as np
import pytest

import gammabeta as gb
from gammabeta.data import Dataset
from gammabeta.errors import UsageError
from gammabeta.nn import Dense, Sequential, SquaredError
from gammabeta.optim import Sgd
from gammabeta.plan import Plan
from gammabeta.train import Start

PLAN = Plan(
    network=Sequential((Dense(1),)), loss=SquaredError(), optimizer=Sgd(learning_rate=1e-3), epochs=6, batch_size=16
)


def rows(count, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 3)).astype(np.float32)
    y = x @ np.float32([1.0, -0.7, 0.4]) + 0.05 * random.normal(size=count)
    return Dataset(x, y.astype(np.float32)[:, None])


def named(findings):
    return [one.code for one in findings if one.severity != "note"]


def test_a_run_is_diagnosed_with_the_rows_that_it_was_trained_on():
    train, valid = rows(120, 0), rows(83, 1)
    run = gb.run(PLAN, train, valid)
    assert named(gb.diagnose(run, train, valid, family=("GB302", "GB303"))) == ["GB302"]
    with pytest.raises(UsageError, match="does not hold its rows"):
        gb.diagnose(run)


def test_the_forks_of_a_run_begin_where_it_began():
    train, valid = rows(120, 0), rows(83, 1)
    trained = ({"weight": np.float32([[1.0], [-0.7], [0.4]]), "bias": np.zeros(1, np.float32)},)
    start = Start(trained, ((),))
    run = gb.run(PLAN, train, valid, start=start)
    # from there a low rate does no harm; from nothing it would
    assert named(gb.diagnose(run, train, valid, start=start, family="GB302")) == []

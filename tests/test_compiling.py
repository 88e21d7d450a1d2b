"""Compiled programs are given back before Linux refuses more of them, and nothing else changes."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gammabeta import compiling
from gammabeta.data import Dataset
from gammabeta.nn import Activation, BatchNorm, Dense, Sequential, SquaredError
from gammabeta.plan import Plan
from gammabeta.train import run

pytestmark = pytest.mark.skipif(not compiling.MAPPINGS.exists(), reason="needs Linux's /proc")


def mappings():
    return len(compiling.MAPPINGS.read_bytes().splitlines())


def last_loss(units):
    random = np.random.default_rng(2)
    x = random.normal(size=(90, 3)).astype(np.float32)
    data = Dataset(x, (x[:, :1] - 0.4 * x[:, 1:2]).astype(np.float32))
    layers = (Dense(units), BatchNorm(), Activation("relu"), Dense(1))
    plan = Plan(network=Sequential(layers), loss=SquaredError(), epochs=2, batch_size=20)
    return run(plan, data).history[-1]["train"]["loss"]


def test_programs_are_given_back_near_the_limit_only(monkeypatch):
    monkeypatch.setattr(compiling, "asked", itertools.count())
    monkeypatch.setattr(compiling, "SHARE", 1.0)
    assert [compiling.give_back() for _ in range(9)] == [False] * 9
    last_loss(4)
    held = mappings()
    monkeypatch.setattr(compiling, "SHARE", 0.0)
    # it looks at every eighth call
    assert [compiling.give_back() for _ in range(8)].count(True) == 1
    assert mappings() < held


def test_training_is_the_same_where_programs_are_given_back_all_the_time(monkeypatch):
    expected = [last_loss(units) for units in (4, 5)]
    monkeypatch.setattr(compiling, "SHARE", 0.0)
    monkeypatch.setattr(compiling, "EVERY", 1)
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(last_loss, (4, 5, 4, 5)))
    assert found == expected * 2

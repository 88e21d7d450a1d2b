"""Batch norm as the first layer replaces the scaling of inputs: they reach it in their own unit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.model.finished import schema_for

from gammabeta import load
from gammabeta.data import Date, Number, Schema
from gammabeta.estimators import NetworkRegressor
from gammabeta.model import raw_where_normalized, suited
from gammabeta.nn import (
    BatchNorm,
    Dense,
    Flatten,
    Frozen,
    GaussianNoise,
    Layer,
    LayerNorm,
    Mlp,
    Sequential,
    SquaredError,
    Whitening,
)
from gammabeta.optim import Sgd
from gammabeta.plan import Plan, advise

FIRST = Mlp(hidden=(6,), position="first")
NETWORKS: dict[str, tuple[Any, bool]] = {
    "the position first": (FIRST, True),
    "layers": (Sequential((BatchNorm(), Dense(1))), True),
    "frozen, as in a grafted network": (Sequential((Frozen(BatchNorm()), Dense(1))), True),
    "nested": (Sequential((Sequential((Flatten(), BatchNorm())), Dense(1))), True),
    "behind a dense layer": (Mlp(hidden=(6,), position="before"), False),
    "layer norm": (FIRST.replace(normalization=LayerNorm()), False),
    "behind whitening": (FIRST.replace(whitening="zca"), False),
    "whitening alone": (Sequential((Whitening(), Dense(1))), False),
    "behind noise": (Sequential((GaussianNoise(0.1), BatchNorm(), Dense(1))), False),
    "none": (FIRST.replace(normalization=None), False),
}


def raw(schema: Schema, network: Layer) -> Schema:
    plan = advise(schema.task, 40).replace(network=network)
    return raw_where_normalized(schema, suited(plan, schema))


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_lose_their_scale_where_batch_norm_comes_first_and_nowhere_else(name: str) -> None:
    network, loses = NETWORKS[name]
    schema = schema_for("regression")
    found = raw(schema, network)
    if not loses:
        assert found == schema
        return
    before, after = (next(c for c in each.columns if isinstance(c, Number)) for each in (schema, found))
    assert (after.scale, after.clip) == (1.0, None)
    assert (after.center, after.missing) == (before.center, True)
    assert [c for c in found.columns if isinstance(c, Date)] == [c for c in schema.columns if isinstance(c, Date)]
    assert raw(found, network) == found


def test_pixels_reach_it_as_0_to_255_less_their_mean() -> None:
    schema = schema_for("images")
    found = raw(schema, FIRST)
    assert schema.image is not None
    assert found.image is not None
    assert min(schema.image.std) > 2
    assert (found.image.std, found.image.mean) == ((1.0,) * 3, schema.image.mean)


def test_a_number_that_epsilon_would_drown_is_told_of() -> None:
    table = pd.DataFrame({"far": np.arange(40.0) * 7, "near": np.arange(40.0) ** 2 % 11 / 5000, "y": np.arange(40.0)})
    schema = Schema.fit(table, "y")
    (note,) = raw(schema, FIRST).notes
    assert '"near"' in note
    assert "epsilon of 1e-05" in note
    smaller = FIRST.replace(normalization=BatchNorm(epsilon=1e-9))
    assert not raw(schema, smaller).notes


def test_an_estimator_keeps_the_unit_through_saving_and_another_unit_gives_the_same_answers(tmp_path: Any) -> None:
    random = np.random.default_rng(4)
    X = 3 + 4 * random.standard_normal((70, 2))
    y = X[:, 0] - 2 * X[:, 1]
    plan = Plan(network=FIRST, loss=SquaredError(), optimizer=Sgd(0.05), epochs=20, batch_size=16, seed=2)
    fitted = NetworkRegressor(plan=plan).fit(X, y)
    assert [c.scale for c in fitted.model_.schema.columns] == [1.0, 1.0]
    assert fitted.score(X, y) > 0.9
    loaded = load(fitted.model_.save(tmp_path))
    assert loaded.schema == fitted.model_.schema
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    # powers of two, so that only epsilon differs
    other = NetworkRegressor(plan=plan).fit(X * [1024, 1], y)
    np.testing.assert_allclose(other.predict(X * [1024, 1]), fitted.predict(X), rtol=1e-3, atol=1e-3)

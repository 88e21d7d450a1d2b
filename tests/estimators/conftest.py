"""Small data of few shapes: every new shape compiles, and that is nearly all the time these tests take."""

import jax
import numpy as np
import pandas as pd
import pytest

ROWS = 91


@pytest.fixture(autouse=True)
def compiling_fast():
    """Programs of a few microseconds need no optimization, which is a fifth of compiling them."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def three_classes(rng):
    """(91, 3) numbers far from standardized, and three classes of unequal size that they tell apart."""
    y = rng.choice(3, ROWS, p=(0.5, 0.3, 0.2))
    X = rng.normal((3.0, -200.0, 0.01), (4.0, 50.0, 0.002), (ROWS, 3)) + 3 * np.eye(3)[y] * (4.0, 50.0, 0.002)
    return X, y


@pytest.fixture
def passengers(rng):
    """A table as files have them: texts, categories, truth values, dates, missing values, an identifier."""
    age = rng.normal(30, 14, ROWS).clip(1)
    sex = rng.choice(["female", "male"], ROWS)
    survived = np.where((sex == "female") ^ (rng.random(ROWS) < 0.1), "yes", "no")
    age[rng.random(ROWS) < 0.2] = np.nan
    port = rng.choice(np.array(["S", "C", "Q", None], dtype=object), ROWS)
    table = pd.DataFrame(
        {
            "passenger_id": np.arange(ROWS) + 1000,
            "age": age,
            "sex": pd.Categorical(sex),
            "port": port,
            "alone": rng.random(ROWS) < 0.5,
            "ship": "Titanic",
        }
    )
    return table, pd.Series(survived, name="survived")

"""Regression by bins answers with an interval, in the target's unit, that is right as often as it says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.model.finished import model_for
from tests.stories.command import done, gammabeta

from gammabeta import load
from gammabeta.data import Schema
from gammabeta.errors import PlanError
from gammabeta.model import Model, learn
from gammabeta.nn import PREDICTING, BinnedRegression, Mlp
from gammabeta.optim import AdamW
from gammabeta.plan import Plan


def table(rows: int, seed: int) -> pd.DataFrame:
    """A price whose spread grows with the size, and a weight whose spread does not."""
    random = np.random.default_rng(seed)
    size = random.uniform(1, 9, rows)
    price = 2e5 + 3e4 * size + 1e4 * size * random.standard_normal(rows)
    return pd.DataFrame({"size": size, "price": price, "weight": 50 - 7 * size + 6 * random.standard_normal(rows)})


@pytest.fixture(scope="module")
def model() -> Model:
    train = table(1600, 1)
    schema = Schema.fit(train, ["price", "weight"])
    loss, optimizer = BinnedRegression(bins=30), AdamW(learning_rate=0.02)
    plan = Plan(network=Mlp(hidden=(16,)), loss=loss, optimizer=optimizer, epochs=60, batch_size=64, seed=1)
    return learn(plan, schema, schema.encode(train)).model


def test_new_rows_lie_in_it_as_often_as_it_says(model: Model) -> None:
    new = table(1500, 2)
    for level in (0.5, 0.8, 0.95):
        found = model.interval(new[["size"]], level)
        assert found.column_names == ["price_low", "price_high", "weight_low", "weight_high"]
        for target in ("price", "weight"):
            low, high = (found[f"{target}_{end}"].to_numpy() for end in ("low", "high"))
            inside = np.mean((new[target] >= low) & (new[target] <= high))
            assert inside == pytest.approx(level, abs=0.08)
            assert (low < high).all()


def test_it_is_wider_where_the_target_spreads_more_and_holds_the_answer(model: Model) -> None:
    rows = pd.DataFrame({"size": np.linspace(1.5, 8.5, 11)})
    found = model.interval(rows, 0.8)
    width = found["price_high"].to_numpy() - found["price_low"].to_numpy()
    assert np.mean(width[-3:]) > 2 * np.mean(width[:3])
    price = model.predict(rows)[:, 0]
    assert ((found["price_low"].to_numpy() < price) & (price < found["price_high"].to_numpy())).all()


def test_it_is_that_of_the_unfolded_network_in_the_unit_of_the_target(model: Model) -> None:
    rows = table(7, 3)
    x = model.schema.encode(rows, target=False).x
    outputs, _ = model.plan.layers.apply(model.params, model.stats, x, PREDICTING)
    assert isinstance(model.plan.loss, BinnedRegression)
    low, high = model.plan.loss.interval(outputs, 0.6)
    found = model.interval(rows, 0.6)
    for index, target in enumerate(model.schema.targets):
        for end, values in (("low", low), ("high", high)):
            np.testing.assert_allclose(
                found[f"{target.name}_{end}"].to_numpy(),
                np.asarray(values, np.float64)[:, index] * target.std + target.mean,
                rtol=1e-4,
            )


def test_no_rows_have_no_interval_and_another_loss_has_none_either(model: Model) -> None:
    assert model.interval(table(3, 1)[:0]).num_rows == 0
    with pytest.raises(PlanError, match=r"the loss is squared_error, which gives no interval; .*binned_regression"):
        model_for("regression").interval(table(3, 1))
    with pytest.raises(PlanError, match=r"1\.5 is outside its range"):
        model.interval(table(3, 1), 1.5)


def test_predict_writes_the_interval_beside_the_answer(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    table(9, 4).to_csv(tmp_path / "new.csv", index=False)
    done("predict", tmp_path, tmp_path / "new.csv", "--interval", 0.8, "-o", tmp_path / "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert list(answers) == ["price", "weight", "price_low", "price_high", "weight_low", "weight_high"]
    expected = load(tmp_path).interval(tmp_path / "new.csv", 0.8).to_pandas()
    pd.testing.assert_frame_equal(answers[list(expected)], expected)


def test_predict_refuses_an_interval_that_cannot_be(model: Model, tmp_path: Path) -> None:
    table(9, 4).to_csv(tmp_path / "new.csv", index=False)
    model_for("regression").save(tmp_path / "plain.safetensors")
    model.save(tmp_path / "bins.safetensors")
    for file, chance, words in (("plain", 0.8, "squared_error"), ("bins", 0, "(0, 1)"), ("bins", 1.2, "(0, 1)")):
        outcome = gammabeta("predict", tmp_path / f"{file}.safetensors", tmp_path / "new.csv", "--interval", chance)
        assert outcome.code == 2
        assert words in outcome.complaint

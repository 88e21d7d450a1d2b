"""X as users have it: tables with texts and gaps, arrays of numbers, arrays of objects."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import cross_val_score

from gammabeta.errors import DataError
from gammabeta.estimators import NetworkClassifier, NetworkRegressor

QUICK = {"hidden": (8,), "epochs": 12, "learning_rate": 0.03, "dropout": 0.0, "random_state": 0}


def test_a_table_of_texts_and_gaps_is_cross_validated_as_it_is(passengers):
    X, y = passengers
    assert cross_val_score(NetworkClassifier(**QUICK), X, y, cv=2, error_score="raise").mean() > 0.75


def test_a_table_tells_what_became_of_its_columns(passengers):
    X, y = passengers
    model = NetworkClassifier(**QUICK).fit(X, y).model_
    assert [column.name for column in model.schema.columns] == ["age", "sex", "port", "alone"]
    assert {column.name for column in model.schema.set_aside} == {"passenger_id", "ship"}
    assert model.schema.target_names == ("survived",)


def test_pandas_and_polars_give_the_same_answers(passengers):
    X, y = passengers
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    in_polars = pl.from_pandas(X)
    assert list(fitted.feature_names_in_) == in_polars.columns
    np.testing.assert_array_equal(fitted.predict_proba(in_polars), fitted.predict_proba(X))


def test_new_texts_and_gaps_at_predict_are_answered(passengers):
    X, y = passengers
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    odd = X.astype(object).assign(port="Z", alone=None, age=np.inf)
    assert set(fitted.predict(odd)) <= {"yes", "no"}


def test_columns_in_another_order_are_refused(passengers):
    X, y = passengers
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(X[X.columns[::-1]])


def test_every_column_of_an_array_of_numbers_is_a_number(rng):
    constant, counting = np.full(91, 7), np.arange(91)
    X = np.stack([constant, counting, rng.integers(0, 2, 91)], axis=1)
    schema = NetworkRegressor(**QUICK).fit(X, 5.0 * counting - 3).model_.schema
    assert schema.feature_names == ("x0", "x1", "x2")


def test_an_array_without_any_difference_still_gives_an_answer():
    y = np.arange(91) % 4 == 0
    fitted = NetworkClassifier(**QUICK | {"epochs": 60}).fit(np.ones((91, 3)), y)
    assert not fitted.predict(np.ones((5, 3))).any()
    np.testing.assert_allclose(fitted.predict_proba(np.ones((1, 3)))[0, 1], y.mean(), atol=0.12)


def test_a_gap_in_an_array_is_a_missing_value(three_classes):
    X, y = three_classes
    X[::5, 0] = np.nan
    fitted = NetworkClassifier(**QUICK).fit(X[:, :2], y)
    assert fitted.model_.schema.feature_names == ("x0", "x0:missing", "x1")
    assert fitted.score(X[:, :2], y) > 0.6


def test_infinity_in_an_array_is_refused(three_classes):
    X, y = three_classes
    X[4, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        NetworkClassifier(**QUICK).fit(X, y)


def test_a_column_of_an_array_is_made_a_category_by_its_place(three_classes, rng):
    X, y = three_classes
    X = np.stack([X[:, 0], rng.choice([3, 5], len(X))], axis=1)
    by_place, by_name = ({1: "category"}, {"x1": "category"})
    schemas = [NetworkClassifier(**QUICK, kinds=kinds).fit(X, y).model_.schema for kinds in (by_place, by_name)]
    assert schemas[0] == schemas[1]
    assert set(schemas[0].feature_names) == {"x0", "x1=3", "x1=5"}


def test_an_array_of_texts_is_read_column_by_column(three_classes, rng):
    X, y = three_classes
    texts = np.stack([rng.choice(["red", "blue"], 91), X[:, 0].astype(str)], axis=1)
    fitted = NetworkClassifier(**QUICK).fit(texts.tolist(), y)
    assert set(fitted.model_.schema.feature_names) == {"x0=red", "x0=blue", "x1"}


def test_a_target_named_like_a_column_is_kept_apart(rng):
    X = pd.DataFrame(dict.fromkeys(["x", "y", "z"], rng.normal(3, 4, 91)))
    fitted = NetworkRegressor(**QUICK).fit(X, X["y"])
    assert fitted.model_.schema.target_names == ("y_",)


@pytest.mark.parametrize(
    ("X", "found"),
    [
        (pd.DataFrame({"a": [1.5]}), "1 sample"),
        (pd.DataFrame({"a": ["one"] * 20}), "no usable column"),
        (pd.DataFrame([[1, 2]] * 20, columns=["a", "a"]), 'two columns named "a"'),
    ],
)
def test_a_table_without_anything_to_learn_is_refused(X, found):
    with pytest.raises(DataError, match=found):
        NetworkClassifier(**QUICK).fit(X, np.arange(len(X)) % 2)

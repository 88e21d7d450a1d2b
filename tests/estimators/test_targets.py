"""y as users have it: labels of any type, several labels, several numbers, rows that count more."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import DataConversionWarning

import gammabeta
from gammabeta.errors import DataError
from gammabeta.estimators import NetworkClassifier, NetworkRegressor

QUICK = {"hidden": (8,), "epochs": 12, "learning_rate": 0.03, "dropout": 0.0, "random_state": 0}


@pytest.mark.parametrize(
    "names",
    [["ham", "NA", "spam"], ["10", "9", "08"], [7, -1, 30], [0.0, 1.0, 4.0]],
    ids=["texts", "digits", "numbers", "floats"],
)
def test_classes_come_back_as_they_were_given(three_classes, names, tmp_path):
    X, codes = three_classes
    y = np.array(names)[codes]
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(fitted.classes_, np.unique(y))
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) > 0.8
    loaded = gammabeta.load(fitted.model_.save(tmp_path))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_truth_values_come_back_as_truth_values(three_classes):
    X, codes = three_classes
    fitted = NetworkClassifier(**QUICK).fit(X, codes == 1)
    assert fitted.predict(X).dtype == bool
    np.testing.assert_array_equal(fitted.model_.predict(X), fitted.predict(X))


def test_categories_of_pandas_are_classes(three_classes):
    X, codes = three_classes
    y = pd.Series(np.array(["a", "b", "c"])[codes], dtype="category")
    assert NetworkClassifier(**QUICK).fit(X, y).score(X, y) > 0.8


def test_probabilities_stand_in_the_order_of_the_classes(three_classes):
    X, codes = three_classes
    y = np.array(["c", "a", "b"])[codes]
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    proba = fitted.predict_proba(X)
    assert proba.shape == (91, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(X))


@pytest.mark.parametrize("form", [np.asarray, csr_array, lambda y: pd.DataFrame(y, columns=["low", "high"])])
def test_several_labels_are_answered_at_once(three_classes, form):
    X, _ = three_classes
    y = np.stack([X[:, 0] < 3, X[:, 1] > -150], axis=1).astype(int)
    fitted = NetworkClassifier(**QUICK).fit(X, form(y))
    assert fitted.predict_proba(X).shape == fitted.predict(X).shape == (91, 2)
    assert (fitted.predict(X) == y).mean() > 0.85
    assert fitted.score(X, y) > 0.75


def test_several_numbers_are_answered_each_in_its_unit(three_classes):
    X, _ = three_classes
    y = np.stack([1e6 + 100 * X[:, 0], 0.001 * X[:, 1]], axis=1)
    fitted = NetworkRegressor(**QUICK | {"epochs": 40}).fit(X, y)
    assert fitted.predict(X).shape == (91, 2)
    assert fitted.score(X, y) > 0.8


def test_a_column_as_target_warns_and_is_flattened(three_classes):
    X, _ = three_classes
    with pytest.warns(DataConversionWarning):
        fitted = NetworkRegressor(**QUICK).fit(X, X[:, :1])
    assert fitted.predict(X).shape == (91,)


def test_heavier_rows_win(rng):
    X = np.repeat([[1.0, 2.0, -4.0]], 91, axis=0)
    y = np.arange(91) % 2
    patient = QUICK | {"epochs": 60}
    likely = [
        NetworkClassifier(**patient).fit(X, y, sample_weight=np.where(y, heavy, 1.0)).predict_proba(X)[0, 1]
        for heavy in (1, 9)
    ]
    assert abs(likely[0] - 0.5) < 0.15
    assert likely[1] > 0.8


def test_a_row_of_weight_zero_is_as_if_it_were_not_there(three_classes):
    X, y = three_classes
    without = NetworkClassifier(**QUICK).fit(X[::2], y[::2])
    X[1::2] *= -1000
    with_zero = NetworkClassifier(**QUICK).fit(X, y, sample_weight=(np.arange(91) + 1) % 2)
    np.testing.assert_array_equal(with_zero.predict_proba(X), without.predict_proba(X))


def test_class_weights_multiply_sample_weights(three_classes):
    X, y = three_classes
    by_class = NetworkClassifier(**QUICK, class_weight={0: 1, 1: 4, 2: 2}).fit(X, y)
    by_row = NetworkClassifier(**QUICK).fit(X, y, sample_weight=np.array([1, 4, 2])[y])
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_balanced_classes_count_their_rows_by_sample_weight(three_classes):
    X, y = three_classes
    heavy = np.random.default_rng(5).uniform(0.2, 3, 91)
    share = np.bincount(y, heavy) / heavy.sum()
    given = heavy.copy()
    # shares are those of the rows that train: here all of them
    whole = QUICK | {"early_stopping": False}
    balanced = NetworkClassifier(**whole, class_weight="balanced").fit(X, y, sample_weight=given)
    np.testing.assert_array_equal(given, heavy)
    by_row = NetworkClassifier(**whole).fit(X, y, sample_weight=heavy / (3 * share[y]))
    np.testing.assert_allclose(balanced.predict_proba(X), by_row.predict_proba(X), rtol=1e-3, atol=1e-5)
    unweighted = NetworkClassifier(**whole).fit(X, y, sample_weight=heavy)
    assert np.abs(balanced.predict_proba(X) - unweighted.predict_proba(X)).max() > 0.02


def test_class_weights_name_classes_as_they_are_and_a_class_that_is_not_there_is_refused(three_classes):
    X, codes = three_classes
    for classes, weights in (([0.0, 1.0, 4.0], {4: 3}), (["a", "b", "c"], {"c": 3}), ([7, 8, 9], {9.0: 3})):
        NetworkClassifier(**QUICK | {"epochs": 1}, class_weight=weights).fit(X, np.array(classes)[codes])
    with pytest.raises(ValueError, match='no class "d"'):
        NetworkClassifier(**QUICK, class_weight={"d": 3}).fit(X, np.array(["a", "b", "c"])[codes])


def test_class_weights_of_several_labels_are_multiplied(three_classes):
    X, _ = three_classes
    y = np.stack([X[:, 0] < 3, X[:, 1] > -150], axis=1).astype(int)
    by_class = NetworkClassifier(**QUICK, class_weight=[{1: 2}, {0: 3}]).fit(X, y)
    by_row = NetworkClassifier(**QUICK).fit(X, y, sample_weight=np.where(y[:, 0], 2, 1) * np.where(y[:, 1], 1, 3))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_a_class_with_one_row_is_kept_for_training(three_classes):
    X, y = three_classes
    y[y == 2] = 0
    y[17] = 8
    assert 8 in NetworkClassifier(**QUICK).fit(X, y).classes_


@pytest.mark.parametrize(
    ("y", "weights", "found"),
    [
        (np.ones(91), None, "only one class, 1.0"),
        (np.arange(91) % 2, np.arange(91) % 2, "only one class, 1"),
        (np.arange(182).reshape(91, 2) % 5, None, "2 columns of more than two classes"),
        (np.arange(90) % 2, None, "inconsistent numbers of samples"),
        ([None, *"ab" * 45], None, "found missing values or several types"),
        (np.linspace(0, 1, 91), None, "Unknown label type"),
        (np.arange(91) % 2, np.full(91, -1.5), r"sample_weight: found -1.5 in row 0 and 90 more like it, expected"),
        (np.arange(91) % 2, np.where(np.arange(91) == 7, np.nan, 1), "sample_weight: found nan in row 7, expected"),
        (np.arange(91) % 2, np.ones((91, 1)), r"sample_weight: found shape \(91, 1\), expected \(91,\)"),
    ],
)
def test_what_is_no_class_is_refused(three_classes, y, weights, found):
    with pytest.raises(ValueError, match=found):
        NetworkClassifier(**QUICK).fit(three_classes[0], y, sample_weight=weights)


def test_a_constant_number_is_refused(three_classes):
    with pytest.raises(DataError, match="holds only 5"):
        NetworkRegressor(**QUICK).fit(three_classes[0], np.full(91, 5.0))

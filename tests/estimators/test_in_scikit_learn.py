"""The estimators inside scikit-learn, and what they remember of a fit."""

import pickle

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

from gammabeta.estimators import NetworkClassifier, NetworkRegressor
from gammabeta.plan import EarlyStopping

QUICK = {"hidden": (8,), "epochs": 12, "learning_rate": 0.03, "dropout": 0.0, "random_state": 0}


def test_a_grid_search_in_a_pipeline_finds_the_usable_learning_rate(three_classes):
    X, y = three_classes
    pipeline = make_pipeline(FunctionTransformer(), NetworkClassifier(**QUICK))
    search = GridSearchCV(pipeline, {"networkclassifier__learning_rate": [1e-6, 0.03]}, cv=2, error_score="raise")
    assert search.fit(X, y).best_params_ == {"networkclassifier__learning_rate": 0.03}


def test_a_regressor_stands_behind_transformers_of_both_sides(three_classes):
    X, _ = three_classes
    y = np.exp(X[:, 0] / 3)
    model = make_pipeline(PolynomialFeatures(1, include_bias=False), NetworkRegressor(**QUICK | {"epochs": 40}))
    whole = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp).fit(X, y)
    assert np.corrcoef(np.log(whole.predict(X)), np.log(y))[0, 1] > 0.9


def test_the_same_seed_gives_the_same_network_bit_for_bit(three_classes):
    X, y = three_classes
    first, second, other = (
        NetworkClassifier(**QUICK | {"random_state": seed}).fit(X, y).predict_proba(X) for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_a_pickled_estimator_predicts_the_same(three_classes):
    X, y = three_classes
    fitted = NetworkClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_the_history_has_both_sides_of_every_epoch(three_classes):
    fitted = NetworkClassifier(**QUICK).fit(*three_classes)
    assert fitted.n_iter_ == len(fitted.history_) == 12
    assert {"loss", "accuracy"} <= set(fitted.history_[0]["train"]) & set(fitted.history_[0]["valid"])
    assert fitted.history_[fitted.best_epoch_ - 1]["best"]


def test_early_stopping_ends_a_run_that_no_longer_improves(three_classes):
    X, _ = three_classes
    noise = np.random.default_rng(0).integers(0, 3, 91)
    slow = {"epochs": 60, "early_stopping": EarlyStopping(patience=3)}
    fitted = NetworkClassifier(**QUICK | slow).fit(X, noise)
    assert fitted.n_iter_ == fitted.best_epoch_ + 3 < 60


@pytest.mark.parametrize(("rows", "early_stopping"), [(91, False), (46, None)])
def test_all_rows_train_without_early_stopping_or_with_too_few_rows(three_classes, rows, early_stopping):
    X, y = three_classes
    fitted = NetworkClassifier(**QUICK, early_stopping=early_stopping).fit(X[:rows], y[:rows])
    assert fitted.n_iter_ == 12
    assert not fitted.history_[0]["valid"]


def test_lines_are_printed_only_when_asked_for(three_classes, capsys):
    NetworkClassifier(**QUICK).fit(*three_classes)
    assert capsys.readouterr().out == ""
    NetworkClassifier(**QUICK, verbose=1).fit(*three_classes)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("epoch 1: train loss")

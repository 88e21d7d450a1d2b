from sklearn.utils.estimator_checks import parametrize_with_checks

from gammabeta.estimators import NetworkClassifier, NetworkRegressor

SMALL = {"hidden": (8,), "epochs": 20, "dropout": 0.0, "learning_rate": 0.03, "random_state": 0}


@parametrize_with_checks([NetworkClassifier(**SMALL), NetworkRegressor(**SMALL)])
def test_check(estimator, check):
    check(estimator)

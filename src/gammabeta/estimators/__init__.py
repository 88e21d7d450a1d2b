"""Networks as scikit-learn estimators: for pipelines, grid searches and cross-validation."""

from gammabeta.estimators.classifier import NetworkClassifier
from gammabeta.estimators.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]

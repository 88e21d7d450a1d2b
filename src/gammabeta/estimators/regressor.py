"""The regressor."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from gammabeta.data.weights import given_weights
from gammabeta.estimators.network import Network, counted
from gammabeta.estimators.targets import checked_numbers, column_names
from gammabeta.types import Array


class NetworkRegressor(RegressorMixin, Network):
    """A batch-normalized network for numbers, as a scikit-learn estimator.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> NetworkRegressor(random_state=0).fit(X, y).score(X, y) > 0.4
    True

    Parameters; None leaves a value as ``plan`` has it, and without a plan as ``gammabeta.advise`` gives it:

    hidden: units of each hidden layer, each >= 1, such as (128, 128); () is a linear model
    activation: of the hidden layers: "relu", "gelu", "silu", "tanh" or another of gammabeta.Activation
    normalization: "batch_norm", or a description such as BatchNorm(epsilon=1e-3); False for none
    dropout: share dropped after each hidden layer, in [0, 1)
    optimizer: "adam_w", "adam", "momentum", "sgd", or a description such as Momentum(momentum=0.95)
    learning_rate: its peak, > 0
    weight_decay: >= 0, where the optimizer has it
    batch_size: rows per step, >= 2 with batch norm
    epochs: passes over the training rows, >= 1, at most where training may stop early
    early_stopping: True, False, or EarlyStopping(patience, metric). Where it is on, part of the rows is kept
        from training and tells when to stop; where it is off, all rows train for all epochs
    validation_share: that part, in (0, 1); with fewer than 10 such rows all rows train
    plan: a gammabeta.Plan, for all that has no parameter here
    kinds: column -> "number", "boolean", "category" or "date", where values mislead: {"zip": "category"}; a
        column of an array is called by its place: {3: "category"}
    random_state: int, the seed, as on the command line; a RandomState, or None, draws one (None with a plan:
        the plan's). The same seed gives the same network, bit for bit
    verbose: 0 is silent, 1 prints a line per epoch

    X is an array, or a pandas, polars or pyarrow table with texts, truth values and dates as well; missing
    values may be anywhere. In an array of numbers every column is a number, and infinity is refused. In a
    table, constant columns and identifiers are set aside, and an infinity counts as missing.

    After fit: ``model_``, the gammabeta Model, with ``model_.save(path)`` and, in ``model_.schema``, what
    became of each column; ``history_``, one dict per epoch; ``n_iter_``, their number; ``best_epoch_``, whose
    weights were kept; ``n_features_in_``, ``feature_names_in_``.

    Differs from sklearn.neural_network.MLPRegressor: scales inputs and targets itself, so that targets may be in
    any unit, normalizes batches, takes raw columns, always restores the best epoch.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows and their numbers.

        X: (rows, columns); y: (rows,) numbers in any unit, or (rows, targets), which weigh alike
        sample_weight: (rows,), >= 0, how much each row counts; a row of weight 0 is as if it were not there
        Raises ValueError for what cannot be learned from, such as a target that is the same in every row.
        """
        table = self._rows(X, y)
        weights = given_weights(sample_weight, table.rows)
        table, numbers = counted(table, checked_numbers(y), weights)
        columns = np.ascontiguousarray(np.atleast_2d(numbers.T))
        names = column_names(y, len(columns), table.names)
        return self._learn(X, table, dict(zip(names, columns, strict=True)), "regression", weights)

    def predict(self, X: Any) -> Array:
        """float64 (rows,), or (rows, targets) where y had several, in their own units."""
        outputs = self._outputs(X)
        numbers = self.model_.unscaled(outputs)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

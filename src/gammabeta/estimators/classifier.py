"""The classifier."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from gammabeta.data.weights import given_weights
from gammabeta.estimators.network import Network, counted
from gammabeta.estimators.targets import checked_labels, column_names, encoded_labels, named_classes
from gammabeta.nn import Normalization
from gammabeta.nn.losses.class_weight import ClassWeights
from gammabeta.optim import Optimizer
from gammabeta.plan import EarlyStopping, Plan
from gammabeta.types import Array


class NetworkClassifier(ClassifierMixin, Network):
    """A batch-normalized network for classes, as a scikit-learn estimator.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NetworkClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
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
    validation_share: that part, in (0, 1), by class; with fewer than 10 such rows all rows train
    class_weight: "balanced" (by the inverse of a class's share among the rows that train, counted by sample_weight),
        or a dict class -> weight; multiplies sample_weight. For several labels "balanced", or a list of one of these
        for each
    plan: a gammabeta.Plan, for all that has no parameter here
    kinds: column -> "number", "boolean", "category" or "date", where values mislead: {"zip": "category"}; a
        column of an array is called by its place: {3: "category"}
    random_state: int, the seed, as on the command line; a RandomState, or None, draws one (None with a plan:
        the plan's). The same seed gives the same network, bit for bit
    verbose: 0 is silent, 1 prints a line per epoch

    X is an array, or a pandas, polars or pyarrow table with texts, truth values and dates as well; missing
    values may be anywhere. In an array of numbers every column is a number, and infinity is refused. In a
    table, constant columns and identifiers are set aside, and an infinity counts as missing.

    After fit: ``classes_``; ``model_``, the gammabeta Model, with ``model_.save(path)`` and, in
    ``model_.schema``, what became of each column; ``history_``, one dict per epoch; ``n_iter_``, their number;
    ``best_epoch_``, whose weights were kept; ``n_features_in_``, ``feature_names_in_``.

    Differs from sklearn.neural_network.MLPClassifier: scales its inputs itself, normalizes batches, takes class
    weights and raw columns, always restores the best epoch. Several tasks of 0 and 1 (multilabel) as there.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] | None = None,
        *,
        activation: str | None = None,
        normalization: str | Normalization | bool | None = None,
        dropout: float | None = None,
        optimizer: str | Optimizer | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        early_stopping: bool | EarlyStopping | None = None,
        validation_share: float = 0.2,
        class_weight: ClassWeights | Sequence[ClassWeights] | None = None,
        plan: Plan | None = None,
        kinds: Mapping[Any, str] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden,
            activation=activation,
            normalization=normalization,
            dropout=dropout,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            validation_share=validation_share,
            plan=plan,
            kinds=kinds,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows and their classes.

        X: (rows, columns); y: (rows,) of classes of any type, or (rows, labels) of 0 and 1 for several labels
        sample_weight: (rows,), >= 0, how much each row counts; a row of weight 0 is as if it were not there
        Raises ValueError for what cannot be learned from.
        """
        table = self._rows(X, y)
        weights = given_weights(sample_weight, table.rows)
        table, labels = counted(table, checked_labels(y), weights)
        task, codes, classes = encoded_labels(labels)
        several = codes.ndim == 2
        columns = codes.T if several else [codes]
        names = column_names(y, len(columns), table.names)
        named = dict(zip(names, columns, strict=True))
        by_class = by_name(self.class_weight, classes)
        self._learn(X, table, named, task, weights, None if several else classes, by_class)
        self.classes_ = classes
        self._label_type = labels.dtype
        return self

    def predict(self, X: Any) -> Array:
        """(rows,) classes, or (rows, labels) of 0 and 1: those of probability 0.5 or more, else the largest."""
        outputs = self._outputs(X)
        if self.model_.schema.task == "multilabel":
            return (outputs >= 0.5).astype(self._label_type)
        binary = self.model_.schema.task == "binary"
        return self.classes_[(outputs[:, 0] >= 0.5).astype(int) if binary else outputs.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """float32 (rows, classes) that sum to 1 in the order of ``classes_``; multilabel: (rows, labels) in [0, 1]."""
        outputs = self._outputs(X)
        if self.model_.schema.task == "binary":
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def by_name(given: Any, classes: Array) -> Any:
    """Class weights as a plan has them, by the names of the classes: 1 stands for the class 1.0, and for True too."""
    if isinstance(given, list | tuple):
        return [by_name(each, np.arange(2)) for each in given]
    if not isinstance(given, Mapping):
        return given
    labels, names = classes.tolist(), named_classes(classes)
    return {str(names[labels.index(key)] if key in labels else key): weight for key, weight in given.items()}

"""What the classifier and the regressor share: from rows and target columns to a model, and back to outputs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from gammabeta.data import ClassTarget, Dataset, Schema, Table, Task, split
from gammabeta.errors import DataError, UsageError
from gammabeta.estimators.planned import native, place, planned
from gammabeta.estimators.rows import checked_rows, column_kinds
from gammabeta.estimators.targets import named_classes
from gammabeta.model import learn, raw_where_normalized, suited
from gammabeta.nn import Normalization
from gammabeta.optim import Optimizer
from gammabeta.plan import EarlyStopping, Plan
from gammabeta.train import Epoch
from gammabeta.types import Array

LEAST_TO_VALIDATE = 10
"""Rows: with fewer, chance would decide when to stop."""


class Network(BaseEstimator):
    """The parameters and the fitting that both estimators have; see them."""

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
        plan: Plan | None = None,
        kinds: Mapping[Any, str] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_share = validation_share
        self.plan = plan
        self.kinds = kinds
        self.random_state = random_state
        self.verbose = verbose

    def _rows(self, X: Any, y: Any) -> Table:
        """X as a table to learn from, one row for each of y."""
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        table = checked_rows(self, X, fitting=True)
        check_consistent_length(X, y)
        return table

    def _learn(
        self,
        X: Any,
        table: Table,
        y: Mapping[str, Array],
        task: Task,
        weights: Array,
        classes: Array | None = None,
        class_weight: Any = None,
    ) -> Self:
        """Split, learn the schema, plan, fit, and keep the finished model.

        table: the rows of X that count; y: their target columns by name; weights: of all rows of X
        classes: what the numbers in a column of classes stand for; class_weight: by the names of classes
        """
        data = with_columns(table, y)
        plan = planned(self, task, data.rows, class_weight)
        train, valid = self._parts(data, tuple(y), task, plan)
        schema = Schema.fit(train, tuple(y), task, column_kinds(self.kinds, X, table))
        schema = raw_where_normalized(schema, suited(plan, schema))
        to_train = weighted(schema, train, weights)
        to_validate = None if valid is None else weighted(schema, valid, weights)
        target = schema.targets[0]
        if classes is not None and isinstance(target, ClassTarget):
            schema = schema.replace(targets=(target.replace(classes=named_classes(classes)),))
            to_train = replace(to_train, classes=schema.classes)
        model, run = learn(plan, schema, to_train, to_validate, on_epoch=self._report)
        self.model_ = model
        self.history_ = list(run.history)
        self.n_iter_ = len(run.history)
        self.best_epoch_ = run.best.number if run.best else 0
        return self

    def _parts(self, data: Table, names: tuple[str, ...], task: Task, plan: Plan) -> tuple[Table, Table | None]:
        """(train, valid): all rows train where nothing stops early, or too few would tell when."""
        share = native(self.validation_share)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            where = place(self, "validation_share")
            raise UsageError(f"{where}: expected a share of the rows in (0, 1), such as 0.2.")
        if plan.early_stopping is None or data.rows * share < LEAST_TO_VALIDATE:
            return data, None
        train, valid, _ = split(data, names, valid=share, test=None, seed=plan.seed, task=task)
        return train, valid

    def _report(self, epoch: Epoch) -> None:
        """One line about an epoch, where lines were asked for."""
        if self.verbose:
            parts = {"train": epoch.train, "valid": epoch.valid}
            found = [f"{part} {name} {value:.4g}" for part, of in parts.items() for name, value in of.items()]
            print(f"epoch {epoch.number}: {', '.join(found)}{', best so far' if epoch.best else ''}")

    def _outputs(self, X: Any) -> Array:
        """float32 (rows, outputs): probabilities, or standardized numbers."""
        check_is_fitted(self)
        rows = checked_rows(self, X, fitting=False)
        outputs: Array = self.model_.outputs(self.model_.schema.encode(rows, target=False))
        return outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def counted(table: Table, y: Array, weights: Array) -> tuple[Table, Array]:
    """The rows of positive weight, which remember their places."""
    if weights.all():
        return table, y
    places = np.flatnonzero(weights)
    return table.take(places), y[places]


def with_columns(table: Table, added: Mapping[str, Array]) -> Table:
    """The table with more columns."""
    columns = table.columns
    for name, values in added.items():
        columns = columns.append_column(name, pa.array(values))
    return replace(table, columns=columns)


def weighted(schema: Schema, part: Table, weights: Array) -> Dataset:
    """A part of the rows, encoded, each at the weight that it has by its place in the source."""
    return schema.encode(part, sample_weight=weights if part.order is None else weights[part.order])

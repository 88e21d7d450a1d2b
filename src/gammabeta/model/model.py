"""A trained network with all it needs to answer for raw rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gammabeta.data import Dataset, NumberTarget, Schema
from gammabeta.errors import DataError, PlanError
from gammabeta.model.fold import Folded, fold
from gammabeta.nn import BinnedRegression
from gammabeta.plan import Plan
from gammabeta.serial import kind_name
from gammabeta.train.evaluate import predict
from gammabeta.train.metrics import scores
from gammabeta.types import Array, Tree


@dataclass(frozen=True, eq=False)
class Model:
    """Plan, schema, and what was learned: prediction needs nothing else.

    params, stats: plain trees, as plan.layers.init gives them
    """

    plan: Plan
    schema: Schema
    params: Tree
    stats: Tree

    @cached_property
    def folded(self) -> Folded:
        """The network as it predicts: every batch norm that can be is folded into a dense layer."""
        return fold(self.plan.layers, self.params, self.stats)

    def __getstate__(self) -> dict[str, Any]:
        """What pickling copies: not the folded weights, which come from the others."""
        return {name: value for name, value in self.__dict__.items() if name != "folded"}

    def outputs(self, data: Dataset) -> np.ndarray:
        """Probabilities, or standardized values (rows, outputs), for encoded rows."""
        if data.rows == 0:
            return np.zeros((0, self.schema.outputs), np.float32)
        folded = self.folded
        return predict(folded.network, self.plan.loss, folded.params, folded.stats, data)

    def predict(self, rows: Any) -> np.ndarray:
        """The answer for every raw row: (rows,), or (rows, targets) where there are several targets.

        rows: a path, Table, Images, pandas, polars or pyarrow table, or NumPy array, without or with targets.
        Classes come in their original type, numbers in the target's unit. Raises DataError for rows that do not
        have the columns the model was trained on.
        """
        columns = [column.to_numpy(zero_copy_only=False) for column in self.answers(rows).itercolumns()]
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Probabilities (rows, classes), or (rows, labels) for multilabel; DataError for regression."""
        columns = self.answers(rows, proba=True).itercolumns()
        return np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1)

    def interval(self, rows: Any, level: float = 0.8) -> pa.Table:
        """Columns ``<target>_low`` and ``<target>_high``: between them lies the answer with the chance ``level``.

        level: in (0, 1); as much chance lies below the lower number as above the higher, both in the target's unit.
        Right as often as it says where new rows are like the training rows and training stopped in time; never outside
        the range of the training targets. Raises PlanError unless the loss is binned_regression: the others answer
        one number for each row.
        """
        # before the rows are read: the loss may be one without intervals
        self.binned.check(level)
        return self.interval_of(self.schema.encode(rows, target=False), level)

    @property
    def binned(self) -> BinnedRegression:
        """The loss; PlanError where it is one that gives no interval."""
        if isinstance(self.plan.loss, BinnedRegression):
            return self.plan.loss
        raise PlanError(
            f"interval: the loss is {kind_name(type(self.plan.loss))}, which gives no interval; fit a regression with "
            f"loss=binned_regression."
        )

    def interval_of(self, data: Dataset, level: float = 0.8) -> pa.Table:
        """The same for encoded rows."""
        loss, outputs = self.binned, np.zeros((0, self.binned.outputs(self.schema.outputs)), np.float32)
        if data.rows:
            folded = self.folded
            outputs = predict(folded.network, None, folded.params, folded.stats, data)
        ends = [self.unscaled(np.asarray(end)) for end in loss.interval(outputs, level)]
        names = [f"{target.name}_{end}" for target in self.schema.targets for end in ("low", "high")]
        return pa.table(dict(zip(names, np.stack(ends, axis=2).reshape(data.rows, len(names)).T, strict=True)))

    def answers(self, rows: Any, proba: bool = False) -> pa.Table:
        """The answers, or probabilities, as a table with one row per raw row."""
        predicted = self.outputs(self.schema.encode(rows, target=False))
        return self.schema.probabilities(predicted) if proba else self.schema.answers(predicted)

    def evaluate(self, rows: Any, sample_weight: Array | None = None) -> Mapping[str, float]:
        """Metrics on raw rows with targets: see train.metrics.scores.

        sample_weight: (rows,), >= 0, how much each counts; None: by the schema's column of weights, if it has one
        """
        return self.scores(self.schema.encode(rows, sample_weight=sample_weight))

    def scores(self, data: Dataset) -> Mapping[str, float]:
        """Metrics on encoded rows with targets; a regression's in the target's own unit."""
        if data.y is None:
            raise DataError("scores: the rows have no target, expected one; encode them with their target columns.")
        predicted = self.outputs(data)
        if self.schema.task == "regression":
            return scores("regression", self.unscaled(predicted), self.unscaled(data.y), data.weights)
        return scores(self.schema.task, predicted, data.y, data.weights)

    def unscaled(self, values: Array) -> Array:
        """Standardized regression values (rows, targets) in the targets' own units, float64."""
        targets = [target for target in self.schema.targets if isinstance(target, NumberTarget)]
        return np.stack([target.decode(values[:, i]) for i, target in enumerate(targets)], axis=1)

    def save(self, path: str | Path) -> Path:
        """Write one file; see model.file."""
        from gammabeta.model.file import save

        return save(self, path)

"""All facts of a run together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from gammabeta.data import ClassTarget, Dataset, Images, Schema, Table
from gammabeta.model import Model, summary
from gammabeta.report.facts.amounts import amount_facts
from gammabeta.report.facts.classes import class_facts
from gammabeta.report.facts.columns import column_facts
from gammabeta.report.facts.importance import importance
from gammabeta.report.facts.intervals import with_intervals
from gammabeta.report.facts.labels import label_facts
from gammabeta.report.facts.named import Named, named_rows
from gammabeta.report.facts.pictures import picture_facts
from gammabeta.report.facts.slices import slice_facts
from gammabeta.report.facts.worst import text, worst_rows
from gammabeta.serial import without_nan

FORMAT = 1
NAMES = {"train": "training", "valid": "validation", "test": "test"}
Part = Table | Images


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a report shows and the run folder's other files do not hold; JSON objects, see the functions named.

    task, targets, source, parameters: of the model and its data; rows: per part
    verdict: of the curves, in words; seconds: that measuring the facts took
    scores: {part: {metric: {value, low, high}}}
    answers: of the rows ``answers_on``: class_facts, label_facts or amount_facts; shares: rows per class and part
    slices, worst, importance, pictures: of the rows ``looked_at``, which are not the test rows where there are others:
    rows that were looked at one by one are no longer new
    data: column_facts of the training rows; named: named_rows of those of them that a recipe names
    after: the step of a recipe that made the model, "" elsewhere; "data" where there is no model yet: then parameters
    are 0, and nothing is known of answers
    """

    task: str
    targets: list[str]
    source: str
    parameters: int
    rows: Mapping[str, int]
    verdict: str = ""
    scores: Mapping[str, Any] = field(default_factory=dict)
    answers_on: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    looked_at: str = ""
    slices: Mapping[str, Any] = field(default_factory=dict)
    worst: Mapping[str, Any] = field(default_factory=dict)
    importance: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)
    shares: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """A JSON object; numbers that are not finite as null."""
        found: dict[str, Any] = without_nan({one.name: getattr(self, one.name) for one in fields(self)})
        return found

    @classmethod
    def from_json(cls, body: Any) -> Self | None:
        """The facts in a JSON object; None where it is of another format."""
        known = {one.name for one in fields(cls)}
        if not isinstance(body, Mapping) or body.get("format") != FORMAT or not set(body) <= known:
            return None
        try:
            return cls(**body)
        except TypeError:
            return None


def data_facts(
    schema: Schema, parts: Mapping[str, Part], encoded: Mapping[str, Dataset], named: Named | None = None
) -> Facts:
    """What can be measured before there is a model; arguments as for :func:`facts`."""
    there = {name: data for name, data in encoded.items() if data.rows and data.y is not None}
    return Facts(
        task=schema.task,
        targets=list(schema.target_names),
        source=parts["train"].source,
        parameters=0,
        rows={name: encoded[name].rows if name in encoded else 0 for name in NAMES},
        shares=shares(schema, there),
        data=column_facts(parts["train"], schema),
        named={} if named is None else named_rows(parts["train"], schema, named),
        after="data",
    )


def facts(
    model: Model,
    parts: Mapping[str, Part],
    encoded: Mapping[str, Dataset],
    verdict: str = "",
    named: Named | None = None,
) -> Facts:
    """Measure what a report shows.

    parts, encoded: "train" and, where there are such rows, "valid" and "test": raw, and encoded by the model's schema
    verdict: of the curves, as diagnosis.verdict gives it; named: training rows to show one by one
    """
    schema = model.schema
    there = {name: data for name, data in encoded.items() if data.rows and data.y is not None}
    outputs = {name: model.outputs(data) for name, data in there.items() if name != "train" or len(there) == 1}
    on, look = first_of(outputs, "test", "valid", "train"), first_of(outputs, "valid", "test", "train")
    rows = whole(parts[look], there[look])
    losses = losses_of(schema.task)
    found = importance(model, there[look], losses)
    important = [column["name"] for column in found.get("columns", ())]
    names = [*important, *(column.name for column in schema.columns if column.name not in important)]
    wrong = losses(outputs[look], np.asarray(there[look].y))
    each, measure = goodness(model, outputs[look], there[look])
    pictures, slices = {}, {}
    if isinstance(rows, Images):
        true, said = together(rows.select(schema.target_names).columns), together(schema.answers(outputs[look]))
        pictures = picture_facts(rows, true, said, wrong)
    else:
        slices = slice_facts(rows, schema.columns, names, each, measure)
    return replace(
        data_facts(schema, parts, encoded, named),
        after="",
        parameters=sum(line.trainable + line.fixed for line in summary(model.plan.layers, schema.input_shape)),
        verdict=verdict,
        scores={name: scored(model, outputs[name], there[name]) for name in ("valid", "test") if name in outputs},
        answers_on=on,
        answers=answer_facts(model, there[on], outputs[on]),
        looked_at=look,
        slices=slices,
        worst={} if pictures else worst_rows(model, rows, outputs[look], wrong, names),
        importance=found,
        pictures=pictures,
    )


def together(table: Any) -> list[str]:
    """The columns of an Arrow table as one text per row."""
    return [", ".join(map(text, row.values())) for row in table.to_pylist()]


def first_of(there: Mapping[str, Any], *names: str) -> str:
    return next(name for name in names if name in there)


def whole(part: Part, data: Dataset) -> Part:
    """The raw rows that were encoded: rows without a target were left out."""
    return part if data.rows == part.rows else part.take(data.kept)


def losses_of(task: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A loss per row from outputs and targets: log loss for classes and labels, squared error for numbers."""

    def of_classes(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(np.clip(p[np.arange(len(y)), y], 1e-7, 1)))

    def of_labels(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(np.clip(np.where(y >= 0.5, p, 1 - p), 1e-7, 1)).mean(axis=1))

    def of_numbers(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(((outputs.astype(np.float64) - y) ** 2).mean(axis=1))

    return {"multiclass": of_classes, "regression": of_numbers}.get(task, of_labels)


def goodness(model: Model, outputs: np.ndarray, data: Dataset) -> tuple[np.ndarray, str]:
    """(a number per row whose mean is the measure, the measure's name)."""
    task, y = model.schema.task, np.asarray(data.y)
    if task == "regression":
        error = np.abs(model.unscaled(outputs) - model.unscaled(y))
        one = error.shape[1] == 1
        return (error[:, 0], "mae") if one else (np.abs(outputs - y).mean(axis=1), "mae, in standard deviations")
    if task == "multiclass":
        return (np.argmax(outputs, axis=1) == y).astype(float), "accuracy"
    wrong = ((outputs >= 0.5) != (y >= 0.5)).mean(axis=1)
    return (1 - wrong, "accuracy") if task == "binary" else (wrong, "hamming_loss")


def scored(model: Model, outputs: np.ndarray, data: Dataset) -> dict[str, Any]:
    """Metrics with intervals, of outputs that are there already."""
    from gammabeta.train.metrics import scores

    task, y = model.schema.task, np.asarray(data.y)
    if task == "regression":
        outputs, y = model.unscaled(outputs), model.unscaled(y)
    return with_intervals(scores(task, outputs, y, data.weights), task, outputs, y, data.weights)


def answer_facts(model: Model, data: Dataset, outputs: np.ndarray) -> dict[str, Any]:
    """How the model answers, by its task."""
    schema, y = model.schema, np.asarray(data.y)
    if schema.task == "regression":
        return amount_facts(model, data, model.unscaled(outputs), model.unscaled(y))
    if schema.task == "multilabel":
        return label_facts(outputs, y, schema.target_names)
    target = schema.targets[0]
    assert isinstance(target, ClassTarget)
    if schema.task == "binary":
        both = np.concatenate([1 - outputs, outputs], axis=1)
        return class_facts(both, (y[:, 0] >= 0.5).astype(int), target.texts)
    return class_facts(outputs, y, target.texts)


def shares(schema: Schema, there: Mapping[str, Dataset]) -> dict[str, Any]:
    """Rows per class in each part; {} where there are no classes, or very many."""
    target = schema.targets[0]
    if schema.task not in ("binary", "multiclass") or not isinstance(target, ClassTarget):
        return {}
    counts = {
        name: np.bincount(np.asarray(data.y).reshape(-1).astype(int), minlength=len(target.classes)).tolist()
        for name, data in there.items()
    }
    return {"classes": list(target.texts), "counts": counts} if len(target.classes) <= 60 else {}

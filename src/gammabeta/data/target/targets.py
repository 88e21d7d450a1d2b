"""All target columns of a task together: learned, encoded, decoded."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gammabeta.data.target.class_target import MISSING, UNSEEN, ClassTarget
from gammabeta.data.target.number_target import NumberTarget, checked_numbers
from gammabeta.data.target.target import Target
from gammabeta.data.target.task import Task, is_truth
from gammabeta.data.values import Values, plural
from gammabeta.errors import DataError, Defect
from gammabeta.types import Array


def fit_targets(columns: Sequence[Values], task: Task) -> tuple[Target, ...]:
    """One target per column, learned from training rows."""
    if task == "regression":
        return tuple(NumberTarget.fit(column) for column in columns)
    if task == "multilabel":
        # A label may be absent from all training rows and still be one, so its two classes are known
        # beforehand.
        return tuple(ClassTarget(c.name, (False, True) if is_truth(c) else (0, 1)) for c in columns)
    return (ClassTarget.fit(columns[0]),)


def known_rows(columns: Sequence[Values], task: Task) -> Array:
    """bool (rows,): where no target is missing. Raises DataError where a regression target is no number."""
    missing = [np.isnan(checked_numbers(c)) if task == "regression" else c.missing for c in columns]
    known: Array = ~np.any(missing, axis=0)
    return known


def encode_targets(
    targets: Sequence[Target], columns: Sequence[Values], task: Task
) -> tuple[Array, Array, tuple[str, ...]]:
    """(y of the kept rows, int64 kept rows, notes); rows whose target is missing or of an unseen class are
    left out.

    y: int32 (rows,) for multiclass, else float32 (rows, targets). Raises DataError where no row is left.
    """
    coded = np.stack([codes_or_numbers(t, c) for t, c in zip(targets, columns, strict=True)], axis=1)
    classes = task != "regression"
    missing = (coded == MISSING).any(axis=1) if classes else np.isnan(coded).any(axis=1)
    unseen = (coded == UNSEEN).any(axis=1) & ~missing if classes else np.zeros(len(coded), dtype=bool)
    kept = np.flatnonzero(~(missing | unseen))
    notes = left_out_note(int(missing.sum())) + unseen_note(targets, columns, unseen)
    if not kept.size:
        names = ", ".join(f'"{target.name}"' for target in targets)
        raise DataError(f"target {names}: no row is left; {' '.join(notes) or 'there was none.'}")
    y = coded[kept]
    return (y[:, 0].astype(np.int32) if task == "multiclass" else y.astype(np.float32)), kept, notes


def codes_or_numbers(target: Target, column: Values) -> Array:
    """(rows,) class numbers, or standardized numbers."""
    if isinstance(target, ClassTarget):
        return target.codes(column)
    if isinstance(target, NumberTarget):
        return target.encode(column)
    raise Defect(f"the target {target!r} cannot be encoded; please report this.")


def left_out_note(count: int) -> tuple[str, ...]:
    """What to say about rows without a target."""
    if not count:
        return ()
    said = plural(count, "row has no target and is", "rows have no target and are")
    return (f"{count:,} {said} left out.",)


def unseen_note(targets: Sequence[Target], columns: Sequence[Values], unseen: Array) -> tuple[str, ...]:
    """What to say about rows of classes that training did not have."""
    if not unseen.any():
        return ()
    count, first = int(unseen.sum()), int(np.flatnonzero(unseen)[0])
    odd = next(i for i, t in enumerate(targets) if isinstance(t, ClassTarget) and t.codes(columns[i])[first] == UNSEEN)
    example = columns[odd].array[first].as_py()
    rows = plural(count, "row is", "rows are")
    said = f'{count:,} {rows} of a class that training did not have, such as "{example}", and left out.'
    return (f'target "{targets[odd].name}": {said}',)


def answers(targets: Sequence[Target], task: Task, predictions: Array) -> pa.Table:
    """Predictions as a table with one column per target, of the target's own type and unit.

    predictions: (rows, classes) for multiclass, (rows,) or (rows, 1) for binary, (rows, targets) for the
        others; probabilities for classes, standardized numbers for regression. A class needs a probability of
        0.5 or more where there are two, the largest where there are more.
    """
    predictions = as_matrix(predictions)
    columns = {}
    for i, target in enumerate(targets):
        if isinstance(target, NumberTarget):
            columns[target.name] = pa.array(target.decode(predictions[:, i]))
        elif isinstance(target, ClassTarget):
            codes = predictions.argmax(axis=1) if task == "multiclass" else predictions[:, i] >= 0.5
            columns[target.name] = target.decode(codes)
    return pa.table(columns)


def probabilities(targets: Sequence[Target], task: Task, predictions: Array) -> pa.Table:
    """Predicted probabilities as a table: ``probability_<class>``, or for multilabel ``probability_<label>``.

    predictions: as for :func:`answers`. Raises DataError for regression, which has none.
    """
    predictions = as_matrix(predictions)
    if task == "regression":
        raise DataError("the task is regression, which has no probabilities; ask for the answers instead.")
    if task == "multilabel":
        return pa.table({f"probability_{t.name}": pa.array(predictions[:, i]) for i, t in enumerate(targets)})
    if task == "binary":
        predictions = np.concatenate([1 - predictions, predictions], axis=1)
    texts = [text for target in targets if isinstance(target, ClassTarget) for text in target.texts]
    return pa.table({f"probability_{text}": pa.array(predictions[:, i]) for i, text in enumerate(texts)})


def as_matrix(predictions: Array) -> Array:
    """(rows,) as (rows, 1)."""
    array = np.asarray(predictions)
    return array[:, None] if array.ndim == 1 else array

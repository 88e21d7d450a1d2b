"""The rows with the worst answers, by their numbers in the file they came from."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from gammabeta.data import Images, Table
from gammabeta.model import Model

MOST = 12
MOST_COLUMNS = 8
LONGEST = 60
MOST_DIGITS = 9


def worst_rows(
    model: Model, part: Table | Images, outputs: np.ndarray, losses: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    """At most 12 rows of largest loss: where they stand, what they hold, what is true and what was answered.

    row: as counted in the source, the first under the header being 1; names: columns to show, the important ones first
    """
    order = np.argsort(-losses, kind="stable")[:MOST]
    rows = part.take(order)
    answers = model.schema.answers(outputs[order])
    shown = [name for name in (*names, *rows.names) if name not in model.schema.target_names]
    shown = [] if isinstance(part, Images) else list(dict.fromkeys(shown))[:MOST_COLUMNS]
    targets = list(model.schema.target_names)
    true = rows.columns.select(targets).to_pylist()
    said = answers.to_pylist()
    if model.schema.task == "multilabel":
        targets, true, said = ["labels"], labels_of(true), labels_of(said)
    values = {name: texts(rows, name) for name in shown}
    sure = certainty(model.schema.task, outputs[order])
    places = order if part.order is None else np.asarray(part.order)[order]
    return {
        "source": part.source,
        "columns": shown,
        "targets": targets,
        "rows": [
            {
                "row": int(places[i]) + 1,
                "position": int(order[i]),
                "loss": float(losses[order[i]]),
                "true": [text(true[i][name]) for name in targets],
                "predicted": [text(said[i][name]) for name in targets],
                "certainty": None if sure is None else float(sure[i]),
                "values": [values[name][i] for name in shown],
            }
            for i in range(len(order))
        ],
    }


def labels_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The labels that each row has, as one text."""
    return [{"labels": ", ".join(name for name, held in row.items() if as_truth(held)) or "none"} for row in rows]


def as_truth(held: Any) -> bool:
    """A label as it stands in a file: 0 and 1, or a truth value, as text or as it is."""
    return str(held).strip().lower() in ("1", "1.0", "true")


def certainty(task: str, outputs: np.ndarray) -> np.ndarray | None:
    """The probability of the answer that was given; None for numbers and several labels."""
    if task == "binary":
        return np.asarray(np.maximum(outputs[:, 0], 1 - outputs[:, 0]))
    return np.asarray(outputs.max(axis=1)) if task == "multiclass" else None


def texts(data: Table | Images, name: str) -> list[str]:
    """A column as it is shown."""
    return [text(value) for value in data.values(name).array.to_pylist()]


def text(value: Any) -> str:
    """A value as it is shown, cut where it is long."""
    if value is None:
        return ""
    if isinstance(value, str) and len(value) > MOST_DIGITS and "." in value:
        # a CSV has no types: a long number is a text until its column is
        with suppress(ValueError):
            value = float(value)
    words = (f"{value:.0f}" if abs(value) >= 1e5 else f"{value:.5g}") if isinstance(value, float) else str(value)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"

"""GB101: inputs or targets that are not finite."""

from collections.abc import Iterator

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import feature, listed
from gammabeta.diagnosis.suspicion import Suspicion

PAGE = Page(
    code="GB101",
    name="values that are not finite",
    what="Some inputs or targets are NaN or infinite.",
    why="One such number makes the outputs of its row, the loss of its batch and, with the next step, every weight "
    "NaN; "
    "in rows to be predicted it makes the prediction NaN. A batch norm in training spreads it over the whole batch.",
    evidence="A count per column, over inputs and targets, of training, validation and test rows; any is an error.",
    do="Fill missing numbers with the column's median and add a column that says where they were missing, or leave the "
    "rows out; look where infinite ones come from (a division, a logarithm). `gammabeta fit` fills what is missing by "
    "itself when it reads a table: this arises with arrays.",
    ignore="Never.",
    sources="IEEE 754: NaN in, NaN out.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    places, seen, total, worst = [], [], 0, 0
    for split, data in (("training", case.train), ("validation", case.valid), ("test", case.test)):
        if data is None:
            continue
        for what, values in (("inputs", data.x), ("targets", data.y)):
            bad = not_finite(values)
            if bad is None or not bad.any():
                continue
            by_column, rows = bad.sum(axis=0), np.flatnonzero(bad.any(axis=1))
            columns = np.argsort(-by_column, kind="stable")[: np.count_nonzero(by_column)]
            names = [f"{name_of(case, what, int(column))} ({by_column[column]})" for column in columns]
            places += [name_of(case, what, int(column)) for column in columns]
            total += int(bad.sum())
            worst = max(worst, len(rows))
            seen.append(
                f"{int(bad.sum())} of the {split} {what} are not finite, in {len(rows)} of {data.rows} rows "
                f"(first: {first_rows(data, rows)}): {listed(names)}"
            )
    if seen:
        yield Suspicion(
            code=PAGE.code,
            place=listed(list(dict.fromkeys(places))),
            evidence="; ".join(seen),
            numbers={"values": total, "rows": worst},
            certainty=1.0,
            severity="error",
            costs="a loss that is not finite, and predictions that are none",
            advice="fill what is missing with the column's median, or leave these rows out",
        )


def not_finite(values: object) -> np.ndarray | None:
    """Where values (rows, ...) are not finite, (rows, columns); None for whole numbers."""
    if values is None or not np.issubdtype(np.asarray(values).dtype, np.floating):
        return None
    found = np.asarray(values)
    return ~np.isfinite(found).reshape(len(found), -1) if len(found) else None


def name_of(case: Case, what: str, column: int) -> str:
    return feature(case, column) if what == "inputs" else f"target {column}"


def first_rows(data: Dataset, rows: np.ndarray) -> str:
    return ", ".join(str(int(data.kept[row])) for row in rows[:5])

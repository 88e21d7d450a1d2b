"""``gammabeta predict``"""

import csv
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from gammabeta.cli.terminal import console, notes
from gammabeta.errors import UsageError

SUFFIXES = (".csv", ".parquet")


def predict_command(model: Path, data: Path, out: Path | None, proba: bool, interval: float | None) -> None:
    """Answers for every row, in order, as CSV or Parquet; nothing half-written."""
    if out is not None and out.suffix not in SUFFIXES:
        raise UsageError(f"-o {out}: expected a name that ends in .csv or .parquet.")
    from gammabeta.data import read
    from gammabeta.model import load
    from gammabeta.train import cache_compilations

    loaded = load(model)
    if proba and loaded.schema.task == "regression":
        raise UsageError("--proba: the task is regression, which has no probabilities; leave out --proba.")
    if interval is not None:
        # before the rows are read
        loaded.binned.check(interval)
    cache_compilations()
    rows = read(data)
    encoded = loaded.schema.encode(rows, target=False)
    predicted = loaded.outputs(encoded)
    table = loaded.schema.answers(predicted)
    more = [loaded.schema.probabilities(predicted)] if proba else []
    more += [loaded.interval_of(encoded, interval)] if interval is not None else []
    for beside in more:
        for name in beside.column_names:
            table = table.append_column(name, beside.column(name))
    notes(console(), encoded.notes) if out else notes_on_stderr(encoded.notes)
    if out is None:
        write_csv(table, sys.stdout)
        return
    from gammabeta.model.file import written

    written(out, lambda temporary: write_table(table, temporary, out.suffix))
    console().print(f"{table.num_rows:,} answers in {out}", markup=False)


def notes_on_stderr(sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        print(f"note: {sentence}", file=sys.stderr)


def write_table(table: Any, path: str, suffix: str) -> None:
    if suffix == ".csv":
        write_csv(table, path)
        return
    import pyarrow.parquet as pq

    pq.write_table(table, path)


def write_csv(table: Any, where: Any) -> None:
    """Plain CSV in UTF-8, quoted only where a value needs it."""
    with nullcontext(where) if hasattr(where, "write") else open(where, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.itercolumns()), strict=True))

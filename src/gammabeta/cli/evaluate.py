"""``gammabeta evaluate``"""

import time
from pathlib import Path

from gammabeta.cli.terminal import console, grid, metric_rows, notes, print_json


def evaluate_command(model: Path, data: Path, weight: str | None, json: bool) -> None:
    """Metrics on rows with known answers; the JSON has the keys of fit's, with the measured rows as test.

    And ``left_out``: rows without a target, or of a class that training did not have.
    weight: the column of weights, instead of that which the model was fitted with
    """
    began = time.perf_counter()
    from gammabeta.data import read
    from gammabeta.data.table import require
    from gammabeta.model import load
    from gammabeta.model.file import file_in
    from gammabeta.train import cache_compilations

    loaded = load(model)
    cache_compilations()
    rows_read = read(data)
    schema = loaded.schema
    if weight is not None:
        require([weight], rows_read.names, rows_read.source)
        schema = schema.replace(weight=weight)
    encoded = schema.encode(rows_read)
    found = loaded.scores(encoded)
    out = console(beside_json=json)
    notes(out, encoded.notes)
    header, rows = metric_rows({"test": found})
    out.print(f"{data}: {loaded.schema.task}, {encoded.rows:,} rows", markup=False)
    out.print(grid("", header, rows, numbers=[1]))
    if json:
        print_json(
            {
                "task": loaded.schema.task,
                "rows": {"train": 0, "valid": 0, "test": encoded.rows},
                "valid": {},
                "test": dict(found),
                "epochs": 0,
                "seconds": round(time.perf_counter() - began, 3),
                "model": str(file_in(model)),
                "findings": None,
                "left_out": rows_read.rows - encoded.rows,
            }
        )

"""The page of a recipe that has not come to its end: no test row is looked at for it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli.fit import finished_case, report_facts

if TYPE_CHECKING:
    from gammabeta.data import Schema
    from gammabeta.recipe import Served


def draw_so_far(
    folder: Path,
    schema: "Schema",
    parts: Mapping[str, Any],
    encoded: Mapping[str, Any],
    served: "Served | None" = None,
) -> None:
    """Measure what is not measured yet, and draw the page; served: the model in the folder, where it is at hand."""
    from gammabeta.report.run_folder import known
    from gammabeta.report.write import write_report

    if known(folder).facts is None:
        measure_so_far(folder, schema, parts, encoded, served)
    write_report(folder)


def measure_so_far(
    folder: Path,
    schema: "Schema",
    parts: Mapping[str, Any],
    encoded: Mapping[str, Any],
    served: "Served | None" = None,
) -> None:
    """Write the facts of the steps that are done, from training and validation rows; arguments as above."""
    from gammabeta.recipe import read_served
    from gammabeta.report.facts import data_facts
    from gammabeta.report.gates import named_in, served_by
    from gammabeta.report.run_folder import known
    from gammabeta.report.write import write_facts

    gates = known(folder).gates
    named, step = named_in(gates), served_by(gates)
    raw, seen = ({name: part for name, part in every.items() if name != "test"} for every in (parts, encoded))
    if step == "data":
        found = data_facts(schema, raw, seen, named)
    else:
        served = served or read_served(folder)
        case = finished_case(served.model, served.history, seen)
        found = report_facts(case, served.model, raw, seen, named)
    rows = {name: encoded[name].rows if name in encoded else 0 for name in found.rows}
    write_facts(folder, replace(found, after=step, rows=rows))

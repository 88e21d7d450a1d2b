"""``gammabeta report``"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli.terminal import console, notes
from gammabeta.errors import DataError, FileError, GammabetaError, UsageError
from gammabeta.report.names import MODEL_NAME, PLAN_NAME, RECIPE_NAME, ROWS_NAME, SEARCH_NAME, STEPS

if TYPE_CHECKING:
    from gammabeta.report.run_folder import Known

OF_A_RUN = (PLAN_NAME, RECIPE_NAME, SEARCH_NAME)
"""Any of them is enough to draw from: a recipe or a search may not have come to its network yet."""


def report_command(run: Path, out: Path | None) -> None:
    """Draw a run's report from the files of its folder; the data are read only where nothing was measured of them."""
    folder = drawable(run)
    if out is not None and (out.is_dir() or not out.suffix):
        raise UsageError(f"-o {out}: expected the name of a file, such as report.html.")
    from gammabeta.report.run_folder import known
    from gammabeta.report.write import write_report

    printed = console()
    found = known(folder)
    if found.facts is None:
        try:
            measure(folder, found)
        except GammabetaError as error:
            notes(printed, [f"the report shows no answers and no data: {error}"])
    printed.print(str(write_report(folder, out)), markup=False, soft_wrap=True)


def drawable(run: Path) -> Path:
    """The folder of a run, a recipe or a search. Raises where there is none."""
    if not run.exists():
        raise FileError(f"{run}: not there, expected a run folder, as fit writes it.")
    folder = run.parent if run.is_file() else run
    if not any((folder / name).is_file() for name in OF_A_RUN):
        raise DataError(
            f"{run}: found no {', no '.join(OF_A_RUN)}, expected a run folder, as fit writes it; name that."
        )
    return folder


def measure(folder: Path, found: "Known") -> None:
    """Measure the facts of a run that has none, from its data, its model and its history.

    Of a recipe that has not come to its end, no test row is looked at.
    """
    from gammabeta.cli.fit import finished_case, report_facts
    from gammabeta.cli.prepare import DataOptions, prepared
    from gammabeta.cli.so_far import measure_so_far
    from gammabeta.data.origin import origin_of
    from gammabeta.diagnosis.run_folder import history_of, read_rows
    from gammabeta.model import load
    from gammabeta.report.gates import named_in, served_by
    from gammabeta.report.write import write_facts
    from gammabeta.train import cache_compilations

    cache_compilations()
    origin, _ = origin_of(folder / ROWS_NAME)
    if found.gates and served_by(found.gates) == "data":
        # there is no plan file yet: the rows are split by the seed of the plan that the recipe began with
        made = prepared(DataOptions(**vars(origin), plan=None, settings=(f"seed={seed_of(found)}",)))
        measure_so_far(folder, made.schema, made.parts, made.encoded)
        return
    model = load(folder / MODEL_NAME)
    rows = read_rows(origin, model.plan, model.schema)
    if found.gates and not found.cooked:
        measure_so_far(folder, rows.schema, rows.parts, rows.encoded)
        return
    case = finished_case(model, history_of(folder)[0], rows.encoded)
    facts = report_facts(case, model, rows.parts, rows.encoded, named_in(found.gates))
    write_facts(folder, replace(facts, after=STEPS[-1] if found.gates else ""))


def seed_of(found: "Known") -> int:
    """The seed of the plan that a recipe began with."""
    plan: Any = found.gates[0].get("plan")
    seed = plan.get("seed", 0) if isinstance(plan, dict) else 0
    return seed if isinstance(seed, int) else 0

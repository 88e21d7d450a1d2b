"""``gammabeta report``"""

from pathlib import Path

from gammabeta.cli.diagnose import folder_of
from gammabeta.cli.terminal import console, notes
from gammabeta.errors import GammabetaError, UsageError
from gammabeta.report.names import MODEL_NAME, ROWS_NAME


def report_command(run: Path, out: Path | None) -> None:
    """Draw a run's report from the files of its folder; the data are read only where nothing was measured of them."""
    folder = folder_of(run)
    if out is not None and (out.is_dir() or not out.suffix):
        raise UsageError(f"-o {out}: expected the name of a file, such as report.html.")
    from gammabeta.report.run_folder import known
    from gammabeta.report.write import write_report

    printed = console()
    if known(folder).facts is None:
        try:
            measure(folder)
        except GammabetaError as error:
            notes(printed, [f"the report shows no answers and no data: {error}"])
    printed.print(str(write_report(folder, out)), markup=False, soft_wrap=True)


def measure(folder: Path) -> None:
    """Measure the facts of a run that has none, from its data, its model and its history."""
    from gammabeta.cli.fit import finished_case, report_facts
    from gammabeta.data.origin import origin_of
    from gammabeta.diagnosis.run_folder import history_of, read_rows
    from gammabeta.model import load
    from gammabeta.report.write import write_facts
    from gammabeta.train import cache_compilations

    model = load(folder / MODEL_NAME)
    cache_compilations()
    rows = read_rows(origin_of(folder / ROWS_NAME)[0], model.plan, model.schema)
    case = finished_case(model, history_of(folder)[0], rows.encoded)
    write_facts(folder, report_facts(case, model, rows.parts, rows.encoded))

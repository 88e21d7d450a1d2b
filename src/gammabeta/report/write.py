"""Facts and page as files of a run folder."""

import json
from pathlib import Path

from gammabeta.model.file import write_whole
from gammabeta.report.facts.measure import Facts
from gammabeta.report.names import FACTS_NAME, REPORT_NAME
from gammabeta.report.page import page
from gammabeta.report.run_folder import Known, known
from gammabeta.report.sections import sections
from gammabeta.report.sections.verdict import title_of


def write_facts(folder: Path, facts: Facts) -> Path:
    """Keep the facts, from which the page can be drawn again without the data. Raises FileError."""
    path = folder / FACTS_NAME
    write_whole(path, (json.dumps(facts.to_json(), ensure_ascii=False, allow_nan=False) + "\n").encode())
    return path


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Draw the page of a run folder from its files, and write it whole or not at all. Raises FileError.

    out: default: report.html in the folder
    """
    path = out or folder / REPORT_NAME
    write_whole(path, drawn(known(folder)).encode())
    return path


def drawn(found: Known) -> str:
    """The page of what is known of a run."""
    return page(title_of(found), f"report of the run {found.folder}", sections(found))

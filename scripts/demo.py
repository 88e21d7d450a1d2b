"""Writes scikit-learn's wine table as a CSV file, trains on it, and says what to try next: ``make demo``."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sklearn.datasets import load_wine

FOLDER = Path("demo")
TABLE = FOLDER / "wine.csv"
RUN = FOLDER / "run"


def write_table() -> None:
    """Write 178 wines: 13 measured columns and the class, one of three growers."""
    wine = load_wine()
    FOLDER.mkdir(exist_ok=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*wine.feature_names, "class"])
        for measured, grower in zip(wine.data.tolist(), wine.target, strict=True):
            rows.writerow([*measured, wine.target_names[grower]])


def main() -> int:
    """Return the exit code of ``gammabeta fit``."""
    os.chdir(Path(__file__).parent.parent)
    command = os.path.relpath(Path(sys.executable).with_name("gammabeta"))
    write_table()
    shutil.rmtree(RUN, ignore_errors=True)
    fit = [command, "fit", str(TABLE), "--target", "class", "-o", str(RUN)]
    print("$", *fit, flush=True)
    code = subprocess.run(fit, check=False).returncode
    if code:
        return code
    print(f"""
Next, try:
  {command} predict {RUN} {TABLE} -o {FOLDER}/answers.csv
  {command} evaluate {RUN} {TABLE}
  {command} summary {RUN}
  {command} inspect {TABLE} --target class
  {command} --help""")
    return 0


if __name__ == "__main__":
    sys.exit(main())

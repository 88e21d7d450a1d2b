"""Writes docs/lab/: what every claim came to, from the folder that full runs of ``gammabeta lab`` wrote into.

    for claim in $(seq 1 23); do gammabeta lab C$claim -o FOLDER; done
    python scripts/lab.py FOLDER

Nothing is measured here: verdicts, numbers and seconds are those of the JSON files, pictures the SVG files beside them.
"""

import json
import math
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gammabeta.lab import Estimate, catalogue

PAGE = Path(__file__).parent.parent / "docs" / "lab" / "README.md"
VERSIONS = ("gammabeta", "jax", "numpy", "scikit-learn", "matplotlib")
WORDS = {True: "holds", False: "does not hold", None: "undecided"}
PICTURE = 160_000
"""Bytes that a picture may have: the page shows all of them."""

Told = Mapping[str, Any]


def read(folder: Path) -> list[Told]:
    """What every experiment of the catalogue said; exits where one is missing or was not run in full."""
    found = []
    for name, experiment in catalogue().items():
        path = folder / f"{name}.json"
        if not path.exists():
            sys.exit(f"{path} is missing: gammabeta lab {experiment.claim} -o {folder}")
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["size"] != "full":
            sys.exit(f"{path} is of a {told['size']} run, expected a full one: gammabeta lab {name} -o {folder}")
        found.append(told)
    return found


def machine() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()


def page(found: Sequence[Told], day: date, where: str) -> str:
    """The page as Markdown; ``day`` and ``where``: when and on what it was measured."""
    words = [WORDS[told["holds"]] for told in found]
    counted = ", ".join(f"{words.count(word)} {word}" for word in WORDS.values())
    parts = [
        "<!-- Written by scripts/lab.py from the verdicts of full runs: run those again, and then the script. -->",
        "",
        "# The lab",
        "",
        "What lectures say of batch normalization and of the training of deep networks, each claim run as an "
        "experiment: over several seeds, each side at its own best setting, judged by 95 % intervals. A claim *holds* "
        "where the interval says so, *does not hold* where it says the contrary, and is *undecided* where these runs "
        f"cannot tell. Of {len(found)} claims: {counted}.",
        "",
        f"Measured until {day} on {where}; {', '.join(f'{name} {version(name)}' for name in VERSIONS)}. Seconds are "
        "those of the full size, on a machine that did other things too. An experiment is one short file of "
        "[src/gammabeta/lab/experiments](../../src/gammabeta/lab/experiments); `gammabeta lab NAME --quick` takes less "
        "than 20 seconds.",
        "",
        "| claim | name | verdict | seconds |",
        "|---|---|---|---|",
    ]
    for told, word in zip(found, words, strict=True):
        parts.append(
            f"| [{told['claim']}](#{told['claim'].lower()}) {told['title']} | `{told['experiment']}` | {word} | "
            f"{told['seconds']:.0f} |"
        )
    for told in found:
        parts += section(told)
    return "\n".join(parts) + "\n"


def section(told: Told) -> Iterator[str]:
    name, claim = told["experiment"], told["claim"]
    data = f" --data PATH/{Path(told['data']).name}" if told.get("data") else ""
    yield from ("", f'<a id="{claim.lower()}"></a>', "", f"## {claim}. {told['title']}", "")
    yield from (f"**{WORDS[told['holds']]}**: {told['verdict']}", "")
    yield from (f"![{told['title']}]({name}.svg)", "")
    yield from ("| number | estimate (95 % interval) |", "|---|---|")
    yield from (f"| {number} | {estimate(**ends)} |" for number, ends in told["numbers"].items())
    yield from ("", f"    gammabeta lab {claim}{data} -o lab")


def estimate(value: float, low: float | None, high: float | None, n: int) -> Estimate:
    """A number out of JSON, which has no infinity."""
    return Estimate(
        math.inf if value is None else value, -math.inf if low is None else low, math.inf if high is None else high, n
    )


def write(folder: Path) -> None:
    found = read(folder)
    pictures = {told["experiment"]: folder / f"{told['experiment']}.svg" for told in found}
    for path in pictures.values():
        if path.stat().st_size > PICTURE:
            sys.exit(f"{path} has {path.stat().st_size:,} bytes, expected at most {PICTURE:,}: draw fewer points")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    for old in PAGE.parent.glob("*.svg"):
        old.unlink()
    for path in pictures.values():
        shutil.copy(path, PAGE.parent / path.name)
    newest = max((folder / f"{name}.json").stat().st_mtime for name in pictures)
    PAGE.write_text(page(found, date.fromtimestamp(newest), machine()), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
    print(f"{PAGE} and {len(catalogue())} pictures")

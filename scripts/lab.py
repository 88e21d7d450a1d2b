"""Writes docs/lab/: what every claim came to, from a folder that full runs of ``gammabeta lab`` wrote into.

    for claim in $(seq 1 23); do gammabeta lab C$claim -o FOLDER; done
    python scripts/lab.py FOLDER

Nothing is measured here: verdicts, numbers and seconds are those of the JSON files, pictures the SVG files beside them.
Both are kept in docs/lab, so that a folder with a few experiments renews those few.
"""

import json
import math
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gammabeta.lab import Estimate, Experiment, catalogue

FOLDER = Path(__file__).parent.parent / "docs" / "lab"
VERSIONS = ("gammabeta", "jax", "numpy", "scikit-learn", "matplotlib")
WORDS = {True: "holds", False: "does not hold", None: "undecided"}
UNKNOWN = "not run yet"
PICTURE = 160_000
"""Bytes that a picture may have: the page shows all of them."""

Told = Mapping[str, Any]


def machine() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()


def read(folder: Path) -> dict[str, Told]:
    """What the experiments of a folder said, by name; exits where one was not run in full."""
    found = {}
    for name in catalogue():
        path = folder / f"{name}.json"
        if path.exists():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
            if found[name]["size"] != "full":
                sys.exit(
                    f"{path} is of a {found[name]['size']} run, expected a full one: gammabeta lab {name} -o {folder}"
                )
    return found


def keep(fresh: Path, folder: Path) -> None:
    """Take over verdicts and pictures; of a verdict no path of this machine, but when and where it was measured."""
    where = f"{machine()}; {', '.join(f'{name} {version(name)}' for name in VERSIONS)}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, told in read(fresh).items():
        picture, verdict = fresh / f"{name}.svg", fresh / f"{name}.json"
        if picture.stat().st_size > PICTURE:
            sys.exit(f"{picture} has {picture.stat().st_size:,} bytes, expected at most {PICTURE:,}: draw fewer points")
        kept = {key: value for key, value in told.items() if key not in ("files", "data")}
        kept["data"] = Path(told["data"]).name if told.get("data") else None
        kept |= {"day": str(date.fromtimestamp(verdict.stat().st_mtime)), "where": where}
        (folder / verdict.name).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        shutil.copy(picture, folder / picture.name)


def page(found: Mapping[str, Told]) -> str:
    """The page as Markdown; found: what was kept, by name."""
    words = {name: WORDS[found[name]["holds"]] if name in found else UNKNOWN for name in catalogue()}
    said = list(words.values())
    counted = ", ".join(f"{said.count(word)} {word}" for word in (*WORDS.values(), UNKNOWN) if word in said)
    parts = [
        "<!-- Written by scripts/lab.py from the verdicts of full runs: run those again, and then the script. -->",
        "",
        "# The lab",
        "",
        "What lectures say of batch normalization and of the training of deep networks, each claim run as an "
        "experiment: over several seeds, each side at its own best setting, judged by 95 % intervals. A claim *holds* "
        "where the interval says so, *does not hold* where it says the contrary, and is *undecided* where these runs "
        f"cannot tell. Of {len(said)} claims: {counted}.",
        "",
        "Seconds are those of the full size, on a machine that did other things too. An experiment is one short file "
        "of [src/gammabeta/lab/experiments](../../src/gammabeta/lab/experiments); `gammabeta lab NAME --quick` takes "
        "less than 20 seconds.",
        "",
        "| claim | name | verdict | seconds |",
        "|---|---|---|---|",
    ]
    for name, one in catalogue().items():
        seconds = f"{found[name]['seconds']:.0f}" if name in found else ""
        parts.append(f"| [{one.claim}](#{one.claim.lower()}) {one.title} | `{name}` | {words[name]} | {seconds} |")
    for name, one in catalogue().items():
        parts += section(name, one, found.get(name))
    return "\n".join(parts) + "\n"


def section(name: str, one: Experiment, told: Told | None) -> Iterator[str]:
    yield from ("", f'<a id="{one.claim.lower()}"></a>', "", f"## {one.claim}. {one.title}", "")
    if told is None:
        yield from ("Not run in full with this version yet.", "", f"    gammabeta lab {one.claim} -o lab")
        return
    yield from (f"**{WORDS[told['holds']]}**: {told['verdict']}", "")
    yield from (f"![{one.title}]({name}.svg)", "")
    yield from ("| number | estimate (95 % interval) |", "|---|---|")
    yield from (f"| {number} | {estimate(**ends)} |" for number, ends in told["numbers"].items())
    data = f" --data PATH/{told['data']}" if told["data"] else ""
    yield from ("", f"    gammabeta lab {one.claim}{data} -o lab", "", f"{told['day']}, {told['where']}")


def estimate(value: float, low: float | None, high: float | None, n: int) -> Estimate:
    """A number out of JSON, which has no infinity."""
    return Estimate(
        math.inf if value is None else value, -math.inf if low is None else low, math.inf if high is None else high, n
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    keep(Path(sys.argv[1]), FOLDER)
    (FOLDER / "README.md").write_text(page(read(FOLDER)), encoding="utf-8")
    print(f"{FOLDER / 'README.md'}: {len(read(FOLDER))} of {len(catalogue())} claims")

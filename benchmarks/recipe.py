"""Does the recipe help? ``gammabeta recipe`` within a time limit against ``gammabeta fit`` alone, on open tables.

    PYTHONPATH=src python benchmarks/recipe.py ../shared/data --time-limit 10m

Both read the same file, split it alike, and look at the test rows once. One line of JSON for each table and side is
kept in --keep as soon as it is there, so that a benchmark that was stopped goes on; docs/benchmarks/recipe.md is
written from all of them after each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "recipe.md"
TABLES = (
    "titanic",
    "german_credit",
    "yeast_protein",
    "segment",
    "concrete",
    "abalone",
    "insurance",
    "phoneme",
    "spambase",
    "satimage",
)
SIDES = ("fit", "recipe")
COMPARED = {"regression": ("r2", "rmse")}
CLASSES = ("accuracy", "log_loss")
LOWER = ("rmse", "log_loss", "hamming_loss")


def measured(entry: dict[str, Any], folder: Path, side: str, limit: str) -> dict[str, Any]:
    """The scores of one side on one table, and its seconds."""
    targets = entry["target"] if isinstance(entry["target"], list) else [entry["target"]]
    typed = [sys.executable, "-m", "gammabeta", side, str(folder / entry["path"]), "--json", "--quiet", "--no-report"]
    typed += [text for target in targets for text in ("--target", target)]
    typed += [text for name in entry["drop"] for text in ("--drop", name)]
    typed += ["--time-limit", limit] if side == "recipe" else []
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        done = subprocess.run([*typed, "-o", f"{out}/run"], capture_output=True, text=True)
        seconds = time.perf_counter() - began
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1], "seconds": round(seconds, 1)}
    body = json.loads(done.stdout.splitlines()[-1])
    return {
        "task": body["task"],
        "rows": body["rows"],
        "valid": body["valid"],
        "test": body["test"],
        "seconds": round(seconds, 1),
        "winner": body.get("recipe", {}).get("winner", ""),
        "closed": [step["step"] for step in body.get("steps", []) if not step["passed"]],
    }


def kept(path: Path, limit: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What was measured before, with this time limit; a line that was cut off is measured again."""
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            body = json.loads(line)
            if body["side"] == "fit" or body["limit"] == limit:
                found[body["table"], body["side"]] = body
        except (ValueError, KeyError):
            continue
    return found


def verdict(name: str, fit: float, recipe: float) -> str:
    """``better``, ``equal`` or ``worse``: the recipe against fit; equal up to a thousandth of either."""
    gain = fit - recipe if name in LOWER else recipe - fit
    return "equal" if abs(gain) <= 1e-3 * max(abs(fit), abs(recipe)) else "better" if gain > 0 else "worse"


def page(found: dict[tuple[str, str], dict[str, Any]], limit: str) -> str:
    """The table of all that is there."""
    lines, counts = [], {(part, which): [0, 0] for part in ("valid", "test") for which in (0, 1)}
    for table in dict.fromkeys(table for table, _ in found):
        sides = [found.get((table, side)) for side in SIDES]
        if any(side is None or "error" in side for side in sides):
            said = "; ".join(
                f"{n}: {side['error']}" for n, side in zip(SIDES, sides, strict=True) if side and "error" in side
            )
            if said:
                lines.append(f"| {table} | {said} |")
            continue
        fit, recipe = sides
        assert fit is not None
        assert recipe is not None
        for which, name in enumerate(COMPARED.get(fit["task"], CLASSES)):
            if name not in fit["valid"]:
                continue
            cells = []
            for part in ("valid", "test"):
                one, other = fit[part][name], recipe[part][name]
                said = verdict(name, one, other)
                counts[part, which][0] += said != "worse"
                counts[part, which][1] += 1
                cells += [f"{one:.4g}", f"{other:.4g}", said]
            took = f"{fit['seconds']:.0f} + {recipe['seconds']:.0f}" if which == 0 else ""
            winner = recipe["winner"] if which == 0 else ""
            lines.append(f"| {' | '.join([table if which == 0 else '', name, *cells, winner, took])} |")
    kinds = ("accuracy or R²", "log loss or RMSE")
    sums = [
        f"- {kinds[which]}, {part} rows: better or equal on {good} of {of} tables"
        for (part, which), (good, of) in counts.items()
        if of
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    head = [
        "# Does the recipe help?",
        "",
        f"`gammabeta recipe --time-limit {limit}` against `gammabeta fit` alone on the same rows; each looks at the "
        "test rows once.",
        f"One split and one seed for each table; {date.today().isoformat()}, {cores} cores. Equal: within 0.1 %.",
        "",
        f"    PYTHONPATH=src python benchmarks/recipe.py ../shared/data --time-limit {limit}",
        "",
        "| table | metric | fit: valid | recipe: valid | | fit: test | recipe: test | | winner | seconds of both |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines, "", *sums, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where index.json and the tables are")
    parser.add_argument("--time-limit", default="10m")
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--keep", type=Path, default=Path("recipe-benchmark.jsonl"))
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    index = {entry["name"]: entry for entry in json.loads((options.folder / "index.json").read_text("utf-8"))}
    found = kept(options.keep, options.time_limit)
    for table in options.tables:
        for side in SIDES:
            if (table, side) in found:
                continue
            line = measured(index[table], options.folder, side, options.time_limit)
            found[table, side] = {"table": table, "side": side, "limit": options.time_limit, **line}
            with options.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found[table, side]) + "\n")
            print(table, side, line.get("error") or line["valid"], f"{line['seconds']} s", flush=True)
            options.page.write_text(page(found, options.time_limit), encoding="utf-8")


if __name__ == "__main__":
    main()

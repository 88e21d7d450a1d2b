"""Plants faults, diagnoses them, and writes docs/benchmarks/faults.md.

    python benchmarks/faults/run.py core|full|reduced [--minutes M] [--cells all|calibration|held-out]
                                    [--processes 2] [--only TEXT] [--thorough] [--page-only]

core: scikit-learn's and synthetic data; full: MNIST and CIFAR-10 from ../shared/data; reduced: 2 minutes. Results are
kept in .cache/faults/ for the code they were measured with: a run that was stopped goes on where it was.
"""

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import platform
import queue
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "faults"
PAGE = ROOT / "docs" / "benchmarks" / "faults.md"
sys.path.insert(0, str(HERE))


@cache
def fingerprint(of_harm: bool = False) -> str:
    """Of all code that a result depends on, or that what a fault costs depends on: what these modules import."""
    roots = ["harm.py", "plants.py"] if of_harm else ["measure.py", "plants.py", "healthy.py"]
    found = imported([HERE / name for name in roots])
    if not of_harm:
        # they are looked for in their folder
        found = imported([*found, *(ROOT / "src" / "gammabeta" / "diagnosis" / "rules").glob("*.py")])
    made = hashlib.sha256()
    for path in sorted(found):
        made.update(path.read_bytes())
    return made.hexdigest()[:12]


def imported(files: Sequence[Path]) -> set[Path]:
    """These files, and all of this repository that they import, wherever in them."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            places = [(ROOT / "src" if name.startswith("gammabeta") else HERE, name) for name in names]
            bases = [folder.joinpath(*name.split(".")) for folder, name in places]
            files_of = [one for base in bases for one in (base.with_suffix(".py"), base / "__init__.py")]
            waiting += [one for one in files_of if one.is_file()]
    return found


@cache
def harms() -> dict[str, dict[str, Any]]:
    """What every fault costs, by key, as far as it was measured: the rules do not change it."""
    return {line["key"]: line["harm"] for line in lines(CACHE / f"harm-{fingerprint(True)}.jsonl")}


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of results; an interrupted last one is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{") and line.endswith("}")]


def prepared(one_of: int) -> None:
    """A worker: its share of the cores, one thread for the linear algebra, and a compilation cache."""
    if one_of > 1:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import warnings

    import numpy as np

    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    from gammabeta.train import cache_compilations, together

    cores = together.at_once()
    together.at_once = lambda: max(1, cores // one_of)
    cache_compilations(ROOT / ".cache" / "compiled")


def measured(task: Any, tried: bool = True) -> dict[str, Any]:
    """The result of one task; a defect is a result too. tried: whether harm is proved and the fix is tried."""
    import traceback

    from measure import looked_at

    began, cpu = time.perf_counter(), time.process_time()
    line = {"key": task.key, "cell": task.cell.name, "held_out": task.cell.held_out}
    line |= {name: getattr(task, name) for name in ("kind", "name", "severity", "seed", "number", "hard")}
    try:
        line |= looked_at(task.situation(), task.cell, task.seed, tried, harms().get(task.key))
    except Exception:
        line |= {"defect": traceback.format_exc()[-1500:]}
    return line | {"total": round(time.perf_counter() - began, 2), "cpu": round(time.process_time() - cpu, 2)}


TASKS_OF_A_PROCESS = 120
"""Then it is replaced, for the memory that it holds."""


def results(tasks: Sequence[Any], processes: int) -> Iterator[dict[str, Any]]:
    """In the order in which they are done.

    Processes and not threads: tracing and the many short steps hold the interpreter's lock. All situations of a cell
    go to the same process: what it compiled for one serves the others, and a second one takes a quarter of the time.
    """
    context = multiprocessing.get_context("spawn")
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    parts = [part for part in by_cell(tasks, processes) if part]
    pools = [context.Pool(1, prepared, (processes,), TASKS_OF_A_PROCESS) for _ in parts]
    try:
        for pool, part in zip(pools, parts, strict=True):
            for task in part:
                pool.apply_async(measured, (task,), callback=done.put, error_callback=done.put)
        for _ in tasks:
            found = done.get()
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        for pool in pools:
            pool.terminate()


def by_cell(tasks: Sequence[Any], parts: int) -> list[list[Any]]:
    """The tasks in so many parts of about the same length, each cell's in one of them, in their order."""
    sizes = Counter(task.cell for task in tasks)
    part_of, filled = {}, [0] * parts
    for cell, size in sizes.most_common():
        part_of[cell] = filled.index(min(filled))
        filled[part_of[cell]] += size
    return [[task for task in tasks if part_of[task.cell] == index] for index in range(parts)]


def known(path: Path) -> dict[str, dict[str, Any]]:
    """What was measured with this code before."""
    return {line["key"]: line for line in lines(path) if "defect" not in line}


def measured_now(tasks: Sequence[Any], path: Path, minutes: float, processes: int) -> bool:
    """Measure what is missing and append it; False where the time was up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks if task.key not in known(path)]
    began = time.monotonic()
    harm_path = CACHE / f"harm-{fingerprint(True)}.jsonl"
    found = results(missing, processes)
    with path.open("a") as file, harm_path.open("a") as harm_file:
        for done, line in enumerate(found, start=1):
            file.write(json.dumps(line) + "\n")
            file.flush()
            if line["kind"] != "healthy" and "defect" not in line and line["key"] not in harms():
                harm_file.write(json.dumps({"key": line["key"], "harm": line["harm"]}) + "\n")
                harm_file.flush()
            passed = time.monotonic() - began
            left = min(passed / done * (len(missing) - done), 60 * minutes - passed)
            verdict = line["defect"].splitlines()[-1] if "defect" in line else told(line)
            print(f"{done}/{len(missing)}  {left / 60:4.1f} min left  {line['key']}: {verdict}", flush=True)
            if passed > 60 * minutes:
                found.close()  # type: ignore[attr-defined]
                return done == len(missing)
    return True


def told(line: dict[str, Any]) -> str:
    from score import causes

    hurts = "" if line["kind"] == "healthy" else "hurts, " if line["harm"]["hurts"] else "harmless, "
    fix = line.get("fix", {})
    restored = f", fix restores {fix['share']:.0%}" if "share" in fix else ""
    wanted = f" (expected {' or '.join(line['accepted'])})" if line["accepted"] else ""
    return (
        f"{hurts}{' '.join(causes(line)) or 'nothing'}{wanted}{restored}, {line['total']} s, {line['cpu']} s of a core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tier", choices=("core", "full", "reduced"))
    parser.add_argument("--minutes", type=float, default=None, help="stop then; default 29 for core, 360 for full")
    parser.add_argument("--cells", choices=("all", "calibration", "held-out"), default="all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="tasks whose key holds this text")
    parser.add_argument("--thorough", action="store_true", help="all severities and twice the healthy runs")
    parser.add_argument("--page-only", action="store_true", help="measure nothing, write the page again")
    given = parser.parse_args()
    from page import page
    from schedule import tasks

    chosen = [task for task in tasks(given.tier, given.cells, given.thorough) if given.only in task.key]
    path = CACHE / f"{fingerprint()}.jsonl"
    minutes = given.minutes or {"core": 29, "full": 360, "reduced": 5}[given.tier]
    whole = given.page_only or measured_now(chosen, path, minutes, given.processes)
    found = known(path)
    if not given.only and given.tier != "reduced":
        machine = f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, jax {version('jax')}"
        defects = len({line["key"] for line in lines(path)} - set(found))
        PAGE.write_text(page(list(found.values()), machine, fingerprint(), defects))
        print(f"written to {PAGE}")
    else:
        from score import by_cells, lists, table

        here = [found[task.key] for task in chosen if task.key in found]
        print(table(by_cells(here)), lists(here), sep="\n\n")
    if not whole:
        print("the time was up: call it again to go on")


if __name__ == "__main__":
    main()

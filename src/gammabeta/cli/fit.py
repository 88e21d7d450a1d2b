"""``gammabeta fit``"""

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gammabeta.cli.terminal import console, grid, metric_rows, notes, print_json
from gammabeta.data import Dataset, Images, Schema, Table, read, split
from gammabeta.errors import FileError, UsageError

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class FitOptions:
    """What was typed."""

    data: Path
    target: tuple[str, ...]
    task: str
    valid: str | None
    test: str | None
    drop: tuple[str, ...]
    kinds: tuple[str, ...]
    plan: Path | None
    settings: tuple[str, ...]
    seed: int | None
    time_limit: str | None
    out: Path | None
    json: bool
    quiet: bool


def fit_command(options: FitOptions) -> None:
    """From a file to a run folder: read, split, learn the schema, plan, fit, save, measure once on the test rows."""
    began = time.perf_counter()
    limit = seconds_of(options.time_limit)
    kinds = kinds_of(options.kinds)
    train, valid, test = parts_of(options)
    target = options.target or None
    schema = Schema.fit(train, target, options.task, kinds, options.drop)
    encoded = {name: schema.encode(part) for name, part in (("train", train), ("valid", valid), ("test", test)) if part}
    from gammabeta.model import learn
    from gammabeta.plan import advise, change, read_plan
    from gammabeta.plan.change import parsed
    from gammabeta.serial import dumps
    from gammabeta.train import Epoch, cache_compilations

    cache_compilations()
    rows = encoded["train"].rows
    plan = read_plan(options.plan) if options.plan else advise(schema.task, rows, schema.image is not None)
    plan = change(plan, parsed(options.settings)).expanded(schema.input_shape, schema.outputs)
    folder = run_folder(options)
    out = console(options.quiet or options.json)
    show_beginning(out, options, schema, encoded, [part.notes for part in (train, valid, test) if part])
    from gammabeta.cli.progress import FitProgress
    from gammabeta.model.file import write_whole

    write_whole(folder / "plan.json", dumps(plan).encode())
    steps = -(-rows // plan.batch_size) * plan.epochs
    with interruptible() as interrupted, history(folder) as write, FitProgress(options.quiet) as bar:

        def on_epoch(epoch: Epoch) -> None:
            write(epoch.to_json())
            bar.epoch(epoch, steps)

        model, run = learn(
            plan,
            schema,
            encoded["train"],
            encoded.get("valid"),
            on_epoch=on_epoch,
            on_progress=bar.moved,
            should_stop=interrupted,
            time_limit=None if limit is None else limit - (time.perf_counter() - began),
        )
    path = model.save(folder)
    found = {name: model.scores(encoded[name]) if name in encoded else {} for name in ("valid", "test")}
    result: dict[str, Any] = {
        "task": schema.task,
        "rows": {name: encoded[name].rows if name in encoded else 0 for name in ("train", "valid", "test")},
        **found,
        "epochs": len(run.history),
        "best_epoch": run.best.number if run.best else 0,
        "ended": run.last.ended if run.last else "",
        "seconds": round(time.perf_counter() - began, 3),
        "model": str(path),
        "findings": [],
    }
    write_whole(folder / "metrics.json", (json.dumps(result, indent=2, allow_nan=False) + "\n").encode())
    show_end(out, folder, result)
    if options.json:
        print_json(result)
    if interrupted():
        print(f"gammabeta: interrupted; the best model so far is in {path}.", file=sys.stderr)
        sys.exit(130)


def parts_of(options: FitOptions) -> tuple[Table | Images, Table | Images | None, Table | Images | None]:
    """(train, valid, test): read from files where files were given, split off the rest otherwise."""
    data = read(options.data)
    shares: dict[str, float | None] = {}
    files: dict[str, Table | Images] = {}
    for name, text in (("valid", options.valid), ("test", options.test)):
        value = share_or_file(text, f"--{name}")
        if isinstance(value, Path):
            files[name], shares[name] = read(value), None
        else:
            shares[name] = 0.2 if value is None else value
    if not any(shares.values()):
        return data, files.get("valid"), files.get("test")
    target = options.target or None
    seed = options.seed or 0
    train, valid, test = split(data, target, valid=shares["valid"], test=shares["test"], seed=seed, task=options.task)
    return train, files.get("valid", valid), files.get("test", test)


def share_or_file(text: str | None, option: str) -> float | Path | None:
    """A share where the text is a number, else a file."""
    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if not 0 <= share < 1:
        raise UsageError(f"{option} {text}: expected a share in [0, 1), or a file; 0.2 takes a fifth of the rows.")
    return share


def kinds_of(given: tuple[str, ...]) -> dict[str, str]:
    """``["pclass=category"]`` as a mapping; the schema checks names and kinds."""
    kinds = {}
    for text in given:
        column, equals, kind = text.rpartition("=")
        if not equals:
            raise UsageError(f"--kind {text}: expected COLUMN=KIND, such as pclass=category.")
        kinds[column] = kind
    return kinds


def seconds_of(text: str | None) -> float | None:
    """``90s``, ``5m``, ``2h`` or ``1h30m`` in seconds; a bare number is seconds."""
    if text is None:
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", f"{text}s" if text[-1:].isdigit() else text)
    if "".join(f"{count}{unit}" for count, unit in parts) not in (text, f"{text}s") or not parts:
        raise UsageError(f"--time-limit {text}: expected a time such as 90s, 5m or 2h.")
    total = sum(float(count) * UNITS[unit] for count, unit in parts)
    if total <= 0:
        raise UsageError(f"--time-limit {text}: expected more than no time, such as 90s, 5m or 2h.")
    return total


def run_folder(options: FitOptions) -> Path:
    """The folder that was asked for, or the first free ``runs/NAME-1``, ``runs/NAME-2``, ..."""
    if options.out:
        if options.out.is_file():
            raise UsageError(f"-o {options.out}: found a file, expected a folder for the run; choose another name.")
        return options.out
    name = options.data.name.split(".")[0] or "run"
    number = 1
    while (Path("runs") / f"{name}-{number}").exists():
        number += 1
    return Path("runs") / f"{name}-{number}"


@contextmanager
def history(folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that adds one line to the folder's history, at once readable by others."""
    path = folder / "history.jsonl"

    def failed(error: OSError) -> FileError:
        return FileError(f"{path}: cannot be written, {error.strerror or error}; make room or choose another place.")

    def write(line: Mapping[str, Any]) -> None:
        try:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
        except OSError as error:
            raise failed(error) from None

    try:
        file: TextIO = path.open("w", encoding="utf-8")
    except OSError as error:
        raise failed(error) from None
    with file:
        yield write


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C was pressed; pressed a second time, it interrupts at once."""
    pressed: list[int] = []

    def on_interrupt(number: int, frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)
        print("stopping after this step; press Ctrl-C again to stop at once", file=sys.stderr)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def show_beginning(
    out: Any, options: FitOptions, schema: Schema, encoded: Mapping[str, Dataset], said: list[tuple[str, ...]]
) -> None:
    """What is about to be trained on."""
    rows = ", ".join(f"{data.rows:,} {name}" for name, data in encoded.items())
    shape = " x ".join(map(str, schema.input_shape))
    targets = ", ".join(schema.target_names[:6]) + (", ..." if len(schema.target_names) > 6 else "")
    out.print(f"{options.data}: {schema.task}, target {targets}, {rows} rows, {shape} inputs", markup=False)
    aside = [f'"{column.name}" is set aside: {column.reason}' for column in schema.set_aside]
    notes(out, [*(note for part in said for note in part), *schema.notes, *aside])
    notes(out, [f"{name}: {note}" for name, data in encoded.items() for note in data.notes])


def show_end(out: Any, folder: Path, result: Mapping[str, Any]) -> None:
    """What came out, and where it is."""
    out.print()
    header, rows = metric_rows({"validation": result["valid"], "test": result["test"]})
    if rows:
        out.print(grid("", header, rows, numbers=range(1, len(header))))
        out.print()
    ended = {"epochs": "all epochs done"}.get(result["ended"], result["ended"])
    epochs = f"{result['epochs']} epochs ({ended}), best {result['best_epoch']}"
    out.print(f"{epochs}, {result['seconds']:.1f} s", markup=False)
    out.print(f"model    {result['model']}\nhistory  {folder / 'history.jsonl'}", markup=False)
    out.print(f"try      gammabeta predict {folder} DATA    gammabeta summary {folder}", markup=False)

"""``gammabeta fit``"""

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gammabeta.cli import INTERRUPTED
from gammabeta.cli.terminal import by_reason, console, grid, metric_rows, notes, print_json, some_of
from gammabeta.data import Dataset, Images, Schema, Table, read, split
from gammabeta.data.values import plural
from gammabeta.errors import UsageError

PLAN_NAME, HISTORY_NAME, METRICS_NAME = "plan.json", "history.jsonl", "metrics.json"
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
    time_limit: str | None
    out: Path | None
    json: bool
    quiet: bool


def fit_command(options: FitOptions) -> None:
    """From a file to a run folder: read, split, learn the schema, plan, fit, save, measure once on the test rows."""
    began = time.perf_counter()
    limit = seconds_of(options.time_limit)
    kinds = kinds_of(options.kinds)
    folder = run_folder(options)
    from gammabeta.model import learn, suited
    from gammabeta.plan import advise, change, read_plan
    from gammabeta.plan.change import parsed
    from gammabeta.serial import dumps
    from gammabeta.train import Epoch, cache_compilations

    changes = parsed(options.settings)
    given = change(read_plan(options.plan), changes) if options.plan else None
    train, valid, test = parts_of(options, given.seed if given else seed_of(changes))
    schema = Schema.fit(train, options.target or None, options.task, kinds, options.drop)
    encoded = {name: schema.encode(part) for name, part in (("train", train), ("valid", valid), ("test", test)) if part}
    cache_compilations()
    first = given or change(advise(schema.task, encoded["train"].rows, schema.image is not None), changes)
    plan = suited(first, schema)
    out = console(options.quiet, beside_json=options.json)
    said = [part.notes for part in (train, valid, test) if part]
    show_beginning(out, options, schema, encoded, [*said, repeated(options)])
    from gammabeta.cli.progress import FitProgress
    from gammabeta.model.file import write_whole

    with all_or_nothing(folder), interruptible() as interrupted:
        write_whole(folder / PLAN_NAME, dumps(plan).encode())
        with history(folder) as write, FitProgress(options.quiet, plan) as bar:

            def on_epoch(epoch: Epoch) -> None:
                write(epoch.to_json())
                bar.epoch(epoch)

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
        "seconds": round(time.perf_counter() - began, 3),
        "model": str(path),
        "findings": [],
    }
    write_whole(folder / METRICS_NAME, (json.dumps(result, indent=2, allow_nan=False) + "\n").encode())
    show_end(out, folder, result, run)
    if options.json:
        print_json(result)
    if interrupted():
        print(f"gammabeta: interrupted; the best model so far is in {path}.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def seed_of(changes: Mapping[str, Any]) -> int:
    """The seed that was set, or 0; it splits the rows before there is a plan to hold it."""
    from gammabeta.plan import Plan
    from gammabeta.serial import checked, fields

    seed: int = checked(fields(Plan)["seed"], changes.get("seed", 0), "plan.seed")
    return seed


def parts_of(options: FitOptions, seed: int) -> tuple[Table | Images, Table | Images | None, Table | Images | None]:
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
    train, valid, test = split(data, target, valid=shares["valid"], test=shares["test"], seed=seed, task=options.task)
    return train, files.get("valid", valid), files.get("test", test)


def repeated(options: FitOptions) -> tuple[str, ...]:
    """What to say where rows are measured that were trained on."""
    given = {"--valid": options.valid, "--test": options.test}
    here = options.data.resolve()
    same = [f"{option} {text}" for option, text in given.items() if text and Path(text).resolve() == here]
    return tuple(f"{typed} is the file that is trained on; its score says nothing about new rows." for typed in same)


def share_or_file(text: str | None, option: str) -> float | Path | None:
    """A share where the text is a number, else a file."""
    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        if text.endswith("%") and not Path(text).exists():
            raise UsageError(f"{option} {text}: expected a share in [0, 1), such as 0.2, or a file.") from None
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
def all_or_nothing(folder: Path) -> Iterator[None]:
    """Leave the folder as it was where the fit fails: no plan and no history beside another model, or none."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    before = {path: path.read_bytes() for name in (PLAN_NAME, HISTORY_NAME) if (path := folder / name).is_file()}
    try:
        yield
        # it belongs to the model that was there before
        (folder / METRICS_NAME).unlink(missing_ok=True)
    except BaseException:
        with suppress(OSError):
            for name in (PLAN_NAME, HISTORY_NAME):
                (folder / name).unlink(missing_ok=True)
            for path, content in before.items():
                path.write_bytes(content)
            for path in made:
                path.rmdir()
        raise


@contextmanager
def history(folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that adds one line to the folder's history, at once readable by others."""
    from gammabeta.model.file import unwritable

    path = folder / HISTORY_NAME

    def write(line: Mapping[str, Any]) -> None:
        try:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
        except OSError as error:
            raise unwritable(path, error) from None

    try:
        file: TextIO = path.open("w", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield write
    finally:
        # every line is flushed; closing tries a failed one again
        with suppress(OSError):
            file.close()


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
    aside = [
        f"{some_of(names, 3)} {plural(len(names), 'is', 'are')} set aside: {reason}"
        for names, reason in by_reason((column.name, column.reason) for column in schema.set_aside)
    ]
    notes(out, [*(note for part in said for note in part), *schema.notes, *aside])
    notes(out, [f"{name}: {note}" for name, data in encoded.items() for note in data.notes])


def show_end(out: Any, folder: Path, result: Mapping[str, Any], run: Any) -> None:
    """What came out, and where it is."""
    out.print()
    header, rows = metric_rows({"validation": result["valid"], "test": result["test"]})
    if rows:
        out.print(grid("", header, rows, numbers=range(1, len(header))))
        out.print()
    ended = {"epochs": "all epochs done"}.get(run.last.ended, run.last.ended)
    epochs = f"{result['epochs']} {plural(result['epochs'], 'epoch')} ({ended}), best {run.best.number}"
    out.print(f"{epochs}, {result['seconds']:.1f} s", markup=False)
    if run.last.ended == "non-finite loss":
        rate = run.plan.optimizer.learning_rate
        said = f"the loss was no longer finite in epoch {run.last.number}; the model is that of epoch {run.best.number}"
        notes(out, [f"{said}; a smaller optimizer.learning_rate than {rate:g} may help."])
    # not wrapped, so that they can be copied
    out.print(f"model    {result['model']}\nhistory  {folder / HISTORY_NAME}", markup=False, soft_wrap=True)
    out.print(f"try      gammabeta predict {folder} DATA", markup=False, soft_wrap=True)

"""``gammabeta tune``"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli import INTERRUPTED
from gammabeta.cli.fit import FitOptions, interruptible, into_run_folder, seconds_of
from gammabeta.cli.prepare import Prepared, advised_plan, plan_in_file, prepared, show_beginning
from gammabeta.cli.run_folder import holds_run, run_folder
from gammabeta.cli.terminal import console, grid, notes, number
from gammabeta.cli.told import telling
from gammabeta.data.origin import remembered
from gammabeta.data.values import plural
from gammabeta.errors import GammabetaError, UsageError
from gammabeta.report.names import DATABASE_NAME, ROWS_NAME, SEARCH_NAME

if TYPE_CHECKING:
    from gammabeta.tune import Found, Standing

TRIALS_NAME = "trials.csv"
BEGUN = (DATABASE_NAME, SEARCH_NAME, ROWS_NAME)
"""What a search writes before it has come to anything."""

FOR_SEARCH = 0.85
"""Share of the time limit for the search; the rest is for training the winner and measuring it."""

MOST_SAID = 8


@dataclass(frozen=True)
class TuneOptions(FitOptions):
    """What was typed."""

    trials: int
    space: Path | None
    storage: str | None
    workers: int | None
    resume: bool


def tune_command(options: TuneOptions) -> None:
    """From a file to the run of the best plan found: search, rank on fresh seeds, train, measure once on test rows."""
    began = time.perf_counter()
    limit = seconds_of(options.time_limit)
    refuse_numbers(options)
    folder = run_folder(options.out, options.data)
    refuse_folder(options, folder)
    from gammabeta.model import learn, suited
    from gammabeta.model.file import write_whole
    from gammabeta.report.write import write_report
    from gammabeta.train import cache_compilations
    from gammabeta.tune import read_space, ready, search, trials_csv, write_facts

    cache_compilations()
    base = plan_in_file(options)
    if base is not None and options.space:
        read_space(options.space, base)
    rows = prepared(options)
    base = base or advised_plan(options, rows.schema, rows.encoded["train"].rows)
    space = read_space(options.space, base) if options.space else ready(base)
    out = console(options.quiet, beside_json=options.json)
    said = rows.said
    if holds_run(folder) and not options.resume:
        said = (*said, f"-o {folder}: the run that was there will be replaced.")
    show_beginning(out, options.data, rows.schema, rows.encoded, said)
    from gammabeta.cli.search_progress import SearchProgress, briefly

    place = "--storage" if options.storage else "-o"
    with (
        given_back(folder),
        interruptible() as interrupted,
        SearchProgress(options.quiet) as bar,
        telling(folder) as tell,
    ):
        if not holds_run(folder):
            write_whole(folder / ROWS_NAME, remembered(options, "fit"))

        def told(standing: "Standing") -> None:
            bar.told(standing)
            tell(standing.phase, briefly(standing))

        found = search(
            base,
            rows.schema,
            rows.encoded["train"],
            rows.encoded.get("valid"),
            space=space,
            trials=options.trials,
            time_limit=None if limit is None else max(FOR_SEARCH * limit - (time.perf_counter() - began), 1e-3),
            storage=options.storage or f"sqlite:///{folder / DATABASE_NAME}",
            study=folder.name if options.storage else "gammabeta",
            workers=options.workers,
            on_progress=told,
            on_found=partial(write_facts, folder),
            should_stop=interrupted,
            place=place,
        )
    body = write_facts(folder, found)
    write_whole(folder / TRIALS_NAME, trials_csv(found).encode())
    if interrupted():
        if options.report:
            write_report(folder)
        done = len(found.outcomes)
        print(
            f"gammabeta: interrupted; {done} of {options.trials} {plural(options.trials, 'trial')} are done and kept, "
            f"the same command with -o {folder} --resume goes on.",
            file=sys.stderr,
        )
        sys.exit(INTERRUPTED)
    show_ranking(out, found)
    rest = None if limit is None else f"{max(limit - (time.perf_counter() - began), 1.0):.3f}s"
    winner = Prepared(suited(found.plan, rows.schema), *rows[1:])
    short = ("winner", "done", "pruned", "asked", "stopped", "programs", "folds", "ranking", "importances", "seconds")
    into_run_folder(
        replace(options, out=folder, time_limit=rest),
        lambda: winner,
        learn,
        lambda learned: {"search": {name: body[name] for name in short}},
        told=True,
        keeps=(SEARCH_NAME,),
    )


def refuse_numbers(options: TuneOptions) -> None:
    """Refuse numbers that say nothing, before anything is read."""
    if options.trials < 1:
        raise UsageError(f"--trials {options.trials}: expected at least 1; 30 is a good number to begin with.")
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers {options.workers}: expected at least 1, or leave it out for one per core.")


def refuse_folder(options: TuneOptions, folder: Path) -> None:
    """Refuse to go on where nothing was begun, and to begin where another search would be lost."""
    there = (folder / DATABASE_NAME).exists()
    if options.resume and not options.out:
        raise UsageError("--resume: expected -o with the folder of the search that is to go on.")
    if options.resume and not there and not options.storage:
        raise UsageError(
            f"--resume: {folder} holds no {DATABASE_NAME}, expected a search; leave --resume out to begin."
        )
    if there and not options.resume and not options.storage:
        raise UsageError(
            f"-o {folder}: it holds a search already; add --resume to go on with it, or choose another folder."
        )


@contextmanager
def given_back(folder: Path) -> Iterator[None]:
    """A folder for the database; as it was before where the search began here and came to nothing."""
    before = {name for name in BEGUN if (folder / name).exists()}
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        from gammabeta.model.file import unwritable

        raise unwritable(folder, error) from None
    try:
        yield
    except GammabetaError:
        # an interrupted one, and one that a defect of ours ended, can go on
        if DATABASE_NAME not in before:
            with suppress(OSError):
                for name in set(BEGUN) - before:
                    (folder / name).unlink(missing_ok=True)
                for path in made:
                    path.rmdir()
        raise


def show_ranking(out: Any, found: "Found") -> None:
    """The candidates with their intervals, and what the winner has that the first plan has not."""
    done, pruned = len(found.outcomes), sum(o.ended == "pruned" for o in found.outcomes.values())
    counted = f"{done} of {found.asked} {plural(found.asked, 'trial')}, {pruned} pruned, {found.programs} compiled"
    folds = f", {found.folds} folds each" if found.folds > 1 else ""
    out.print(f"\n{counted} {plural(found.programs, 'program')}{folds}, {found.seconds:.1f} s", markup=False)
    header = ["trial", "in search", "on fresh seeds", "gain on trial 0"]
    lines = [
        [
            f"{place.trial}{' (as fit)' if place.trial == 0 else ''}{' *' if place.trial == found.trial else ''}",
            number(place.first),
            with_interval(place.mean, place.low, place.high) if place.values else "",
            with_interval(place.gain, place.gain_low, place.gain_high) if place.values and place.trial else "",
        ]
        for place in found.ranking
    ]
    out.print(grid("", header, lines, numbers=range(1, 4)))
    out.print("validation loss, mean over seeds with its 95 % interval", style="dim")
    if found.trial == 0:
        notes(out, ["nothing was better than the plan that fit takes; that one is trained."])
        return
    own, start = found.params[found.trial], found.space.start
    changed = [f"{key} {shown(value)}" for key, value in own.items() if start.get(key) != value]
    more = f" and {len(changed) - MOST_SAID} more" if len(changed) > MOST_SAID else ""
    out.print(f"* wins: {', '.join(changed[:MOST_SAID])}{more}", markup=False)
    line = next(place for place in found.ranking if place.trial == found.trial)
    if not line.gain_low > 0:
        notes(out, ["the gain may be chance: its interval holds 0, or there was no time for fresh seeds."])


def with_interval(mean: float, low: float, high: float) -> str:
    """``0.09 (0.08 to 0.1)``; without an interval the mean alone."""
    return f"{number(mean)} ({number(low)} to {number(high)})" if low <= high else number(mean)


def shown(value: Any) -> str:
    """A drawn value as it is read."""
    return "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

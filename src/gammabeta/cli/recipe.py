"""``gammabeta recipe``"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli import INTERRUPTED
from gammabeta.cli.diagnose import show_findings
from gammabeta.cli.fit import FitOptions, interruptible, measured_once, seconds_of
from gammabeta.cli.prepare import advised_plan, plan_in_file, prepared, show_beginning
from gammabeta.cli.run_folder import WRITTEN_AT_THE_END, as_it_was, holds_run, run_folder
from gammabeta.cli.terminal import console, grid, metric_rows, print_json
from gammabeta.cli.told import telling
from gammabeta.data.origin import remembered
from gammabeta.errors import GammabetaError, UsageError, nearest
from gammabeta.report.names import (
    DATABASE_NAME,
    FACTS_NAME,
    RECIPE_NAME,
    REPORT_NAME,
    ROWS_NAME,
    STEPS,
)

if TYPE_CHECKING:
    from gammabeta.recipe import Gate, Standing

RESERVE, MOST_RESERVE = 15.0, 0.25
"""Seconds of the time limit that are not for the six steps but for the look at the test rows, the page, and a compiler
that cannot be interrupted; this share of the limit at most."""


@dataclass(frozen=True)
class RecipeOptions(FitOptions):
    """What was typed."""

    until: str
    resume: bool
    trials: int
    workers: int | None


def recipe_command(options: RecipeOptions) -> None:
    """The six steps, each with its gate; at the end one look at the test rows, which no step has seen."""
    began = time.perf_counter()
    limit = seconds_of(options.time_limit)
    refuse_typed(options)
    folder = run_folder(options.out, options.data)
    refuse_folder(options, folder)
    from gammabeta.model.file import write_whole
    from gammabeta.recipe import cook, read_gates
    from gammabeta.train import cache_compilations

    cache_compilations()
    given = plan_in_file(options)
    plan, schema, encoded, said, parts, _ = prepared(options)
    plan = given or advised_plan(options, schema, encoded["train"].rows)
    out = console(options.quiet, beside_json=options.json)
    replaced = holds_run(folder) and not options.resume
    show_beginning(out, options.data, schema, encoded, (*said, *replaced_note(folder) * replaced))
    from gammabeta.cli.recipe_progress import RecipeProgress
    from gammabeta.cli.so_far import draw_so_far

    gates = list(read_gates(folder))
    for number, gate in enumerate(gates, 1):
        show_gate(out, number, gate, " (done before)")
    served = None
    with (
        given_back(folder, gates),
        interruptible() as interrupted,
        RecipeProgress(options.quiet) as bar,
        telling(folder) as tell,
    ):

        def told(standing: "Standing") -> None:
            bar.told(standing)
            tell(standing.step, standing.words)

        steps = cook(
            plan,
            schema,
            encoded["train"],
            encoded.get("valid"),
            parts=parts,
            folder=folder,
            until=options.until,
            time_limit=for_steps(limit, time.perf_counter() - began),
            trials=options.trials,
            workers=options.workers,
            on_progress=told,
            should_stop=interrupted,
        )
        for gate in steps:
            gates.append(gate)
            served = gate.served or served
            bar.clear()
            show_gate(out, len(gates), gate)
            # one fit of the plan that is there gives the model that is there
            write_whole(folder / ROWS_NAME, remembered(options, "fit"))
            if gate.step == "skeleton":
                forget_run_before(folder)
            if options.report and len(gates) < len(STEPS):
                draw_so_far(folder, schema, parts, encoded, gate.served)
    if interrupted():
        leave_interrupted(folder, gates, options.report)
    result: dict[str, Any] = {
        "run": str(folder),
        "steps": [
            {"step": gate.step, "passed": gate.passed, "reason": gate.reason, "seconds": round(gate.seconds, 3)}
            for gate in gates
        ],
    }
    if len(gates) < len(STEPS):
        if options.report:
            out.print(f"\nreport   {folder / REPORT_NAME}", markup=False, soft_wrap=True)
        out.print(
            f"\nstopped after {gates[-1].step}; the same command with -o {folder} --resume, without --until, goes on.",
            markup=False,
            soft_wrap=True,
        )
    else:
        result |= finished(options, out, folder, gates, served, encoded, parts, began)
    if options.json:
        print_json(result)


def forget_run_before(folder: Path) -> None:
    """Remove what tells of a model that the folder held before its own first one."""
    for name in WRITTEN_AT_THE_END:
        (folder / name).unlink(missing_ok=True)


def for_steps(limit: float | None, spent: float) -> float | None:
    """Seconds for the steps."""
    return None if limit is None else max(limit - min(RESERVE, MOST_RESERVE * limit) - spent, 1e-3)


def replaced_note(folder: Path) -> tuple[str, ...]:
    return (f"-o {folder}: the run that was there will be replaced.",)


def refuse_typed(options: RecipeOptions) -> None:
    """Refuse what says nothing, before anything is read."""
    if options.until not in STEPS:
        raise UsageError(f"--until {options.until}: no such step; {nearest(options.until, STEPS, 'the steps')}")
    if options.trials < 1:
        raise UsageError(f"--trials {options.trials}: expected at least 1; 30 is a good number to begin with.")
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers {options.workers}: expected at least 1, or leave it out for one per core.")


def refuse_folder(options: RecipeOptions, folder: Path) -> None:
    """Refuse to go on where nothing was begun, and to begin where another recipe would be lost."""
    there = (folder / RECIPE_NAME).exists()
    if options.resume and not options.out:
        raise UsageError("--resume: expected -o with the folder of the recipe that is to go on.")
    if options.resume and not there:
        raise UsageError(f"--resume: {folder} holds no {RECIPE_NAME}, expected a recipe; leave --resume out to begin.")
    if there and not options.resume:
        raise UsageError(
            f"-o {folder}: it holds a recipe already; add --resume to go on with it, or choose another folder."
        )
    if (folder / DATABASE_NAME).exists() and not options.resume:
        raise UsageError(f"-o {folder}: it holds a search, which would be mixed with this one; choose another folder.")


@contextmanager
def given_back(folder: Path, gates: Sequence["Gate"]) -> Iterator[None]:
    """Leave the folder as it was where a recipe that began in it came to no network: the next one begins there anew.

    gates: those that are done, by now
    """
    began = not gates
    put_back = as_it_was(folder, (RECIPE_NAME, ROWS_NAME, FACTS_NAME, REPORT_NAME))
    try:
        yield
    except GammabetaError:
        if began and not any(gate.served for gate in gates):
            put_back()
        raise


def show_gate(out: Any, number: int, gate: "Gate", more: str = "") -> None:
    """A line for a step."""
    state = "[green]passed[/]" if gate.passed else "[yellow]not passed[/]"
    out.print(f"{number} {gate.step:<10} {state} ", end="")
    out.print(f"{gate.reason}{more}", markup=False)


def leave_interrupted(folder: Path, gates: list["Gate"], report: bool) -> None:
    """Say what is kept, draw it, and leave."""
    from gammabeta.report.write import write_report

    if report and gates:
        write_report(folder)
    kept = f"{len(gates)} of {len(STEPS)} steps are done and kept, the same command with -o {folder} --resume goes on."
    began = "nothing was done yet." if not gates else kept
    print(f"gammabeta: interrupted; {began}", file=sys.stderr)
    sys.exit(INTERRUPTED)


def finished(
    options: RecipeOptions,
    out: Any,
    folder: Path,
    gates: list["Gate"],
    served: Any,
    encoded: Any,
    parts: Any,
    began: float,
) -> dict[str, Any]:
    """The one look at the test rows, and what is told at the end."""
    from gammabeta.recipe import read_served
    from gammabeta.report.run_folder import known
    from gammabeta.report.sections.plan import rerun

    best = served or read_served(folder)
    last = gates[-1]
    more = {"recipe": {"winner": last.facts["winner"], "reproduced_by": last.facts["reproduced_by"]}}
    result, findings = measured_once(
        folder,
        best.model,
        best.history,
        encoded,
        parts,
        time.perf_counter() - began,
        more,
        None,
        look=best.combined is None,
        report=options.report,
        after=last.step,
    )
    out.print()
    header, rows = metric_rows({"validation": result["valid"], "test": result["test"]})
    out.print(grid("", header, rows, numbers=range(1, len(header))))
    closed = [gate.step for gate in gates if not gate.passed]
    out.print(
        f"\n{len(gates) - len(closed)} of {len(gates)} gates passed"
        f"{f', not {chr(44).join(closed)}' if closed else ''}, {sum(gate.seconds for gate in gates):.0f} s",
        markup=False,
    )
    out.print(f"model    {result['model']}", markup=False, soft_wrap=True)
    if options.report:
        out.print(f"report   {folder / REPORT_NAME}", markup=False, soft_wrap=True)
    cut = "" if best.whole else "  (trains on where the time limit cut this run)"
    out.print(f"again    {rerun(known(folder))}{cut}", markup=False, soft_wrap=True)
    worth = [finding for finding in findings if finding.severity != "note"]
    if worth:
        show_findings(out, worth, folder)
    return result

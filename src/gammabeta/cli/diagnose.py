"""``gammabeta diagnose``"""

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli.progress import teller
from gammabeta.cli.run_folder import all_or_nothing, history, holds_run, run_folder
from gammabeta.cli.terminal import console, notes, print_json
from gammabeta.errors import DataError, FileError, UsageError
from gammabeta.report.names import FINDINGS_NAME, MEASURES_NAME, MODEL_NAME, PLAN_NAME, ROWS_NAME

if TYPE_CHECKING:
    from gammabeta.diagnosis import Case, Finding
    from gammabeta.diagnosis.run_folder import Rows

COLORS = {"error": "bold red", "warning": "yellow", "note": "dim"}
NEW_ROWS = ("GB104", "GB105", "GB109", "GB110", "GB507")
"""What is said of new rows."""

MOST_SETTINGS = 6


@dataclass(frozen=True)
class DiagnoseOptions:
    """What was typed."""

    run: Path
    data: Path | None
    deep: bool
    fix: bool
    out: Path | None
    json: bool
    quiet: bool


def diagnose_command(options: DiagnoseOptions) -> None:
    """Say what is wrong with a run, prove it by forks, and with --fix mend it where a paired comparison agrees."""
    began = time.perf_counter()
    if options.out and not options.fix:
        raise UsageError("-o: there is nothing to write without --fix; add it, or leave -o out.")
    if options.data is not None:
        new_rows_command(options, options.data)
        return
    from gammabeta.diagnosis import diagnose
    from gammabeta.diagnosis.run_folder import folder_of, run_in
    from gammabeta.diagnosis.verdict import verdict
    from gammabeta.model.file import write_json
    from gammabeta.train import cache_compilations

    folder = folder_of(options.run)
    mended = mended_folder(options.out, folder) if options.fix else folder
    cache_compilations()
    out = console(options.quiet, beside_json=options.json)
    run = run_in(folder)
    if options.fix and run.no_start:
        raise UsageError(
            f"--fix: {run.no_start}, so it cannot be trained again from its start; leave --fix out, and train anew "
            "with what is advised."
        )
    case = run.case
    replaced = f"{mended}: the run that is there will be replaced where the fix is kept."
    notes(out, (*run.said, replaced) if options.fix and holds_run(mended) else run.said)
    findings = diagnose(case, forks=run.forks, deep=options.deep, tell=teller(options.quiet, "fork"))
    words = verdict(case, findings)
    out.print(words, markup=False)
    show_findings(out, findings, options.run)
    measured = deep_measures(out, case, options) if options.deep else None
    result: dict[str, Any] = {
        "run": str(folder),
        "verdict": words,
        "findings": [finding.to_json() for finding in findings],
        "seconds": round(time.perf_counter() - began, 3),
    }
    if measured is not None:
        result["measures"] = measured
    try:
        if measured is not None:
            write_json(folder / MEASURES_NAME, measured)
        write_json(folder / FINDINGS_NAME, result["findings"])
    except FileError:
        if options.quiet and not options.json:
            raise
        notes(out, [f"{folder}: cannot be written, so that the findings are shown here alone."])
    else:
        redrawn(folder, words)
    if options.fix:
        result["fix"] = fixed_run(out, case, findings, folder, mended, run.rows)
    if options.json:
        print_json(result)


def new_rows_command(options: DiagnoseOptions, new_rows: Path) -> None:
    """Say how new rows differ from those that were trained on, or from what the model remembers of them."""
    began = time.perf_counter()
    if options.fix or options.deep:
        raise UsageError("--data: new rows are only compared; leave out --fix and --deep.")
    from gammabeta.data import read
    from gammabeta.diagnosis import diagnose, diagnose_new_rows
    from gammabeta.diagnosis.run_folder import run_in
    from gammabeta.model import load
    from gammabeta.train import cache_compilations

    cache_compilations()
    out = console(options.quiet, beside_json=options.json)
    try:
        run = run_in(options.run, new_rows)
        notes(out, run.said)
        findings = diagnose(run.case, forks=False, family=NEW_ROWS)
    except (DataError, FileError, UsageError) as missing:
        # without its rows, a model still remembers something of them
        if isinstance(missing, UsageError) and not holds_model(options.run):
            raise
        model = load(options.run)
        # the target plays no part in what a model remembers
        rows = model.schema.encode(read(new_rows), target=False)
        left = "only what the model remembers is compared; leaks (GB104, GB105) are left out."
        notes(out, [str(missing), left, *rows.notes])
        findings = diagnose_new_rows(model, rows)
    show_findings(out, findings, options.run)
    if options.json:
        result = [finding.to_json() for finding in findings]
        print_json({"run": str(options.run), "findings": result, "seconds": round(time.perf_counter() - began, 3)})


def holds_model(run: Path) -> bool:
    """Whether it is a model, or a folder with one."""
    return run.is_file() or (run / MODEL_NAME).is_file()


def deep_measures(out: Any, case: "Case", options: DiagnoseOptions) -> dict[str, Any]:
    """What costs more than a probe, as a table with a sentence each, and as JSON."""
    from gammabeta.diagnosis.measures import measures

    found = measures(case, teller(options.quiet, "measure"))
    out.print(f"\nmeasured on {found.rows} training rows, {found.moment}", markup=False)
    said = ""
    for name, value, how in found.readings():
        out.print(f"  {name}: {value}" if value else f"  {name}", markup=False)
        # layers that are measured alike share one sentence
        if how != said:
            out.print(f"    {how}", style="dim", markup=False)
        said = how
    return found.to_json()


def redrawn(folder: Path, words: str) -> None:
    """The run's report with the new findings and verdict, from the facts that were measured at its end."""
    from gammabeta.report.run_folder import known
    from gammabeta.report.write import write_facts, write_report

    facts = known(folder).facts
    if facts is not None:
        write_facts(folder, replace(facts, verdict=words))
    write_report(folder)


def mended_folder(asked: Path | None, folder: Path) -> Path:
    """The folder for the mended run, by default RUN-fixed beside it. Raises UsageError where that cannot be one."""
    # "." and ".." name no folder
    beside = folder if folder.name not in ("", "..") else folder.resolve()
    new = run_folder(asked or beside.parent / f"{beside.name}-fixed", folder)
    if new.exists() and new.samefile(folder):
        raise UsageError(
            f"-o {new}: found the run itself, expected another folder; its mended run must not replace it."
        )
    return new


def show_findings(out: Any, findings: "Sequence[Finding]", run: Path | None) -> None:
    """Every finding in a few lines, the fix so that it can be typed."""
    if not findings:
        out.print("no findings.")
        return
    for finding in findings:
        out.print(f"\n[{COLORS[finding.severity]}]{finding.severity} {finding.code}[/] {finding.name}", end="")
        out.print(f" ({finding.place})" if finding.place else "", markup=False)
        for text in (finding.evidence, finding.costs):
            if text:
                out.print(f"  {text}", markup=False)
        if finding.advice and finding.severity != "note":
            out.print(f"  do: {finding.advice}{typed_fix(finding.fix, run)}", markup=False)
    codes = list(dict.fromkeys(finding.code for finding in findings))
    out.print(f"\n`gammabeta explain {codes[0]}` says more.", markup=False)


def typed_fix(fix: Mapping[str, Any], run: Path | None) -> str:
    """`` (--set optimizer.learning_rate=0.01)``, or how to have a long fix done."""
    if not fix:
        return ""
    settings = [f"--set {shlex.quote(f'{name}={json.dumps(value)}')}" for name, value in fix.items()]
    if len(settings) <= MOST_SETTINGS and all(len(setting) < 80 for setting in settings):
        return f" ({' '.join(settings)})"
    return f" (gammabeta diagnose {run} --fix)" if run else " (the fix is in findings.json)"


def fixed_run(
    out: Any, case: "Case", findings: "Sequence[Finding]", folder: Path, new: Path, made: "Rows"
) -> dict[str, Any] | None:
    """Retrain with the first fix; keep it, in the folder ``new``, only where whole paired runs end better."""
    from gammabeta.cli.fit import measured_once
    from gammabeta.diagnosis.fix import compared, fixed
    from gammabeta.model import Model, finish
    from gammabeta.model.file import write_whole
    from gammabeta.serial import dumps, without_nan
    from gammabeta.train import run as run_plan

    began = time.perf_counter()
    mendable = next((finding for finding in findings if finding.fix and finding.severity != "note"), None)
    if mendable is None:
        out.print("\nthere is nothing that a change of the plan would mend.")
        return None
    plan = fixed(case, mendable)
    out.print(f"\ntrying the fix of {mendable.code} in full ...", markup=False)
    found = compared(case, plan)
    judging = "training" if case.judging is case.train else "validation"
    words = (
        f"{found.pairs} pairs of whole runs: {found.metric} {found.before:.4g} -> {found.after:.4g}, loss "
        f"{found.loss_before:.4g} -> {found.loss_after:.4g} on the {judging} rows"
    )
    result = {"code": mendable.code, "change": dict(mendable.fix), **without_nan(vars(found)), "run": None}
    if not found.kept:
        out.print(f"not kept: {words}; a gain that chance explains.", markup=False)
        return result
    run = run_plan(plan, case.train, case.valid)
    model: Model = finish(run, made.schema, case.train)
    with all_or_nothing(new):
        write_whole(new / PLAN_NAME, dumps(model.plan).encode())
        write_whole(new / ROWS_NAME, (folder / ROWS_NAME).read_bytes())
        with history(new) as write:
            for line in run.history:
                write(line)
        model.save(new)
    result["run"] = str(new)
    seconds = time.perf_counter() - began
    measured_once(new, model, run.history, made.encoded, made.parts, seconds, {}, None, look=True, report=True)
    out.print(f"kept: {words}.\nthe mended run is in {new}", markup=False)
    return result

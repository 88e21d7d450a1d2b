"""``gammabeta fit``"""

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammabeta.cli import INTERRUPTED
from gammabeta.cli.diagnose import show_findings
from gammabeta.cli.prepare import DataOptions, Prepared, prepared, show_beginning
from gammabeta.cli.run_folder import (
    WRITTEN_AT_THE_END,
    all_or_nothing,
    history,
    holds_run,
    run_folder,
)
from gammabeta.cli.terminal import console, grid, metric_rows, notes, print_json
from gammabeta.data.origin import remembered
from gammabeta.data.values import plural
from gammabeta.errors import TrainingError, UsageError, nearest
from gammabeta.report.names import (
    FINDINGS_NAME,
    HISTORY_NAME,
    METRICS_NAME,
    MODEL_NAME,
    PLAN_NAME,
    REPORT_NAME,
    ROWS_NAME,
)

if TYPE_CHECKING:
    from gammabeta.diagnosis import Case, Finding
    from gammabeta.model import Model
    from gammabeta.report.facts import Facts
    from gammabeta.report.facts.named import Named

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class FitOptions(DataOptions):
    """What was typed."""

    time_limit: str | None
    out: Path | None
    json: bool
    quiet: bool
    report: bool = field(default=True, kw_only=True)
    log: tuple[str, ...] = field(default=(), kw_only=True)


def fit_command(options: FitOptions) -> None:
    """From a file to a run folder: read, split, learn the schema, plan, fit, save, measure once on the test rows."""
    from gammabeta.model import learn

    into_run_folder(options, lambda: prepared(options), learn)


def into_run_folder(
    options: FitOptions,
    prepare: Callable[[], Prepared],
    learning: Callable[..., Any],
    more: Callable[[Any], Mapping[str, Any]] = lambda learned: {},
    command: str = "fit",
    told: bool = False,
    keeps: Sequence[str] = (),
) -> None:
    """What the commands that train share: prepare, learn, save, measure once on the test rows, show.

    learning: called as model.learn is, and gives something with a model and a run; more: what else the metrics hold
    told: whether it has been said what is trained on; keeps: files in the folder that tell of this run already
    """
    began = time.perf_counter()
    limit = seconds_of(options.time_limit)
    folder = run_folder(options.out, options.data)
    refuse_loggers(options.log)
    import numpy as np

    from gammabeta.serial import dumps
    from gammabeta.train import Epoch, cache_compilations

    cache_compilations()
    plan, schema, encoded, said, parts, combined = prepare()
    out = console(options.quiet, beside_json=options.json)
    if not told:
        if holds_run(folder):
            said = (*said, f"-o {folder}: the run that was there will be replaced.")
        show_beginning(out, options.data, schema, encoded, said)
    from gammabeta.cli.logs import logs
    from gammabeta.cli.progress import FitProgress
    from gammabeta.model.file import write_whole

    begun = beginning(plan, schema, encoded) if command == "fit" and not combined else None
    early = [] if begun is None else [finding for finding in found_in(begun) if finding.severity != "note"]
    if early:
        show_findings(out, early, None)
    with all_or_nothing(folder, keeps), interruptible() as interrupted, ExitStack() as open_logs:
        write_whole(folder / PLAN_NAME, dumps(combined or plan).encode())
        write_whole(folder / ROWS_NAME, remembered(options, command))
        log = open_logs.enter_context(logs(options.log, folder, plan))
        with history(folder) as write, FitProgress(options.quiet, plan) as bar:
            lines: list[Mapping[str, Any]] = []

            def on_epoch(epoch: Epoch) -> None:
                lines.append(epoch.to_json())
                write(lines[-1])
                log.epoch(epoch)
                bar.epoch(epoch)
                if epoch.ended == "non-finite loss" and not options.quiet:
                    at = epoch.steps - len(epoch.losses) + int(np.argmin(np.isfinite(epoch.losses))) + 1
                    notes(out, [f"the loss is no longer finite from step {at} (epoch {epoch.number})."])
                    if begun is not None:
                        notes(out, [where_it_diverged(begun, lines)])

            try:
                learned = learning(
                    combined or plan,
                    schema,
                    encoded["train"],
                    encoded.get("valid"),
                    on_epoch=on_epoch,
                    on_progress=bar.moved,
                    should_stop=interrupted,
                    time_limit=None if limit is None else limit - (time.perf_counter() - began),
                )
            except TrainingError as error:
                where = "" if begun is None else where_it_diverged(begun, lines)
                raise TrainingError(f"{error} {where}".strip()) from None
        model, run = learned.model, learned.run
        path = model.save(folder)
        # a run that is saved is not undone by what follows
        measured = open_logs.pop_all()
    rest = (time.perf_counter() - began, more(learned))
    result, findings = measured_once(
        folder,
        model,
        run.history,
        encoded,
        parts,
        *rest,
        begun,
        look=begun is not None,
        report=options.report,
    )
    with measured:
        for name in ("valid", "test"):
            log.scores(name, result[name])
    show_end(out, folder, result, run)
    if options.report:
        out.print(f"report   {folder / REPORT_NAME}", markup=False, soft_wrap=True)
    shown = {(finding.code, finding.evidence) for finding in early}
    worth = [one for one in findings if one.severity != "note" and (one.code, one.evidence) not in shown]
    notes(out, [said_shortly(finding) for finding in findings if finding.severity == "note"])
    if worth:
        show_findings(out, worth, folder)
        out.print(f"`gammabeta diagnose {folder}` tries what would mend it.", markup=False, soft_wrap=True)
    if options.json:
        print_json(result)
    if interrupted():
        print(f"gammabeta: interrupted; the best model so far is in {path}.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def said_shortly(finding: "Finding") -> str:
    """What is worth knowing, in a line."""
    place = f" ({finding.place})" if finding.place else ""
    return f"{finding.code} {finding.name}{place}: {finding.evidence}."


def refuse_loggers(names: Sequence[str]) -> None:
    """Refuse a logger that is unknown, or whose package is not here, before any work."""
    if not names:
        return
    from gammabeta.train.loggers import LOGGERS, require

    for name in names:
        if name not in LOGGERS:
            raise UsageError(f"--log {name}: expected {' or '.join(LOGGERS)}; {nearest(name, LOGGERS)}")
        require(name)


def measured_once(
    folder: Path,
    model: "Model",
    history: Sequence[Mapping[str, Any]],
    encoded: Mapping[str, Any],
    parts: Mapping[str, Any],
    seconds: float,
    more: Mapping[str, Any],
    begun: "Case | None",
    look: bool,
    report: bool,
    after: str = "",
) -> tuple[dict[str, Any], list[Any]]:
    """(what is written as metrics, findings): the one look at the test rows, written to the folder with its report.

    seconds: that it took; more: what else the metrics hold; begun: the case before its first step, where it is known
    look: whether findings are looked for; where nobody does, none are told, not even that there are none
    report: whether a page is drawn; after: the last step of a recipe
    """
    from gammabeta.model.file import write_json
    from gammabeta.report.gates import named_in
    from gammabeta.report.run_folder import known as known_of
    from gammabeta.report.write import write_facts, write_report

    case = finished_case(model, history, encoded, begun)
    findings = found_in(case) if look else None
    found = {name: model.scores(encoded[name]) if name in encoded else {} for name in ("valid", "test")}
    result: dict[str, Any] = {
        "task": model.schema.task,
        "rows": {name: encoded[name].rows if name in encoded else 0 for name in ("train", "valid", "test")},
        **found,
        "epochs": len(history),
        "seconds": round(seconds, 3),
        "model": str(folder / MODEL_NAME),
        "findings": None if findings is None else [finding.to_json() for finding in findings],
        **more,
    }
    for name in WRITTEN_AT_THE_END:
        (folder / name).unlink(missing_ok=True)
    write_json(folder / METRICS_NAME, result)
    if findings is not None:
        write_json(folder / FINDINGS_NAME, result["findings"])
    if report:
        named = named_in(known_of(folder).gates) if after else None
        write_facts(folder, replace(report_facts(case, model, parts, encoded, named), after=after))
        write_report(folder)
    return result, findings or []


def beginning(plan: Any, schema: Any, encoded: Mapping[str, Any]) -> "Case":
    """The plan and its rows as a case, before the first step."""
    from gammabeta.diagnosis import Case
    from gammabeta.model.learn import suited

    rows = (encoded["train"], encoded.get("valid"))
    return Case.of(suited(plan, schema), *rows, (), None, None, encoded.get("test"), schema)


def where_it_diverged(begun: "Case", lines: Sequence[Mapping[str, Any]]) -> str:
    """The step, the layer and the batch that made the first non-finite number; "" where no step did."""
    from gammabeta.diagnosis.replay import first_non_finite

    # a schedule may have heard of the epochs before
    place = first_non_finite(begun.ended(tuple(lines), None, None))
    return "" if place is None else f"It was step {place.step}, on {place.batch}: {place.says} (GB701)."


def finished_case(
    model: "Model", history: Sequence[Mapping[str, Any]], encoded: Mapping[str, Any], begun: "Case | None" = None
) -> "Case":
    """A finished model, its history and its rows, as a case to be diagnosed; begun: the case before its first step."""
    begun = begun or beginning(model.plan, model.schema, encoded)
    return begun.ended(tuple(history), model.params, model.stats)


def found_in(case: "Case") -> list[Any]:
    """What is wrong with a run by the signatures that need no forks."""
    from gammabeta.diagnosis import diagnose

    return diagnose(case, forks=False, thorough=False)


def report_facts(
    case: "Case", model: "Model", parts: Mapping[str, Any], encoded: Mapping[str, Any], named: "Named | None" = None
) -> "Facts":
    """What the report shows, measured while data and model are at hand; named: training rows shown one by one."""
    from gammabeta.diagnosis.verdict import verdict
    from gammabeta.report.facts import facts

    return facts(model, parts, encoded, verdict(case), named)


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

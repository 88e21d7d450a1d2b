"""Why a network does not train: suspicions from what is measured, proved by forks, with a fix that was tried."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Finding, Page, Proof, Severity, in_order
from gammabeta.diagnosis.forks import Tell, unheard
from gammabeta.diagnosis.judge import SURE, judge
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.errors import UsageError, nearest
from gammabeta.train import Run, Start

if TYPE_CHECKING:
    from gammabeta.model import Model

__all__ = [
    "Case",
    "Finding",
    "Page",
    "Proof",
    "Suspicion",
    "Treatment",
    "diagnose",
    "diagnose_new_rows",
    "page",
    "registry",
    "suspicions",
]


class Rule(NamedTuple):
    """A page and the function that suspects what it describes; thorough: it takes seconds, too long for every fit."""

    page: Page
    rule: Callable[[Case], Iterator[Suspicion]]
    thorough: bool


@cache
def registry() -> dict[str, Rule]:
    """Every rule by its code, in order: a file of the folder ``rules`` each."""
    names = sorted(path.stem for path in (Path(__file__).parent / "rules").glob("[a-z]*.py"))
    modules = [importlib.import_module(f"gammabeta.diagnosis.rules.{name}") for name in names]
    found = {module.PAGE.code: Rule(module.PAGE, module.rule, getattr(module, "THOROUGH", False)) for module in modules}
    return dict(sorted(found.items()))


def page(code: str) -> Page:
    """The page of a code. Raises UsageError with the nearest code."""
    known = registry()
    if code.upper() not in known:
        raise UsageError(f'explain: unknown code "{code}"; {nearest(code.upper(), known)}')
    return known[code.upper()].page


def pages() -> dict[str, Page]:
    """Every page by its code."""
    return {code: one.page for code, one in registry().items()}


def suspicions(case: Case, thorough: bool = True, family: str | tuple[str, ...] = "") -> list[Suspicion]:
    """What every rule suspects, before anything is proved; without the thorough ones where asked.

    family: the beginning of their codes, such as "GB1", or several; "" for all
    """
    rules = [one for code, one in registry().items() if code.startswith(family)]
    asked = [one for one in rules if thorough or not one.thorough]
    return [suspicion for one in asked for suspicion in one.rule(case)]


def without_forks(case: Case, suspicion: Suspicion) -> Suspicion:
    """A sure or measured signature as it stands: a warning where the network is behind others, else a note.

    Before the first step, where nothing is behind yet, a warning where it is sure.
    """
    behind = case.shortfall > 2 * case.chance if case.trained else suspicion.certainty >= SURE and not case.has_run
    unproved: Severity = "warning" if behind and not suspicion.meant else "note"
    return replace(suspicion, treatments=(), severity=suspicion.severity or unproved)


def case_from(
    run: Case | Run | str | Path, train: Dataset | None, valid: Dataset | None, start: Start | None
) -> tuple[Case, bool]:
    """(the case of whatever diagnose takes, whether forks make sense)."""
    if isinstance(run, Case):
        return run, True
    if isinstance(run, str | Path):
        # reading files takes what a case does not
        from gammabeta.diagnosis.run_folder import run_in

        found = run_in(Path(run))
        return found.case, found.forks
    if train is None:
        raise UsageError("diagnose: a run does not hold its rows; give those that it was trained on, train and valid.")
    params, stats = (None, None) if run.best is None else run.finished(train)
    return Case.of(run.plan, train, valid, run.history, params, stats, began=start), True


def diagnose(
    run: Case | Run | str | Path,
    train: Dataset | None = None,
    valid: Dataset | None = None,
    *,
    start: Start | None = None,
    forks: bool = True,
    deep: bool = False,
    thorough: bool = True,
    family: str | tuple[str, ...] = "",
    tell: Tell = unheard,
) -> list[Finding]:
    """What is wrong with a run, most severe first; nothing is named as a cause that a fork could not confirm.

    run: the folder of one, ``diagnose("run")``; or what fit came to, with its encoded rows, ``diagnose(run, train,
        valid)``; or a case. start: what that fit was given to start from
    forks: whether treatments are tried in short runs; without them only signatures that are proofs by themselves count,
        and measurements that are worth a note
    thorough: whether rules that take seconds are asked
    family: the beginning of the codes that are asked for, such as "GB1" for the data, or several; "" for all
    deep: longer forks, for runs of many steps; tell: hears how many forks are done, of how many
    """
    case, may_fork = case_from(run, train, valid, start)
    forks = forks and may_fork
    found: Sequence[Suspicion] = suspicions(case, thorough, family)
    if not forks:
        found = [without_forks(case, one) for one in found if one.severity or one.noted or one.certainty >= SURE]

    def look(other: Case) -> Sequence[Suspicion]:
        return suspicions(other, thorough=False, family=family)

    return in_order(judge(case, found, pages(), deep, tell, look))


def diagnose_new_rows(model: "Model", rows: Dataset) -> list[Finding]:
    """What a model alone says of new rows: how they differ from what it remembers of those that it was trained on."""
    from gammabeta.diagnosis.remembered import against_memory, case_of_model

    case = case_of_model(model, rows)
    return in_order(judge(case, against_memory(case), pages()))

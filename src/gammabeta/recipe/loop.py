"""The loop over the steps: a generator that yields each gate."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gammabeta.data import Dataset, Images, Schema, Table
from gammabeta.errors import DataError, UsageError, nearest
from gammabeta.plan import Plan
from gammabeta.recipe.data import data
from gammabeta.recipe.gate import STEPS, Gate
from gammabeta.recipe.known import Budget, Known, Standing
from gammabeta.recipe.overfit import overfit
from gammabeta.recipe.record import DEFAULT_NAME, read_gates, read_served, write_gates, write_served
from gammabeta.recipe.regularize import regularize
from gammabeta.recipe.skeleton import skeleton
from gammabeta.recipe.squeeze import squeeze
from gammabeta.recipe.tune import tune
from gammabeta.serial import to_json
from gammabeta.train.together import at_once
from gammabeta.tune.storage import digest

TRIALS = 30
LEAST_ROWS = 2

STEP: Mapping[str, Callable[[Known], Gate]] = {
    "data": data,
    "skeleton": skeleton,
    "overfit": overfit,
    "regularize": regularize,
    "tune": tune,
    "squeeze": squeeze,
}


def cook(
    plan: Plan,
    schema: Schema,
    train: Dataset,
    valid: Dataset | None,
    *,
    parts: Mapping[str, Table | Images] | None = None,
    folder: Path | None = None,
    until: str = STEPS[-1],
    time_limit: float | None = None,
    trials: int = TRIALS,
    workers: int | None = None,
    on_progress: Callable[[Standing], None] = lambda standing: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Gate]:
    """The six steps of the recipe; ``for gate in cook(...)`` and whatever stands behind the colon.

    plan: to begin with, its network as an architecture, such as ``advise`` gives it
    schema, train, valid: as for model.learn. Test rows have no business here: they are for the last gate's model
    parts: the rows as they were read, by "train" and "valid": for the facts about columns
    folder: where gates, search and models are kept; what is done there is not done again. None for nowhere
    until: the last step; time_limit: seconds for all steps, those of earlier processes included
    trials: of the search; workers: runs at once, None for one for each core, on an accelerator 8
    on_progress: called often; should_stop: asked often, ends the recipe without the gate of the step under way

    A gate that stays closed does not end the recipe. The last gate's ``served`` is the best model. With one worker and
    no time limit that bites, the same plan and rows give the same model, interrupted and resumed or not. Raises
    UsageError for an unknown step, where there are no validation rows, where the folder holds a recipe of something
    else, and where the time is not enough for the first training.
    """
    refuse(until, valid, time_limit, trials, workers)
    assert valid is not None
    about = {"training rows": digest(train), "validation rows": digest(valid), "plan": to_json(plan)}
    gates = () if folder is None else read_gates(folder, about)
    default = read_served(folder / DEFAULT_NAME) if folder is not None and len(gates) > 1 else None
    spent = sum(gate.seconds for gate in gates)
    steps = STEPS[len(gates) : STEPS.index(until) + 1]
    if steps and time_limit is not None and spent >= time_limit:
        raise UsageError(
            f"time limit: {spent:.1f} s are spent on the steps that are done, expected time for those that are left; "
            f"give at least {math.ceil(2 * spent + 30)} s."
        )
    budget = Budget(time_limit, spent)
    known = Known(
        schema=schema,
        train=train,
        valid=valid,
        parts={name: part for name, part in (parts or {}).items() if name in ("train", "valid")},
        first=plan,
        plan=gates[-1].plan if gates else plan,
        budget=budget,
        clock=budget.clock(STEPS[0], should_stop),
        trials=trials,
        workers=workers or at_once(),
        folder=folder,
        tell=on_progress,
        should_stop=should_stop,
        gates=gates,
        default=default,
    )
    for step in steps:
        began = time.perf_counter()
        gate = STEP[step](replace(known, clock=budget.clock(step, should_stop)))
        if should_stop():
            return
        gate = replace(gate, seconds=time.perf_counter() - began)
        known = replace(
            known,
            gates=(*known.gates, gate),
            plan=gate.plan,
            default=gate.served if step == "skeleton" else known.default,
        )
        if folder is not None:
            kept(folder, gate)
            write_gates(folder, about, known.gates)
        yield gate


def refuse(until: str, valid: Dataset | None, time_limit: float | None, trials: int, workers: int | None) -> None:
    """Raise for what says nothing, before anything is done."""
    if until not in STEPS:
        raise UsageError(f'until: there is no step "{until}"; {nearest(until, STEPS, "its steps")}')
    if valid is None or valid.rows < LEAST_ROWS or valid.y is None:
        raise DataError(
            "recipe: found no validation rows, expected some: every step is judged by them; give valid 0.2."
        )
    if time_limit is not None and not time_limit > 0:
        raise UsageError(f"time_limit: found {time_limit}, expected more than 0 seconds.")
    if trials < 1:
        raise UsageError(f"trials: found {trials}, expected at least 1.")
    if workers is not None and workers < 1:
        raise UsageError(f"workers: found {workers}, expected at least 1.")


def kept(folder: Path, gate: Gate) -> None:
    """Write the best model so far; that of the first plan once more beside it, for the step that compares with it."""
    if gate.served is None:
        return
    if gate.step == "skeleton":
        write_served(folder / DEFAULT_NAME, gate.served)
    write_served(folder, gate.served)

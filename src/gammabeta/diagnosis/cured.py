"""The run that a treatment gives, as a case of its own: what it shows was hidden by what the treatment cures."""

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.forks import Branch
from gammabeta.errors import GammabetaError
from gammabeta.train import run
from gammabeta.train.fit import met, steps_in


def cured_run(case: Case, branch: Branch) -> Case | None:
    """The branch trained to its end; None where a fork of it was shorter than that, or where it does not train."""
    plan = met(branch.plan, branch.train)
    whole = steps_in(plan, branch.train.rows) * plan.epochs
    # batches of another size come to as many steps, up to a part of one in every epoch
    if branch.steps < case.steps or whole > branch.steps + plan.epochs:
        return None
    try:
        made = run(plan, branch.train, branch.valid, start=branch.start)
        params, stats = made.finished(branch.train)
    except GammabetaError:
        return None
    return Case(plan, branch.train, branch.valid, made.history, params, stats, None, case.schema, branch.start)

"""From an estimator's parameters to a plan."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from gammabeta.errors import PlanError, UsageError
from gammabeta.plan import EarlyStopping, Plan, advise, change

PLACES = {
    "hidden": "network.hidden",
    "activation": "network.activation",
    "normalization": "network.normalization",
    "dropout": "network.dropout",
    "optimizer": "optimizer",
    "learning_rate": "optimizer.learning_rate",
    "weight_decay": "optimizer.weight_decay",
    "batch_size": "batch_size",
    "epochs": "epochs",
    "class_weight": "class_weights",
    "random_state": "seed",
}
"""Parameter -> where it stands in a plan, in the order in which they are set."""


def planned(estimator: Any, task: str, rows: int, class_weight: Any = None) -> Plan:
    """The estimator's plan, or else the advised one, with every parameter that is not None set in it.

    class_weight: the classifier's, its classes by their names

    Raises UsageError or PlanError, naming the parameter, where one is impossible.
    """
    given = estimator.plan
    if given is not None and not isinstance(given, Plan):
        raise UsageError(f"{place(estimator, 'plan')}: expected a gammabeta Plan, or None for the advised one.")
    plan = advise(task, rows) if given is None else given
    plan = plan.replace(early_stopping=early_stopping(estimator, plan))
    own = {"class_weight": class_weight, "random_state": seed_of(estimator, plan)}
    values = {name: own[name] if name in own else getattr(estimator, name) for name in PLACES}
    return changed(estimator, plan, {name: native(value) for name, value in values.items() if value is not None})


def changed(estimator: Any, plan: Plan, values: Mapping[str, Any]) -> Plan:
    """The plan with the values of some parameters; False stands for a part that is left out.

    All at once, for two may be possible where one of them alone is not. Raises PlanError that names the first
    parameter with which they no longer are.
    """
    changes = [(PLACES[name], None if value is False else value) for name, value in values.items()]
    try:
        return change(plan, dict(changes))
    except PlanError as error:
        first = next(n for n in range(len(changes)) if impossible(plan, dict(changes[: n + 1])))
        raise PlanError(f"{place(estimator, list(values)[first])}: {error}") from None


def impossible(plan: Plan, changes: Mapping[str, Any]) -> bool:
    try:
        change(plan, changes)
    except PlanError:
        return True
    return False


def early_stopping(estimator: Any, plan: Plan) -> EarlyStopping | None:
    """None: as the plan has it; True or False: on or off; or how."""
    asked = estimator.early_stopping
    if asked is None:
        return plan.early_stopping
    if isinstance(asked, EarlyStopping):
        return asked
    if isinstance(asked, bool | np.bool):
        return (plan.early_stopping or EarlyStopping()) if asked else None
    expected = "True, False, an EarlyStopping such as EarlyStopping(patience=20), or None for the plan's own"
    raise UsageError(f"{place(estimator, 'early_stopping')}: expected {expected}.")


def seed_of(estimator: Any, plan: Plan) -> Any:
    """The seed asked for; None draws one, unless a plan brings its own."""
    state = estimator.random_state
    if isinstance(state, int | np.integer) and not isinstance(state, bool):
        return int(state)
    if state is None and estimator.plan is not None:
        return plan.seed
    return int(check_random_state(state).randint(2**32, dtype=np.uint32))


def native(value: Any) -> Any:
    """NumPy's numbers and arrays, which parameter grids are made of, as Python's own."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(map(native, value)) if type(value) in (list, tuple) else value


def place(estimator: Any, name: str) -> str:
    """``NetworkClassifier(dropout=2)``: where a parameter was typed."""
    return f"{type(estimator).__name__}({name}={getattr(estimator, name)!r})"

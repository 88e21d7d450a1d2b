"""Changes of one thing, that several rules share."""

from collections.abc import Mapping
from typing import Any

from gammabeta.diagnose.suspicion import Treatment
from gammabeta.nn import BatchNorm, Flatten, Sequential
from gammabeta.plan import Plan, change


def learning_rate_times(factor: float) -> Treatment:
    """The learning rate multiplied."""
    words = f"the learning rate {f'x {factor:g}' if factor > 1 else f'/ {1 / factor:g}'}"

    def changed(plan: Plan) -> Plan:
        rate = plan.optimizer.learning_rate * factor
        return plan.replace(optimizer=plan.optimizer.replace(learning_rate=rate))

    return Treatment(words, changed)


def setting(says: str, **changes: Any) -> Treatment:
    """Some values of the plan replaced, ``__`` for a dot: ``setting("no L2", l2=None)``."""
    named: Mapping[str, Any] = {name.replace("__", "."): value for name, value in changes.items()}
    return Treatment(says, lambda plan: change(plan, named))


def batch_norm_first() -> Treatment:
    """Batch norm in front of everything, which scales the inputs by itself."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        start = 1 if isinstance(layers.layers[0], Flatten) else 0
        return plan.replace(network=Sequential((*layers.layers[:start], BatchNorm(), *layers.layers[start:])))

    return Treatment("batch norm in front of the first layer", changed)

"""Change a plan by dotted names: ``optimizer.learning_rate=0.01``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any

from gammabeta.errors import PlanError, UsageError, nearest
from gammabeta.nn import Architecture, Layer
from gammabeta.plan.plan import Plan
from gammabeta.serial import Description, fields, from_json, kind_name, notes, to_json, unknown, value_from_json


def change(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """The plan with some values replaced, addressed as in its JSON form.

    >>> change(plan, {"optimizer": "momentum", "optimizer.learning_rate": 0.05, "network.hidden": [64, 64]})

    Raises PlanError naming an unknown key, with the nearest legal one, or an impossible value, with its range.
    """
    data = to_json(plan, code=True)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = data
        for index, name in enumerate(parents):
            node = entered(node, name, ".".join(["plan", *parents[:index]]))
        place = ".".join(["plan", *parents])
        if isinstance(node, list):
            node[position(node, last, place)] = value
        elif isinstance(node, dict):
            if "type" in node:
                refuse_unknown(Description.kinds[node["type"]], last, place)
            node[last] = value
        else:
            raise PlanError(f'{place}: {node!r} has no part "{last}"; set {".".join(parents)} itself.')
    # only now: two changes may be possible together and neither alone
    changed: Plan = from_json(data, expected=Plan)
    return changed


def entered(node: Any, name: str, place: str) -> Any:
    """The part of ``node`` called ``name``, written out, so that its parts can be set; null becomes its default."""
    if isinstance(node, list):
        index = position(node, name, place)
        if not isinstance(node[index], dict) or "type" in node[index]:
            node[index] = to_json(value_from_json(Description, node[index], f"{place}.{name}"), code=True)
        return node[index]
    if not isinstance(node, dict):
        raise PlanError(f'{place}: {node!r} has no part "{name}".')
    if "type" not in node:
        if name not in node:
            raise PlanError(f'{place}: unknown key "{name}"; {nearest(name, node)}')
        return node[name]
    kind = Description.kinds[node["type"]]
    refuse_unknown(kind, name, place)
    hint = fields(kind)[name]
    if node[name] is None:
        options = getattr(notes(hint)[0], "__args__", ())
        described = [option for option in options if isinstance(option, type) and issubclass(option, Description)]
        if described:
            node[name] = {}
    node[name] = to_json(value_from_json(hint, node[name], f"{place}.{name}"), code=True)
    return node[name]


def refuse_unknown(kind: type[Description], name: str, place: str) -> None:
    """Raise PlanError for a name that ``kind`` does not have; one of an architecture is told where it went."""
    architectures = [other for other in Description.kinds.values() if issubclass(other, Architecture)]
    if issubclass(kind, Layer) and name not in fields(kind):
        homes = [kind_name(other) for other in architectures if is_dataclass(other) and name in fields(other)]
        if homes:
            raise PlanError(
                f'{place}: this network is written out as layers and has no "{name}" any more; set '
                f"{place.removeprefix('plan.')}={' or '.join(sorted(homes))} first, or change its layers one by one."
            )
    unknown(kind, {name: None}, place)


def position(items: list[Any], name: str, place: str) -> int:
    """``name`` as an index into ``items``."""
    if not name.isdigit() or int(name) >= len(items):
        raise PlanError(f'{place}: "{name}" is no position; expected 0 to {len(items) - 1}.')
    return int(name)


def parsed(settings: Iterable[str]) -> dict[str, Any]:
    """``["epochs=5", "optimizer=adam"]`` as a mapping; values are JSON, or a text where they are not.

    Raises UsageError where there is no "=".
    """
    changes = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            hint = "." if path in fields(Plan) else f"; {nearest(path, fields(Plan))}"
            raise UsageError(f'--set {setting}: expected KEY=VALUE, such as "epochs=20"{hint}')
        changes[path.strip()] = value_of(text.strip())
    return changes


def value_of(text: str) -> Any:
    if text.lower() in ("none", "null"):
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

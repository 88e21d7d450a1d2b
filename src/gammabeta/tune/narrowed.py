"""A space of one's own: ranges that are narrowed, replaced, added or taken out."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gammabeta.errors import FileError, PlanError, UsageError, nearest
from gammabeta.plan import Plan, change
from gammabeta.serial import to_json
from gammabeta.tune.space import Dimension, Space, ready, without

SCALES = ("log", "linear", "choice")
FORM = (
    'expected [low, high], {"log": [low, high]}, {"linear": [low, high]}, {"choice": [...]}, or false to leave it as '
    "the plan has it"
)


def read_space(path: str | Path, plan: Plan) -> Space:
    """The ready space of ``plan``, narrowed by a file in TOML or JSON.

    Raises FileError where it cannot be read, UsageError where it names an unknown field or an impossible range.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise FileError(f"{path}: {reason}, expected a search space in TOML or JSON.") from None
    try:
        wanted: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise UsageError(f"{path}: not valid {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}.") from None
    if not isinstance(wanted, dict):
        raise UsageError(f"{path}: found {type(wanted).__name__}, expected names of fields with their ranges.")
    return narrowed(ready(plan), plan, wanted, str(path))


def narrowed(space: Space, plan: Plan, wanted: Mapping[str, Any], place: str = "space") -> Space:
    """``space`` with the ranges of ``wanted``.

    wanted: field -> ``[low, high]``, ``{"log": [low, high]}``, ``{"linear": [low, high]}``, a list of choices, or false
        to take it out of the search; "network.hidden" also has a "length": [from, to]. "only": true leaves out all
        others. A field is named as in a plan, or by its key where it is to be that of one optimizer, schedule or loss

    >>> narrowed(ready(plan), plan, {"optimizer.learning_rate": {"log": [1e-3, 1e-2]}, "network.dropout": False})

    Raises UsageError for an unknown field and for a range outside the legal one.
    """
    wanted = dict(wanted)
    only = wanted.pop("only", False)
    if not isinstance(only, bool):
        raise UsageError(f"{place}: only: found {only!r}, expected true or false.")
    named: set[str] = set()
    for name, value in flat(wanted):
        keys = [d.key for d in space.dimensions if name in (d.key, d.name) and d.part != "length"]
        where = f"{place}: {name}"
        if not keys:
            space = Space((*space.dimensions, added(space, plan, name, value, place)))
            keys = [name]
        named |= {*keys, *(f"{key}.length" for key in keys)}
        for key in keys:
            space = changed(space, plan, key, value, where)
    if only:
        for dimension in space.dimensions:
            if dimension.key not in named and any(d.key == dimension.key for d in space.dimensions):
                space = without(space, dimension.key)
    if not space.dimensions:
        raise UsageError(f"{place}: nothing is left to search; name at least one field with a range.")
    return space


def flat(wanted: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Fields by their dotted names: TOML nests ``optimizer.learning_rate = ...``."""
    for name, value in wanted.items():
        if isinstance(value, Mapping) and not {*value} & {*SCALES, "length"}:
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def changed(space: Space, plan: Plan, key: str, value: Any, where: str) -> Space:
    """The space with one dimension narrowed or taken out."""
    old = next(d for d in space.dimensions if d.key == key)
    if value is False:
        return without(space, key)
    scale, values, length = read_range(value, old, where)
    new = {key: refused(replace(old, scale=scale, values=values), space, plan, where)}
    if length is not None:
        if old.part != "items":
            raise UsageError(f"{where}: length: it holds one value, expected no length; leave it out.")
        part = next(d for d in space.dimensions if d.key == f"{key}.length")
        new[part.key] = started(replace(part, values=length))
    if old.scale == "choice":
        # what depends on a choice goes with it
        for gone in {*old.values} - {*values}:
            space = Space(tuple(d for d in space.dimensions if (key, gone) not in d.when))
    return Space(tuple(new.get(d.key, d) for d in space.dimensions))


def read_range(value: Any, old: Dimension, where: str) -> tuple[Any, tuple[Any, ...], tuple[int, int] | None]:
    """(scale, values, length) from what was written."""
    length = None
    scale: Any = old.scale
    if isinstance(value, Mapping):
        unknown = {*value} - {*SCALES, "length"}
        given = [name for name in SCALES if name in value]
        if unknown or len(given) > 1:
            raise UsageError(f"{where}: found {json.dumps(dict(value))}; {FORM}.")
        length = value.get("length")
        scale = given[0] if given else old.scale
        value = value[scale] if given else list(old.values)
    if not isinstance(value, list | tuple) or not value or (scale != "choice" and len(value) != 2):
        raise UsageError(f"{where}: found {json.dumps(value)}; {FORM}.")
    if scale != "choice":
        numbers = [item for item in value if isinstance(item, int | float) and not isinstance(item, bool)]
        if len(numbers) < 2 or not value[0] < value[1] or (scale == "log" and value[0] <= 0):
            least = "two numbers above 0" if scale == "log" else "two numbers"
            raise UsageError(f"{where}: found {json.dumps(value)}, expected {least}, the lower one first.")
    if length is not None and not (
        isinstance(length, list | tuple) and len(length) == 2 and all(type(n) is int for n in length)
    ):
        raise UsageError(f"{where}: length: found {json.dumps(length)}, expected two whole numbers, such as [1, 3].")
    if length is not None and not 1 <= length[0] <= length[1]:
        raise UsageError(f"{where}: length: found {json.dumps(length)}, expected [from, to] with 1 <= from <= to.")
    return scale, tuple(None if item == "none" else item for item in value), (length[0], length[1]) if length else None


def refused(dimension: Dimension, space: Space, plan: Plan, where: str) -> Dimension:
    """The dimension, started inside its range; UsageError where the plan would refuse a value."""
    kinds = {d.name: value for key, value in dimension.when for d in space.dimensions if d.key == key}
    for value in dimension.values:
        try:
            change(plan, {**kinds, dimension.name: [value] if dimension.part == "items" else value})
        except PlanError as error:
            legal = f" The legal range is {dimension.legal}." if dimension.legal not in str(error) else ""
            raise UsageError(f"{where}: {error}{legal}") from None
    return started(dimension)


def started(dimension: Dimension) -> Dimension:
    """The dimension with its start inside the range; a choice that is not there any more is no start."""
    if not dimension.start or dimension.start[0] in dimension:
        return dimension
    if dimension.scale == "choice" or not isinstance(dimension.start[0], int | float):
        return replace(dimension, start=())
    low, high = dimension.values
    return replace(dimension, start=(min(max(dimension.start[0], low), high),))


def added(space: Space, plan: Plan, name: str, value: Any, place: str) -> Dimension:
    """A dimension for a field of the plan whose declaration says nothing of a search."""
    node: Any = to_json(plan)
    for part in name.split("."):
        if not isinstance(node, dict) or part not in node or part == "type":
            raise UsageError(f"{place}: unknown field {json.dumps(name)}; {known(space, name)}")
        node = node[part]
    numbers = isinstance(value, list) and len(value) == 2 and all(type(item) in (int, float) for item in value)
    start = (node,) if isinstance(node, int | float | str | None) else ()
    scale: Any = "linear" if numbers and type(node) in (int, float) else "choice"
    return Dimension(name, name, scale, tuple(value) if isinstance(value, list) else (), start=start)


def known(space: Space, name: str) -> str:
    """The nearest field that is searched, with its legal range."""
    hint = nearest(name, dict.fromkeys(d.name for d in space.dimensions))
    near = next((d for d in space.dimensions if f'"{d.name}"' in hint), None)
    if near is None:
        return hint
    ends = ", ".join(map(str, near.values)) if near.scale == "choice" else f"{near.values[0]:g} to {near.values[1]:g}"
    legal = f"legal is {near.legal}, " if near.legal else ""
    return f"{hint} There {legal}searched is {ends}."

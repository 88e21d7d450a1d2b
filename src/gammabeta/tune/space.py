"""What a search varies, and within which ranges: collected from where the fields are declared."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from gammabeta.plan import Plan, change
from gammabeta.serial import Description, Search, Within, concrete, fields, kind_name, notes

NEAR = 4
"""A batch of a sixteenth of the rows makes an epoch sixteen times as long: sizes up to this factor away are tried."""

Params = Mapping[str, Any]
"""What was drawn: a value for the key of every dimension that applies."""


@dataclass(frozen=True)
class Dimension:
    """One thing that a search varies.

    key: its name in the search, unique: "optimizer.adam_w.learning_rate"
    name: where it stands in a plan, as ``--set`` takes it: "optimizer.learning_rate"
    scale, values: of "log" and "linear" the two ends, whole numbers where both are; of "choice" what is chosen from,
        descriptions by their names
    part: of a field that holds several numbers, the "items" or how many of them, its "length"
    growth: of "items", what each is over the one before it
    when: the choices under which it exists, all of (key, value)
    start: its value in the plan that the search starts from, brought into the range; () where it has none
    legal: the range that the plan itself allows; "" where there is no such range
    """

    key: str
    name: str
    scale: Literal["log", "linear", "choice"]
    values: tuple[Any, ...]
    part: Literal["whole", "items", "length"] = "whole"
    when: tuple[tuple[str, Any], ...] = ()
    start: tuple[Any, ...] = ()
    legal: str = ""
    growth: int = 1

    @property
    def structural(self) -> bool:
        """Whether it decides shapes or branches, and so which program is compiled."""
        return self.scale == "choice" or self.whole

    @property
    def whole(self) -> bool:
        return self.scale != "choice" and all(isinstance(value, int) for value in self.values)

    def applies(self, params: Params) -> bool:
        """Whether it exists beside these choices."""
        return all(key in params and params[key] == value for key, value in self.when)

    def __contains__(self, value: Any) -> bool:
        if self.scale == "choice":
            return value in self.values
        return isinstance(value, int | float) and self.values[0] <= value <= self.values[1]


@dataclass(frozen=True)
class Space:
    """All that a search varies, choices before what depends on them."""

    dimensions: tuple[Dimension, ...]

    @property
    def start(self) -> dict[str, Any]:
        """The plan that the search starts from, as far as the space can say it."""
        found: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.applies(found) and dimension.start:
                found[dimension.key] = dimension.start[0]
        return found

    def planned(self, base: Plan, params: Params) -> Plan:
        """``base`` with what was drawn; what was not drawn stays as it is there."""
        changes: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.key not in params or not dimension.applies(params):
                continue
            value = params[dimension.key]
            if dimension.part == "items":
                count = params[f"{dimension.key}.length"]
                changes[dimension.name] = [value * dimension.growth**index for index in range(count)]
            elif dimension.part == "whole" and dimension.start != (value,):
                # what did not change stays as it was: a kind with fields that nobody varies, a strength of none at all
                changes[dimension.name] = value
        return change(base, changes)

    def to_json(self) -> list[dict[str, Any]]:
        """The dimensions as JSON values, for people and reports."""
        return [
            {
                "key": d.key,
                "name": d.name if d.part != "length" else f"{d.name}.length",
                "scale": d.scale,
                "values": list(d.values),
                "when": [list(pair) for pair in d.when],
                "start": list(d.start),
            }
            for d in self.dimensions
        ]


def ready(plan: Plan) -> Space:
    """The space over every field of ``plan`` whose declaration says where a search looks.

    plan: with its network as an architecture; of one that is written out as layers only the rest is varied

    What ``plan`` has itself is always among the choices, and inside the ranges.
    """
    return Space(tuple(walked(plan, "", "", ())))


def walked(value: Description, place: str, keys: str, when: tuple[tuple[str, Any], ...]) -> Iterator[Dimension]:
    """The dimensions of a description and of those inside it."""
    for name, hint in fields(type(value)).items():
        current, path, key = getattr(value, name), f"{place}{name}", f"{keys}{name}"
        note = note_of(hint, Search)
        if note is None or starts_with_norm(value, name):
            if isinstance(current, Description):
                yield from walked(current, f"{path}.", f"{key}.", when)
            continue
        if not described(hint):
            yield from plain(note, hint, key, path, current, when)
            continue
        kinds = [kind for kind in note.values if suits(kind, current)]
        now = None if current is None else kind_name(type(current))
        kinds = kinds if now in kinds else [now, *kinds]
        varied = len(kinds) > 1
        if varied:
            yield Dimension(key, path, "choice", tuple(kinds), when=when, start=(now,))
        for kind in kinds:
            if kind is not None:
                inner = current if kind == now else Description.kinds[kind]()
                if varied:
                    yield from walked(inner, f"{path}.", f"{key}.{kind}.", (*when, (key, kind)))
                else:
                    yield from walked(inner, f"{path}.", f"{key}.", when)


def plain(
    note: Search, hint: Any, key: str, path: str, current: Any, when: tuple[tuple[str, Any], ...]
) -> Iterator[Dimension]:
    """The dimension of a number or a name; of a field of several numbers the two."""
    legal, values = legal_range(hint), note.values
    if note.length is not None:
        wanted = [current[0] * note.growth**index for index in range(len(current))] if current else []
        even = bool(wanted) and list(current) == wanted
        items = with_value(values, current[0]) if even else values
        low, high = note.length
        ends = (min(low, len(current)), max(high, len(current))) if even else note.length
        yield Dimension(key, path, "choice", items, "items", when, (current[0],) if even else (), legal, note.growth)
        yield Dimension(f"{key}.length", path, "linear", ends, "length", when, (len(current),) if even else ())
    elif note.scale == "choice":
        if path == "batch_size":
            values = tuple(value for value in values if current / NEAR <= value <= current * NEAR)
        yield Dimension(key, path, "choice", with_value(values, current), when=when, start=(current,), legal=legal)
    else:
        low, high = values
        if current is not None and (note.scale == "linear" or current > 0):
            low, high = min(low, current), max(high, current)
        start = min(max(low if current is None else current, low), high)
        yield Dimension(key, path, note.scale, (low, high), when=when, start=(start,), legal=legal)


def with_value(values: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    """The choices, with one more in front where it is not among them."""
    return values if value in values else (value, *values)


def parts(hint: Any) -> tuple[Any, ...]:
    """The options of a union, or the type itself, without notes."""
    kind, _ = notes(hint)
    options = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    return tuple(notes(option)[0] for option in options)


def note_of(hint: Any, kind: type) -> Any:
    """The first note of a kind on a field, or on one of the types that it may have; None where there is none."""
    inner, extra = notes(hint)
    union = typing.get_origin(inner) in (typing.Union, types.UnionType)
    found = [note for note in extra if isinstance(note, kind)]
    found += [note for option in (typing.get_args(inner) if union else ()) if (note := note_of(option, kind))]
    return found[0] if found else None


def legal_range(hint: Any) -> str:
    """The field's interval, or that of its items."""
    kind, _ = notes(hint)
    within = note_of(typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else hint, Within)
    return within.interval if within else ""


def described(hint: Any) -> bool:
    """Whether a field holds a description."""
    return any(isinstance(part, type) and issubclass(part, Description) for part in parts(hint))


def suits(kind: str | None, current: Any) -> bool:
    """Whether a kind can stand where ``current`` does: a loss must be for the same task, and defaults must do."""
    if kind is None:
        return True
    tasks = getattr(Description.kinds[kind], "tasks", None)
    return kind in concrete(Description.kinds) and (tasks is None or bool({*tasks} & {*type(current).tasks}))


def starts_with_norm(value: Description, name: str) -> bool:
    """Whether the field decides how inputs are scaled: rows are encoded once, for the plan that is started from."""
    return name in ("normalization", "position") and getattr(value, "position", None) == "first"


def without(space: Space, key: str) -> Space:
    """The space without a dimension, and without those that depend on its choice unless it stays what it is."""
    gone = next(d for d in space.dimensions if d.key == key)
    kept = []
    for dimension in space.dimensions:
        pairs = [value for name, value in dimension.when if name == key]
        if dimension.key in (key, f"{key}.length") or (pairs and (pairs[0],) != gone.start):
            continue
        kept.append(replace(dimension, when=tuple(pair for pair in dimension.when if pair[0] != key)))
    return Space(tuple(kept))

"""Descriptions: frozen dataclasses that are validated, hashed, compared, and written as JSON.

A field says everything about itself in its annotation, in one place:

    rate: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.5

``Within`` is the legal range in interval notation and appears word for word in the error message.
``DYNAMIC`` marks what is only a number: :func:`lift` takes such numbers out of the description, so that two
descriptions that differ in them alone are equal, and share one compiled program; :func:`lower` puts them
(or tracers in their place) back. ``Search`` says where a search for better values looks. ``UNWRITTEN`` marks
code, which no file can hold.
"""

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Self, dataclass_transform

from gammabeta.errors import PlanError, nearest

LIFTED = "lifted"


@dataclasses.dataclass(frozen=True)
class Within:
    """A legal range in interval notation: ``Within("[0, 1)")`` holds 0 and not 1; ``inf`` is written out."""

    interval: str

    def __contains__(self, value: float) -> bool:
        low, high = (float(end) for end in self.interval[1:-1].split(","))
        above = value >= low if self.interval[0] == "[" else value > low
        below = value <= high if self.interval[-1] == "]" else value < high
        return above and below


@dataclasses.dataclass(frozen=True, init=False)
class Search:
    """Where a search looks unless told otherwise: inside the legal range, where good values have been found.

    ``Search("log", 1e-4, 1e-1)`` and ``Search("linear", 0, 0.6)`` are ranges, ends included; ``Search("choice", 32,
    64)`` is a list, of descriptions by their names, None for none. length: of a field that holds several numbers, from
    and to how many; the values are for the first of them, and each of the others is ``growth`` times the one before it.
    """

    scale: Literal["log", "linear", "choice"]
    values: tuple[Any, ...]
    length: tuple[int, int] | None
    growth: int

    def __init__(
        self,
        scale: Literal["log", "linear", "choice"],
        *values: Any,
        length: tuple[int, int] | None = None,
        growth: int = 1,
    ) -> None:
        for name, value in (("scale", scale), ("values", values), ("length", length), ("growth", growth)):
            object.__setattr__(self, name, value)


class Dynamic:
    """The mark of a field that is only a number and decides neither shape nor branch."""


DYNAMIC = Dynamic()


class Unwritten:
    """The mark of a field that holds code, with a default that stands for it in every file."""


UNWRITTEN = Unwritten()


@dataclass_transform(frozen_default=True)
class Description:
    """A frozen dataclass of JSON-able fields; subclasses are known to :func:`from_json` by their snake-case name.

    Raises PlanError on construction when a field is of the wrong type or outside its range.
    """

    kinds: typing.ClassVar[dict[str, type["Description"]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        other = Description.kinds.get(kind_name(cls))
        if other is not None and other.__qualname__ != cls.__qualname__:
            raise TypeError(f'{cls.__qualname__} and {other.__qualname__} would both be "{kind_name(cls)}" in a plan.')
        Description.kinds[kind_name(cls)] = cls

    def __post_init__(self) -> None:
        for name, hint in fields(type(self)).items():
            value = checked(hint, getattr(self, name), f"{kind_name(type(self))}.{name}")
            object.__setattr__(self, name, value)

    def replace(self, **changes: Any) -> Self:
        """The same description with some fields changed, validated again."""
        unknown(type(self), changes, kind_name(type(self)))
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


def kind_name(kind: type) -> str:
    """``BatchNorm`` -> ``batch_norm``: the name of a description in JSON."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


FIELDS: dict[type, dict[str, Any]] = {}


def fields(kind: type[Description]) -> dict[str, Any]:
    """Field name -> annotation, in order; the one place where a field is declared."""
    if kind not in FIELDS:
        hints = typing.get_type_hints(kind, include_extras=True)
        FIELDS[kind] = {field.name: hints[field.name] for field in declared(kind)}
    return FIELDS[kind]


def declared(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    """The dataclass fields of a description."""
    return dataclasses.fields(kind)


def notes(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split ``Annotated[T, ...]`` into T and its notes."""
    if typing.get_origin(hint) is typing.Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def is_unwritten(hint: Any) -> bool:
    """Whether a field is left out of files."""
    return any(isinstance(note, Unwritten) for note in notes(hint)[1])


def is_dynamic(hint: Any) -> bool:
    """Whether a field is lifted out of what decides compilation; one that may be null is, where it is a number."""
    kind, extra = notes(hint)
    parts = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ()
    return any(isinstance(note, Dynamic) for note in extra) or any(is_dynamic(part) for part in parts)


def unknown(kind: type[Description], given: Mapping[str, Any], place: str) -> None:
    """Refuse keys that the description does not have, naming the nearest that it has."""
    for name in given:
        if name not in fields(kind):
            raise PlanError(f'{place}: unknown key "{name}"; {nearest(name, fields(kind))}')


def checked(hint: Any, value: Any, place: str) -> Any:
    """``value`` as the annotation wants it (int -> float, list -> tuple), or a PlanError naming the place."""
    kind, extra = notes(hint)
    origin = typing.get_origin(kind)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # a NumPy scalar, as parameter grids hold them
    if origin in (typing.Union, types.UnionType):
        return checked_union(kind, value, place)
    if origin is Literal:
        if value not in typing.get_args(kind):
            options = typing.get_args(kind)
            hint = nearest(str(value), [str(option) for option in options])
            near = f"; {hint}" if hint.startswith("did") else "."
            raise PlanError(f"{place}: {value!r} is not one of {', '.join(map(str, options))}{near}")
    elif origin is tuple:
        value = checked_tuple(kind, value, place)
    elif origin is dict:
        if not isinstance(value, Mapping):
            raise PlanError(f"{place}: {value!r} is not a mapping of names to values.")
        of_value = typing.get_args(kind)[1]
        value = {str(k): checked(of_value, v, f"{place}.{k}") for k, v in value.items()}
    elif kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise PlanError(f"{place}: {value!r} is not a finite number.")
        value = float(value)
    elif kind is int:
        fraction = isinstance(value, float) and not value.is_integer()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or fraction:
            raise PlanError(f"{place}: {value!r} is not a whole number.")
        value = int(value)
    elif isinstance(kind, type) and not isinstance(value, kind):
        raise PlanError(f"{place}: {value!r} is not {article(kind)}.")
    for note in extra:
        if isinstance(note, Within) and value not in note:
            raise PlanError(f"{place}: {value} is outside its range {note.interval}.")
    return value


def article(kind: type) -> str:
    """The name of a type as a reader of a plan would call it."""
    names = {str: "a text", bool: "true or false"}
    name = kind_name(kind).replace("_", " ")
    return names.get(kind, f"{'an' if name[0] in 'aeiou' else 'a'} {name}")


def checked_union(kind: Any, value: Any, place: str) -> Any:
    options = typing.get_args(kind)
    if value is None and type(None) in options:
        return None
    failure: PlanError | None = None
    for option in options:
        if option is not type(None):
            try:
                return checked(option, value, place)
            except PlanError as error:
                # the one that went deeper took the value for what it is
                failure = error if failure is None or str(error).startswith(f"{place}.") else failure
    raise failure or PlanError(f"{place}: {value!r} is not allowed here.")


def checked_tuple(kind: Any, value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise PlanError(f"{place}: {value!r} is not a list.")
    of = typing.get_args(kind)
    if len(of) == 2 and of[1] is Ellipsis:
        return tuple(checked(of[0], item, f"{place}.{i}") for i, item in enumerate(value))
    if len(of) != len(value):
        raise PlanError(f"{place}: {value!r} does not have {len(of)} entries.")
    return tuple(checked(o, item, f"{place}.{i}") for i, (o, item) in enumerate(zip(of, value, strict=True)))


def to_json(value: Any, code: bool = False) -> Any:
    """A description as plain JSON values: ``{"type": "dense", "units": 100, ...}``, every field written out.

    code: keep what no file can hold, as it is, for :func:`from_json` in the same process
    """
    if isinstance(value, Description):
        hints = fields(type(value))
        body = {name: to_json(getattr(value, name), code) for name in hints if not is_unwritten(hints[name])}
        kept = {name: getattr(value, name) for name in hints if code and is_unwritten(hints[name])}
        return {"type": kind_name(type(value)), **body, **kept}
    if isinstance(value, (list, tuple)):
        return [to_json(item, code) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item, code) for key, item in value.items()}
    return value


def from_json(data: Any, place: str = "plan", expected: type[Description] = Description) -> Any:
    """The description that :func:`to_json` wrote; builds known descriptions only and runs no other code.

    A bare name stands for a description with its defaults: ``"adam"``. Raises PlanError naming the place, the
    unknown or impossible part, and the nearest legal name.
    """
    if isinstance(data, Mapping):
        return object_from_json(data, place, expected)
    if isinstance(data, str):
        return object_from_json({"type": data}, place, expected)
    raise PlanError(f"{place}: found {data!r}, expected {article(expected)}.")


def object_from_json(data: Mapping[str, Any], place: str, *expected: type[Description]) -> Description:
    legal = {key: kind for key, kind in Description.kinds.items() if issubclass(kind, expected)}
    if "type" not in data and not dataclasses.is_dataclass(expected[0]):
        raise PlanError(f'{place}: the key "type" is missing; legal names: {", ".join(sorted(concrete(legal)))}.')
    name = data.get("type", kind_name(expected[0]))
    if not isinstance(name, str) or name not in legal or not dataclasses.is_dataclass(legal[name]):
        raise PlanError(f'{place}: unknown type "{name}"; {nearest(str(name), concrete(legal))}')
    kind = legal[name]
    given = {key: value for key, value in data.items() if key != "type"}
    unknown(kind, given, place)
    values = {key: value_from_json(fields(kind)[key], value, f"{place}.{key}") for key, value in given.items()}
    missing = [
        field.name
        for field in declared(kind)
        if field.name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise PlanError(f'{place}: the key "{missing[0]}" is missing; a {name} needs it.')
    try:
        return kind(**values)
    except PlanError as error:
        prefix = f"{kind_name(kind)}."
        message = str(error)
        raise PlanError(f"{place}.{message.removeprefix(prefix)}" if message.startswith(prefix) else message) from None


def concrete(kinds: Mapping[str, type[Description]]) -> list[str]:
    """The names among ``kinds`` that can be built."""
    return [name for name, kind in kinds.items() if dataclasses.is_dataclass(kind)]


def value_from_json(hint: Any, value: Any, place: str) -> Any:
    """One field: nested descriptions are built, a bare name becomes the description of that name."""
    kind, _ = notes(hint)
    options = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    described = [option for option in options if isinstance(option, type) and issubclass(option, Description)]
    if described and isinstance(value, str):
        return object_from_json({"type": value}, place, *described)
    if described and isinstance(value, Mapping):
        return object_from_json(value, place, *described)
    listed = next((option for option in options if typing.get_origin(option) is tuple), None)
    if listed and isinstance(value, (list, tuple)):
        of = typing.get_args(listed)[0]
        return tuple(value_from_json(of, item, f"{place}.{i}") for i, item in enumerate(value))
    if typing.get_origin(kind) is dict and isinstance(value, Mapping):
        of = typing.get_args(kind)[1]
        return {key: value_from_json(of, item, f"{place}.{key}") for key, item in value.items()}
    return value


def without_nan(value: Any) -> Any:
    """The value as JSON can say it: numbers that are not finite as null, NumPy's as Python's, tuples as lists."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return without_nan(value.item()) if hasattr(value, "item") else value


def dumps(value: Any) -> str:
    """Indented JSON text with a newline at its end; NaN and infinity are refused."""
    return json.dumps(to_json(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def lift(value: Any, place: str = "") -> tuple[Any, dict[str, float]]:
    """Take the dynamic numbers out: (skeleton that decides compilation, {path: number}).

    >>> lift(Dropout(0.3))[0] == lift(Dropout(0.4))[0]
    True
    """
    numbers: dict[str, float] = {}

    def visit(value: Any, place: str) -> Any:
        if isinstance(value, Description):
            parts = {}
            for name, hint in fields(type(value)).items():
                part = getattr(value, name)
                if is_dynamic(hint) and part is not None:
                    numbers[f"{place}.{name}".lstrip(".")] = part
                    parts[name] = LIFTED
                else:
                    parts[name] = visit(part, f"{place}.{name}")
            return unchecked(type(value), parts)
        if type(value) is tuple:  # one with names is a value of somebody else's
            return tuple(visit(item, f"{place}.{i}") for i, item in enumerate(value))
        return value

    return visit(value, place), numbers


def lower(skeleton: Any, numbers: Mapping[str, Any], place: str = "") -> Any:
    """Put numbers, or the tracers that stand for them, back where :func:`lift` took them from."""
    if isinstance(skeleton, Description):
        parts = {}
        for name in fields(type(skeleton)):
            part = getattr(skeleton, name)
            path = f"{place}.{name}"
            parts[name] = numbers[path.lstrip(".")] if part is LIFTED else lower(part, numbers, path)
        return unchecked(type(skeleton), parts)
    if type(skeleton) is tuple:
        return tuple(lower(item, numbers, f"{place}.{i}") for i, item in enumerate(skeleton))
    return skeleton


def unchecked(kind: type[Description], parts: Mapping[str, Any]) -> Description:
    """A description built without validation: its fields may hold tracers."""
    made = object.__new__(kind)
    for name, part in parts.items():
        object.__setattr__(made, name, part)
    return made

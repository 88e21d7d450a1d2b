"""A plan as one would type it: in Python, as a plan file, and for the command line."""

import dataclasses
import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from gammabeta.nn import Sequential, Wrapper
from gammabeta.plan import Plan
from gammabeta.serial import Description, declared, kind_name


def plan_in_python(plan: Plan) -> str:
    pairs = "".join(f"    {name}={indented(in_python(part), 4)},\n" for name, part in said(plan).items())
    return f"import gammabeta as gb\n\nplan = gb.Plan(\n{pairs})"


def plan_in_toml(plan: Plan) -> str:
    """A whole plan file: what is a single value first, then a table for every description."""
    values, tables = [], []
    for name, part in said(plan).items():
        inside = said(part) if isinstance(part, Description) else {}
        if not inside:
            values.append(f"{name} = {in_toml(part)}")
        else:
            kind = [f'type = "{kind_name(type(part))}"']
            tables += ["", f"[{name}]", *kind, *(f"{key} = {in_toml(value)}" for key, value in inside.items())]
    return "\n".join([*values, *tables])


def typed(settings: Iterable[str], shape: tuple[int, ...]) -> str:
    """The command line of an example."""
    data = "data.csv --target y" if len(shape) == 1 else "photos/"
    return f"gammabeta fit {data} " + " ".join(f"--set {shlex.quote(setting)}" for setting in settings)


def in_python(value: Any) -> str:
    """A value as one would type it: what is a default, or filled in from the neighbors, is left out."""
    if isinstance(value, Description):
        hints = declared(type(value))
        texts = []
        for name, part in said(value).items():
            field = next(field for field in hints if field.name == name)
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            text = in_python(part)
            texts.append(text if needed and not field.kw_only else f"{name}={text}")
        return f"gb.{type(value).__name__}({', '.join(texts)})"
    if isinstance(value, tuple):
        one = ", ".join(in_python(item) for item in value)
        if len(one) > 60 and any(isinstance(item, Description) for item in value):
            return "(\n" + "".join(f"    {indented(in_python(item), 4)},\n" for item in value) + ")"
        return f"({one}{',' * (len(value) == 1)})"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def in_toml(value: Any) -> str:
    """A value in a plan file; the bare name of a description stands for its defaults."""
    if isinstance(value, Description):
        shown = said(value)
        name = json.dumps(kind_name(type(value)))
        pairs = [f"type = {name}", *(f"{key} = {in_toml(part)}" for key, part in shown.items())]
        return f"{{ {', '.join(pairs)} }}" if shown else name
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(key)} = {in_toml(part)}' for key, part in value.items())} }}"
    if isinstance(value, tuple):
        if len(value) > 1 and any(isinstance(item, Description) for item in value):
            return "[\n" + "".join(f"  {indented(in_toml(item), 2)},\n" for item in value) + "]"
        return f"[{', '.join(map(in_toml, value))}]"
    return "none" if value is None else json.dumps(value)


def said(value: Description) -> dict[str, Any]:
    """The fields of a description that must be written to get it back."""
    shown = {}
    for field in declared(type(value)):
        part = getattr(value, field.name)
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        standard = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if missing or part != standard:
            shown[field.name] = part
    if isinstance(value, Sequential):
        shown["layers"] = bare(value)
    return shown


def bare(network: Sequential) -> tuple[Any, ...]:
    """The layers without what :class:`Sequential` fills in by itself."""
    layers = network.layers
    for index in range(len(layers)):
        for name in ("bias", "initializer"):
            tried = (*layers[:index], left_open(layers[index], name), *layers[index + 1 :])
            layers = tried if Sequential(tried) == network else layers
    return layers


def left_open(layer: Any, name: str) -> Any:
    """The layer, also one inside a wrapper, without its choice of ``name``."""
    if isinstance(layer, Wrapper):
        return layer.replace(layer=left_open(layer.layer, name))
    return layer.replace(**{name: None}) if hasattr(layer, name) else layer


def indented(text: str, by: int) -> str:
    """All lines but the first moved to the right."""
    return text.replace("\n", "\n" + " " * by)

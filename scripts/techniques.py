"""Writes docs/techniques/: a page for every technique, from docstrings, fields and docs/techniques/techniques.toml.

    python scripts/techniques.py

What a page says of formula, range and default stands in the code. By hand are only the rows of the catalogue and the
sentences on when to use a technique and when not, all in the one TOML file. A test holds the pages against the code.
"""

import dataclasses
import importlib
import inspect
import json
import re
import sys
import tomllib
import types
import typing
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from docstrings import told
from typed_plans import in_toml, plan_in_python, plan_in_toml, typed

from gammabeta.lab import catalogue
from gammabeta.nn import Architecture, Mlp
from gammabeta.plan import Combined, EarlyStopping, Plan, change
from gammabeta.plan.advise import LOSSES
from gammabeta.plan.change import parsed
from gammabeta.serial import Description, Within, article, declared, fields, is_dynamic, kind_name, notes
from gammabeta.train.step import Program

FOLDER = Path(__file__).parent.parent / "docs" / "techniques"
ROOMS = (
    *("nn", "optim", "optim.decay", "plan", "train", "model", "transfer", "data", "moments", "recipe", "tune"),
    *("diagnosis", "diagnosis.measures"),
)
COMPILED = {*fields(Program), "batch_size", "devices", "input_shape"}
"""The fields of a plan that decide the compiled step: those of its program, and shapes."""

LAB = "../lab/README.md"
"""The lab's page, which has an anchor for each claim: c1."""

WRITTEN = "<!-- Written by scripts/techniques.py from the docstrings and techniques.toml: change those. -->\n\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Technique:
    """One page, as the TOML file describes it.

    page: its file, without ending; of: the public classes and functions that it is
    fields: what it is, as "Plan.l2", where it is less than a class
    set: examples, each a list of ``--set`` texts; task, shape: of the data that they are shown with
    command, python: examples where there is nothing to set; always: what to say where it is always on
    formula, source: where no docstring has them
    """

    page: str
    title: str
    of: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    set: tuple[tuple[str, ...], ...] = ()
    task: str = "multiclass"
    shape: tuple[int, ...] = (5,)
    command: tuple[str, ...] = ()
    python: str = ""
    always: str = ""
    when: str
    when_not: str
    formula: str = ""
    source: str = ""


class Row(NamedTuple):
    """One row of the catalogue: the pages that it leads to, with "/" in them those of another folder."""

    id: str
    title: str
    pages: tuple[str, ...]


@cache
def read(path: Path = FOLDER / "techniques.toml") -> tuple[tuple[Technique, ...], tuple[Row, ...], tuple[str, ...]]:
    """(techniques, rows of the catalogue, public names that are no technique)."""
    data = tomllib.loads(path.read_text("utf-8"))
    techniques = tuple(Technique(**{key: frozen(value) for key, value in one.items()}) for one in data["technique"])
    known = {technique.page for technique in techniques}
    rows = []
    for group in data["group"]:
        for id, title, *pages in group["rows"]:
            pages = pages or shown_by(id) or ["nothing"]
            if unknown := [page for page in pages if "/" not in page and page not in known]:
                raise ValueError(f"techniques.toml: row {id} leads to {unknown[0]}, which is no page.")
            rows.append(Row(f"{group['name']}\n{id}", title, tuple(pages)))
    return techniques, tuple(rows), tuple(data["no_technique"])


def frozen(value: Any) -> Any:
    return tuple(frozen(item) for item in value) if isinstance(value, list) else value


# ---- what the code says


@cache
def found(name: str) -> Any:
    """The public object of a name."""
    for room in ROOMS:
        thing = getattr(importlib.import_module(f"gammabeta.{room}"), name, None)
        if thing is not None and not inspect.ismodule(thing):
            return thing
    raise ValueError(f"techniques.toml: gammabeta has no {name}.")


def page_of(name: str) -> str:
    """The page of a public class or function, "" where it has none."""
    return next((one.page for one in read()[0] if name in one.of), "")


def parts(technique: Technique) -> list[tuple[Any, list[str]]]:
    """(class or function, the names of it to show) for all that a technique is made of."""
    chosen: dict[str, list[str]] = {}
    for name in technique.fields:
        owner, _, field = name.partition(".")
        chosen.setdefault(owner, []).append(field)
    whole = {name: names_of(found(name)) for name in technique.of if name not in chosen}
    return [(found(name), names) for name, names in {**chosen, **whole}.items()]


def names_of(thing: Any) -> list[str]:
    """All fields of a class, or all arguments of a function."""
    if isinstance(thing, type):
        return [field.name for field in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
    return list(inspect.signature(thing).parameters)


# ---- how the code is shown


def table(thing: Any, names: list[str]) -> str:
    """Fields or arguments: default, legal values, whether another value compiles anew, meaning."""
    of_field = told(thing, names_of(thing), page_of).of_field
    if not isinstance(thing, type) or not issubclass(thing, Description):
        rows = [f"| `{name}` | {cell(of_field[name])} |" for name in names if name in of_field]
        return "\n".join(["| argument | meaning |", "|---|---|", *rows] if rows else [])
    lines = ["| field | default | legal | recompiles | meaning |", "|---|---|---|---|---|"]
    defaults = {field.name: field for field in declared(thing)}
    for name in names:
        hint = fields(thing)[name]
        shown = [f"`{name}`", default(defaults[name]), legal(hint), recompiles(thing, name)]
        lines.append(f"| {' | '.join(map(cell, [*shown, of_field.get(name, '')]))} |")
    return "\n".join(lines)


def recompiles(kind: type[Description], name: str) -> str:
    """Whether another value of a field makes another program of the training step."""
    if is_dynamic(fields(kind)[name]) or kind in (Combined, EarlyStopping) or (kind is Plan and name not in COMPILED):
        return "no"
    return "no, above 0" if issubclass(kind, Architecture) and name == "dropout" else "yes"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{json.dumps(field.default_factory())}`"
    return "required" if field.default is dataclasses.MISSING else f"`{in_toml(field.default)}`"


def legal(hint: Any) -> str:
    """The values that a field may have, in words."""
    kind, extra = notes(hint)
    within = next((note.interval for note in extra if isinstance(note, Within)), "")
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if part is types.NoneType else legal(part) for part in arguments)
    if origin is typing.Literal:
        return ", ".join(f"`{json.dumps(option)}`" for option in arguments)
    if origin is tuple:
        return f"list: {legal(arguments[0])}" if arguments[1:] == (...,) else f"[{', '.join(map(legal, arguments))}]"
    if origin is dict:
        return f"names to values: {legal(arguments[1])}"
    if kind in (int, float):
        return (
            f"{'whole number' if kind is int else 'number'} in `{within}`"
            if within
            else f"a {'whole' if kind is int else 'finite'} number"
        )
    return article(kind)


def base(task: str) -> Plan:
    """The plan that examples change."""
    return Plan(network=Mlp(), loss=LOSSES[task])


# ---- pages


def page(technique: Technique) -> str:
    """A technique's page."""
    ids = [row.id.partition("\n")[2] for row in read()[1] if technique.page in row.pages]
    lines = [f"# {technique.title}", " ".join(["[Catalogue](README.md)", ", ".join(filter(None, ids))]).strip()]
    lines += [f"**When:** {technique.when}", f"**When not:** {technique.when_not}", "## What it is"]
    lines += [code("text", [technique.formula])] if technique.formula else []
    source = technique.source
    for thing, names in parts(technique):
        about = told(thing, names_of(thing), page_of)
        source = source or about.source
        if isinstance(thing, type) and issubclass(thing, Description):
            of = f", in plans `{kind_name(thing)}`" if thing is not Plan else ""
            chosen = "" if set(names) == set(names_of(thing)) else f": {', '.join(f'`{name}`' for name in names)}"
            lines.append(f"`gb.{thing.__name__}`{of}{chosen}")
        else:
            lines.append(f"`{home(thing)}.{thing.__name__}{shown_signature(thing)}`")
        whole = set(names) == set(names_of(thing))
        # beside a formula of its own, that of the whole layer would only mislead
        if thing is not Plan and (whole or not technique.formula):
            lines += about.paragraphs if whole else about.paragraphs[:1]
        lines += [shown] if (shown := table(thing, names)) else []
    lines.append("## How to switch it on")
    lines += [technique.always] if technique.always else []
    commands = [*technique.command, *(typed(settings, technique.shape) for settings in technique.set)]
    lines += ["Command line:", code("sh", commands)] if commands else []
    if technique.python:
        lines += ["Python:", code("python", ["import gammabeta as gb", "", technique.python.strip()])]
    if technique.set:
        plan = change(base(technique.task), parsed(technique.set[0]))
        first = ", the first with `--set`:" if len(commands) > 1 else ":"
        lines += [f"Python{first}", code("python", [plan_in_python(plan)])]
        lines += ["The same as a plan file, `gammabeta fit ... --plan plan.toml`:", code("toml", [plan_in_toml(plan)])]
    lines += ["## Source", f"{source}."]
    text = WRITTEN + "\n\n".join(lines) + "\n"
    return re.sub(rf"\[(`\w+`)\]\({technique.page}\.md\)", r"\1", text)  # no link to itself


def home(thing: Any) -> str:
    """The room that a class or function is imported from."""
    rooms = (f"gammabeta.{room}" for room in ROOMS)
    return next(room for room in rooms if getattr(importlib.import_module(room), thing.__name__, None) is thing)


def shown_signature(thing: Any) -> str:
    if isinstance(thing, type):
        return ""
    shown = []
    for one in inspect.signature(thing).parameters.values():
        # the text of a function holds its address
        value = "..." if callable(one.default) else repr(one.default)
        name = f"**{one.name}" if one.kind is one.VAR_KEYWORD else one.name
        shown.append(name if one.default is one.empty else f"{name}={value}")
    return f"({', '.join(shown)})"


def code(language: str, lines: Iterable[str]) -> str:
    return f"```{language}\n" + "\n".join(lines) + "\n```"


def contents() -> str:
    """The table of the catalogue."""
    techniques, rows, _ = read()
    lines = [
        "# The catalogue of techniques",
        "A page tells what a technique computes, its numbers, when to use it and when not, how to switch it on, and "
        "who found it. Ranges and defaults come from the code; a test makes the plan of every example.",
        "Where a table says that a field does not recompile, it is only a number: another value of it runs through the "
        "program that is compiled already.",
    ]
    group = ""
    table: list[str] = []
    for row in rows:
        name, _, id = row.id.partition("\n")
        if name != group:
            lines += ["\n".join(table), f"## {name}"] if table else [f"## {name}"]
            group, table = name, ["| | what | page |", "|---|---|---|"]
        table.append(f"| {id} | {row.title} | {', '.join(map(link, row.pages))} |")
    listed = {page for row in rows for page in row.pages}
    rest = [f"- [{one.title}]({one.page}.md)" for one in techniques if one.page not in listed]
    lines += ["\n".join(table), *(["## Besides", "\n".join(rest)] if rest else [])]
    return WRITTEN + "\n\n".join(lines) + "\n"


def link(page: str) -> str:
    """A link to a page by its title; to the lab's by the command that reruns the claim."""
    if "/" not in page:
        title = next(one.title for one in read()[0] if one.page == page)
        return f"[{title}]({page}.md)"
    if page.startswith(LAB):
        claim = page.partition("#")[2].upper()
        name = next(name for name, experiment in catalogue().items() if experiment.claim == claim)
        return f"[`gammabeta lab {name}`]({page})"
    heading = (FOLDER / page).read_text("utf-8").partition("\n")[0]
    return f"[{heading.removeprefix('# ')}]({page})"


def shown_by(claim: str) -> list[str]:
    """Where the lab's page shows a claim that it reruns."""
    return [f"{LAB}#{claim.lower()}" for experiment in catalogue().values() if experiment.claim == claim]


def pages() -> dict[str, str]:
    """File name -> text, for all of docs/techniques."""
    return {"README.md": contents(), **{f"{one.page}.md": page(one) for one in read()[0]}}


def main() -> int:
    """Write what is new, and remove pages that no technique has any more."""
    written = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"{len(written)} files in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Experiments are written as a reader would write them: with what the package hands out, and nothing from inside."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gammabeta

EXPERIMENTS = Path(gammabeta.__file__).parent / "lab" / "experiments"


def handed_out(module: str) -> set[str]:
    """The names that a room hands out: its ``__all__``, or what it defines where it is a single file."""
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):
        return set(found.__all__)
    return {name for name, thing in vars(found).items() if getattr(thing, "__module__", None) == module}


def inside(source: str) -> Iterator[str]:
    """Every import that reaches into a room, and every use of a private name, in words."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (f"import {each.name}" for each in names if each.name.split(".")[0] == "gammabeta")
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "gammabeta":
                if module.startswith("gammabeta.lab."):
                    continue
                deep = module.count(".") > 1
                yield from (f"{module}.{each.name}" for each in names if deep or each.name not in handed_out(module))
            case ast.ImportFrom(level=level) if level:
                yield "a relative import"
            case ast.Attribute(attr=name) if name.startswith("_") and not name.endswith("__"):
                yield name


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_an_experiment_uses_the_public_interface_only(path):
    assert not list(inside(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from gammabeta.train.step import Start", "gammabeta.train.step.Start"),
        ("from gammabeta.nn import wide", "gammabeta.nn.wide"),
        ("from gammabeta.moments import np", "gammabeta.moments.np"),
        ("from gammabeta import moments", "gammabeta.moments"),
        ("import gammabeta.nn.layer", "import gammabeta.nn.layer"),
        ("from ..samples import images", "a relative import"),
        ("plan._hidden", "_hidden"),
    ],
)
def test_what_reaches_inside_is_found(source, found):
    assert list(inside(source)) == [found]


def test_what_is_handed_out_passes():
    assert not list(inside("from gammabeta import Start\nfrom gammabeta.moments import observe\nimport numpy as np"))

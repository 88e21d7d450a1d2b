"""Who may import whom: a module imports its own room and lower floors only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"

FLOORS = [
    {"errors", "types", "compiling"},
    {"serial"},
    {"moments"},
    {"nn", "optim", "data"},
    {"plan"},
    {"train"},
    {"model"},
    {"diagnosis", "tune", "transfer"},
    {"recipe", "lab", "report", "estimators"},
    {"cli"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# The package's own face hands out what lies in every room, and stands on no floor.
FACE = {"__init__", "__main__"}

# What a room leaves outside: reading data must not wait for JAX.
BARRED = {"data": {"jax", "jaxlib", "optax"}}


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module in ``package`` imports, at its top or anywhere inside."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) + 1 - level] if level else []
                origin = ".".join([*above, *([module] if module else [])])
                # `from gammabeta import nn` names a room, `from gammabeta.nn import Dense` a thing in one.
                whole = origin == "gammabeta"
                yield from ((node.lineno, f"{origin}.{alias.name}" if whole else origin) for alias in names)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def trespasses(source: str, module: str) -> list[str]:
    """Each import of ``module`` (``"nn.dense"``, or ``"nn.__init__"``) that its floor forbids, in words."""
    room, *rest = module.split(".")
    package = ".".join(["gammabeta", *([room] if rest else []), *rest[:-1]])
    if room not in FLOOR:
        return [] if module in FACE else [f"{module}: the room {room} stands on no floor"]
    found = []
    for line, name in imports(source, package):
        top, _, inside = name.partition(".")
        other = inside.partition(".")[0]
        if top in BARRED.get(room, ()):
            found.append(f"{module}:{line} imports {top}, which {room} leaves outside")
        elif top != "gammabeta" or other == room or other == "__version__":
            continue
        elif other not in FLOOR:
            found.append(f"{module}:{line} imports {name}, which is in no room")
        elif FLOOR[other] >= FLOOR[room]:
            way = "sideways" if FLOOR[other] == FLOOR[room] else "upward"
            found.append(f"{module}:{line} imports {way}: {room} (floor {FLOOR[room]}) from {other}")
    return found


def test_a_module_imports_its_own_room_and_lower_floors_only() -> None:
    files = sorted((SOURCE / "gammabeta").rglob("*.py"))
    names = [".".join(file.relative_to(SOURCE / "gammabeta").with_suffix("").parts) for file in files]
    found = [
        words for file, name in zip(files, names, strict=True) for words in trespasses(file.read_text("utf-8"), name)
    ]
    assert files
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("nn.dense", "from gammabeta.plan import Plan", "imports upward: nn (floor 3) from plan"),
        ("nn.dense", "from gammabeta import plan", "imports upward: nn (floor 3) from plan"),
        ("nn.dense", "import gammabeta.train.state as state", "imports upward: nn (floor 3) from train"),
        ("nn.dense", "from ..plan import Plan", "imports upward: nn (floor 3) from plan"),
        ("nn.dense", "from .. import plan", "imports upward: nn (floor 3) from plan"),
        ("nn.__init__", "from ..plan import Plan", "imports upward: nn (floor 3) from plan"),
        ("nn.losses.loss", "from ...plan import Plan", "imports upward: nn (floor 3) from plan"),
        ("moments", "from .nn import Dense", "imports upward: moments (floor 2) from nn"),
        ("moments", "import_module('gammabeta.cli')", "imports upward: moments (floor 2) from cli"),
        ("moments", "import importlib; importlib.import_module('gammabeta.nn')", "upward"),
        (
            "train.step",
            "def later():\n    from gammabeta.diagnosis import probe",
            "train.step:2 imports upward",
        ),
        (
            "train.step",
            "if TYPE_CHECKING:\n    from gammabeta.model import Model",
            "train.step:2 imports upward",
        ),
        ("nn.dense", "from gammabeta.data import Schema", "imports sideways: nn (floor 3) from data"),
        ("errors", "from gammabeta import types", "imports sideways: errors (floor 0) from types"),
        ("report.page", "from gammabeta.estimators import NetworkClassifier", "sideways"),
        ("data.schema", "import jax", "imports jax, which data leaves outside"),
        ("data.schema", "def later():\n    from jax import numpy", "data.schema:2 imports jax"),
        ("data.schema", "import jax.numpy as jnp", "imports jax"),
        ("nn.dense", "from gammabeta import Model", "imports gammabeta.Model, which is in no room"),
        ("nn.dense", "import gammabeta", "imports gammabeta, which is in no room"),
        ("attic.box", "", "the room attic stands on no floor"),
        ("utils", "", "the room utils stands on no floor"),
    ],
)
def test_a_trespass_is_found(module: str, source: str, words: str) -> None:
    found = trespasses(source, module)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cli.fit", "from gammabeta import __version__, nn, errors"),
        ("nn.dense", "from gammabeta.nn.layer import Layer\nfrom .layer import Fresh\nfrom . import losses"),
        ("nn.dense", "import jax\nfrom gammabeta.moments import BatchMoments\nfrom ..types import Array"),
        ("data.schema", "import numpy\nimport pyarrow\nimport jaxtyping"),
        ("__init__", "from gammabeta.cli import main\nfrom gammabeta.nn import Dense"),
        ("__main__", "from gammabeta.cli import main"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert trespasses(source, module) == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("gammabeta", {"jax", "optax", "pyarrow", "sklearn", "numpy"}),
        ("gammabeta.cli", {"jax", "optax", "pyarrow", "sklearn"}),
        ("gammabeta.data", {"jax", "optax"}),
    ],
)
def test_an_import_brings_nothing_heavy(module: str, heavy: set[str]) -> None:
    path = SOURCE.joinpath(*module.split("."))
    if not path.with_suffix(".py").exists() and not (path / "__init__.py").exists():
        pytest.skip(f"{module} is not written yet")
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())

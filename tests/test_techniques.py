"""docs/techniques: what the pages show is what the code does, and nothing is missing."""

import json
import re
import shlex

import pytest
import typer
from tests.documented import EXAMPLES, NO_TECHNIQUE, OUTPUTS, ROWS, TECHNIQUES, script
from tests.model.finished import model_for, table

import gammabeta as gb
from gammabeta.cli.app import app
from gammabeta.nn import Architecture, Augmentation, Initializer, Layer, Loss
from gammabeta.optim import Clipping, Optimizer, Schedule
from gammabeta.plan.change import parsed
from gammabeta.serial import Description, concrete, dumps, from_json, kind_name, to_json

COMMANDS = typer.main.get_command(app).commands
KINDS = (Architecture, Augmentation, Layer, Loss, Initializer, Optimizer, Schedule, Clipping)
CATALOGUE = [
    *(f"N{number}" for number in range(1, 17)),
    *(f"O{number}" for number in range(1, 12)),
    *("O8b", "I", "R", "L", "T", "M", "H", "P"),
    *(f"C{number}" for number in range(1, 24)),
]
WRITTEN = script.pages()
every_page = pytest.mark.parametrize("technique", TECHNIQUES, ids=[technique.page for technique in TECHNIQUES])
every_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))


def known(*bases):
    """The names of all kinds of the package that a plan can hold."""
    own = {
        name: kind
        for name, kind in Description.kinds.items()
        if issubclass(kind, bases) and kind.__module__.startswith("gammabeta.")
    }
    return {name: own[name] for name in concrete(own)}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)\n```", WRITTEN[f"{page}.md"], flags=re.DOTALL)


# ---- nothing is missing


def test_the_pages_are_what_the_script_writes_today():
    there = {path.name: path.read_text("utf-8") for path in script.FOLDER.glob("*.md")}
    stale = sorted(name for name in there.keys() | WRITTEN.keys() if there.get(name) != WRITTEN.get(name))
    assert not stale, f"run python scripts/techniques.py: {', '.join(stale)}"


def test_every_kind_of_description_has_a_page_of_its_own():
    without = [name for name, kind in known(*KINDS).items() if not script.page_of(kind.__name__)]
    assert without == []


def test_every_public_name_is_on_a_page_or_said_to_be_no_technique():
    told = {name for one in TECHNIQUES for name in (*one.of, *(field.partition(".")[0] for field in one.fields))}
    assert [name for name in gb.__all__ if name not in told and name not in NO_TECHNIQUE] == []
    assert [name for name in NO_TECHNIQUE if name not in gb.__all__] == []


@pytest.mark.parametrize("number", CATALOGUE)
def test_every_row_of_the_catalogue_is_in_the_table(number):
    lines = [line for line in WRITTEN["README.md"].splitlines() if line.startswith(f"| {number} |")]
    assert lines
    for line in lines:
        assert re.search(r"\| \[[^|]+\]\([^)\s]+\.md(#c\d+)?\) \|$", line), line
        assert ("#c" in line) == number.startswith("C"), line


@pytest.mark.parametrize(
    ("group", "bases"),
    [("N", ()), ("O", (Optimizer, Schedule, Clipping)), ("I", (Initializer,)), ("L", (Loss,)), ("A", (Layer,))],
)
def test_the_rows_of_a_group_lead_to_all_that_belongs_there(group, bases):
    listed = {page for row in ROWS for page in row.pages}
    rows = [row for row in ROWS if row.id.startswith(group) and group in "NOIL"]
    assert all(row.pages for row in rows)
    besides = {"from_optax", "sequential"}
    pages = {script.page_of(kind.__name__) for kind in known(*bases).values()} if bases else set()
    assert pages - listed - besides == set()


LINKS = sorted({target for text in WRITTEN.values() for target in re.findall(r"\]\(([^)\s]+\.md(?:#\w+)?)\)", text)})


@pytest.mark.parametrize("target", LINKS)
def test_every_link_leads_to_a_page_and_to_a_place_on_it(target):
    name, _, place = target.partition("#")
    path = script.FOLDER / name
    assert path.is_file()
    assert not place or re.search(rf'<a (id|name)="{place}">', path.read_text("utf-8"))


# ---- each page says all


@every_page
def test_a_page_says_what_when_when_not_how_and_who(technique):
    text = WRITTEN[f"{technique.page}.md"]
    what, _, rest = text.partition("## What it is\n")[2].partition("## How to switch it on\n")
    how, _, source = rest.partition("## Source\n")
    assert re.search(r" = |<-|~ |N\(|U\(", what), "no formula"
    assert re.search(r"\*\*When:\*\* \w.*\.\n\n\*\*When not:\*\* \w.*\.\n", text)
    assert "```" in how
    assert re.search(r"\b(1[89]|20)\d\d\b", re.sub(r"https?://\S+", "", source)), "no year"
    assert not re.search(r":\w+:`|(?<!`)``(?!`)", text), "left over from a docstring"


@every_page
def test_every_field_on_a_page_has_its_default_and_its_meaning(technique):
    for thing, names in script.parts(technique):
        if isinstance(thing, type) and issubclass(thing, Description):
            lines = WRITTEN[f"{technique.page}.md"].splitlines()
            for name in names:
                rows = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith(f"| `{name}` |")]
                of_fields = [[cell.strip() for cell in row] for row in rows if len(row) == 7]
                assert of_fields, name
                for _, _, default, legal, recompiles, meaning, _ in of_fields:
                    assert default, name
                    assert legal, name
                    assert recompiles in ("yes", "no", "no, above 0"), name
                    assert len(meaning) > 8, name


# ---- what is shown works


def at(data, path):
    for name in path.split("."):
        data = data[int(name)] if isinstance(data, list) else data[name]
    return data


def holds(found, wanted):
    """Whether a part of a plan in JSON is what was set; what was not mentioned may be anything."""
    if isinstance(found, dict) and isinstance(wanted, str):
        return found["type"] == wanted
    if isinstance(found, dict):
        return all(holds(found[key], value) for key, value in wanted.items())
    if isinstance(found, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return found == wanted


@every_page
def test_the_command_lines_are_those_of_the_list(technique):
    shown = [line for block in blocks(technique.page, "sh") for line in block.splitlines()]
    typed = [shlex.split(line) for line in shown]
    fits = [line for line in typed if "--set" in line]
    assert [tuple(line[i + 1] for i, word in enumerate(line) if word == "--set") for line in fits] == [*technique.set]
    for name, command, *arguments in typed:
        assert name == "gammabeta"
        COMMANDS[command].make_context(command, arguments)


@every_example
def test_a_command_line_gives_a_plan_that_holds_it_and_fits_the_data(example):
    advised = gb.advise(example.task, 500, image=len(example.shape) == 3)
    changes = parsed(example.settings)
    plan = gb.change(advised, changes)
    data = to_json(plan)
    for path, value in changes.items():
        if not any(other.startswith(f"{path}.") for other in changes if other != path) or isinstance(value, str):
            assert holds(at(data, path), value), path
    expanded = plan.expanded(example.shape, plan.loss.outputs(OUTPUTS[example.task]))
    assert from_json(json.loads(dumps(expanded))) == expanded


@pytest.mark.parametrize("technique", [one for one in TECHNIQUES if one.set], ids=lambda one: one.page)
def test_python_and_plan_file_give_the_plan_of_the_first_command_line(technique, tmp_path):
    wanted = EXAMPLES[f"{technique.page} 0"].plan
    names: dict[str, object] = {}
    exec(blocks(technique.page, "python")[-1], names)
    assert names["plan"] == wanted
    (tmp_path / "plan.toml").write_text(*blocks(technique.page, "toml"), encoding="utf-8")
    assert gb.read_plan(tmp_path / "plan.toml") == wanted


@pytest.mark.parametrize("technique", [one for one in TECHNIQUES if one.python], ids=lambda one: one.page)
def test_an_example_without_a_switch_runs(technique):
    model = model_for("multiclass")
    rows = gb.as_data(table()[["size", "color", "opened", "sort"]])
    exec(technique.python, {"gb": gb, "model": model, "plan": model.plan, "schema": model.schema, "train": rows})


def test_a_name_in_a_plan_is_the_one_its_page_says():
    for name, kind in known(*KINDS).items():
        page = WRITTEN[f"{script.page_of(kind.__name__)}.md"]
        assert f"`gb.{kind.__name__}`, in plans `{name}`" in page
        assert kind_name(kind) == name

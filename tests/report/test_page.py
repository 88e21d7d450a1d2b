"""The page: one file that asks nobody, escapes all, and stands whatever of a run is there."""

import base64
import hashlib
import json
import re
import shlex
from html import unescape
from html.parser import HTMLParser

import pytest
from tests.model.finished import TASKS
from tests.report.runs import EVIL, line, run_folder

from gammabeta.report.html import Html, tag
from gammabeta.report.page import page
from gammabeta.report.run_folder import Known, known
from gammabeta.report.section import Section
from gammabeta.report.sections import SECTIONS, sections
from gammabeta.report.sections.layers import signals, with_ratio
from gammabeta.report.write import drawn, write_report

OPEN = ("meta", "img", "br", "link")


class Parsed(HTMLParser):
    """What a browser would meet: every tag with its attributes, the texts of styles and scripts; tags must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, name, attrs):
        self.tags.append((name, dict(attrs)))
        if name not in OPEN:
            self.stack.append(name)

    def handle_startendtag(self, name, attrs):
        self.tags.append((name, dict(attrs)))

    def handle_endtag(self, name):
        assert self.stack.pop() == name

    def handle_data(self, data):
        if self.stack and self.stack[-1] in self.inside:
            self.inside[self.stack[-1]].append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("run"))


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(folder):
    found = Parsed(drawn(known(folder)))
    policy = next(a["content"] for name, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"].split() == [hashed(text) for text in found.inside["style"]]
    assert rules["script-src"].split() == [hashed(text) for text in found.inside["script"]]
    assert len(found.inside["script"]) == 1
    assert not [name for name, attributes in found.tags if "style" in attributes]
    assert not [key for _, attributes in found.tags for key in attributes if key.startswith("on")]


@pytest.mark.parametrize("task", list(TASKS))
def test_a_page_of_every_task_asks_nobody_and_is_small(task, tmp_path):
    text = write_report(run_folder(tmp_path / "run", task)).read_text()
    found = Parsed(text)
    assert "http:" not in text
    assert "https:" not in text
    assert len(text.encode()) < 1_000_000
    sources = [attributes["src"] for name, attributes in found.tags if "src" in attributes]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert bool(sources) == (task == "images")
    assert all(attributes["href"].startswith("#") for _, attributes in found.tags if "href" in attributes)
    assert len([name for name, attributes in found.tags if attributes.get("class") == "chart"]) >= 5


def test_what_the_data_say_is_never_markup(folder):
    text = drawn(known(folder))
    assert EVIL not in text
    assert EVIL in Parsed(text).text


def test_ids_are_those_of_the_sections_and_each_is_there_once(folder):
    found = Parsed(drawn(known(folder)))
    ids = [attributes["id"] for name, attributes in found.tags if name == "section"]
    assert ids == [make.__name__ for make in SECTIONS]
    links = [attributes["href"][1:] for name, attributes in found.tags if name == "a"]
    assert set(links) <= set(ids)


def test_a_section_with_nothing_to_say_keeps_its_place_hidden():
    text = page("t", "s", [Section("first", "First", Html("")), Section("second", "Second", tag("p", "here"))])
    found = Parsed(text)
    assert [("hidden" in a) for name, a in found.tags if name == "section"] == [True, False]
    assert "First" not in found.text


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize("epochs", [0, 1, 2, 70])
def test_sections_stand_at_any_length_of_the_run(epochs, valid):
    lines = tuple(line(i + 1, valid) for i in range(epochs))
    for one in (Known("run", history=lines), Known("run", plan={"epochs": 90}, history=lines)):
        found = {section.id: section.html for section in sections(one)}
        assert bool(found["training"]) == (epochs > 0)
        assert bool(found["layers"]) == (epochs > 0)
        assert (">Gap and learning rate<" in found["training"]) == (valid and epochs > 0)
        Parsed(drawn(one))


def test_only_the_sections_that_a_new_epoch_touches_change(folder):
    before = known(folder)
    after = Known(**{**vars(before), "history": (*before.history, line(4))})
    changed = [a.id for a, b in zip(sections(before), sections(after), strict=True) if a != b]
    assert changed == ["verdict", "training", "layers"]


def test_epochs_measured_several_times_are_drawn_over_steps():
    lines = tuple({**line(1), "steps": steps} for steps in (3, 5, 9))
    text = next(one.html for one in sections(Known("run", history=lines)) if one.id == "training")
    assert "best step 9" in text


def test_a_missing_number_is_a_gap_and_no_error():
    broken = line(2)
    broken["train"] = {"loss": None, "accuracy": None}
    broken["signals"] = dict.fromkeys(broken["signals"])
    Parsed(drawn(Known("run", history=(line(1), broken, line(3)))))


def test_signals_of_any_name_find_their_place():
    lines = [
        {"signals": {"layers.0.new_signal": 0.5, "layers.3.0.1.dead": 2.0, "odd": 1.0, "params.0.weight.update": 2.0}}
    ]
    lines[0]["signals"]["params.0.weight.weight"] = 4.0
    found = with_ratio(signals(lines, {"0": "0.dense", "3.0.1": "3.body.1.relu"}))
    places = {(one.room, one.name): one.places for one in found}
    assert places[("layers", "new_signal")] == {"0.dense": [0.5]}
    assert places[("layers", "dead")] == {"3.body.1.relu": [2.0]}
    assert places[("run", "odd")] == {"odd": [1.0]}
    assert places[("params", "ratio")] == {"0.dense weight": [0.5]}


def test_what_cannot_be_read_is_left_out_and_told(folder, tmp_path):
    for name in ("plan.json", "rows.json", "facts.json", "findings.json", "metrics.json"):
        (tmp_path / name).write_text('{"half": ')
    whole = (folder / "history.jsonl").read_text()
    (tmp_path / "history.jsonl").write_text(whole[:-40])
    found = known(tmp_path)
    assert len(found.history) == 2
    assert len(found.missing) == 6
    words = Parsed(drawn(found)).text
    assert "history.jsonl: line 3 is cut off" in words
    assert "facts.json cannot be read" in words


def test_a_plan_of_another_version_is_shown_as_it_is(folder):
    one = known(folder)
    text = drawn(Known(**{**vars(one), "plan": {"type": "plan", "newer": True, "schedule": None}}))
    assert "newer" in Parsed(text).text


def test_of_several_plans_the_first_is_shown_and_how_they_are_combined(folder, tmp_path):
    plan = json.loads((folder / "plan.json").read_text())
    several = {"type": "combined", "members": [plan, plan, plan], "averaged_epochs": 4}
    (tmp_path / "plan.json").write_text(json.dumps(several))
    one = known(tmp_path)
    assert one.plan == plan
    html = next(section.html for section in sections(one) if section.id == "plan")
    assert "the mean of those of 3 networks" in html
    assert "the mean over 4 epochs" in html
    assert "0.dense" in html


def test_the_range_test_is_drawn_where_its_file_lies(folder, tmp_path):
    curve = [{"learning_rate": 10.0 ** (i - 5), "loss": None if i == 4 else 2.0 - 0.3 * i} for i in range(5)]
    one = known(folder)
    more = {"range_test": {"curve": curve, "suggestion": 0.001, "why": "it falls."}}
    html = next(s.html for s in sections(Known(**{**vars(one), "more": more})) if s.id == "range_test")
    assert "Loss while the rate grows" in html
    assert "suggested 0.001" in html


def test_a_range_test_of_another_plan_is_told_of(folder):
    one = known(folder)
    tested = {"curve": [{"learning_rate": 0.1, "loss": 2.0}], "suggestion": None, "plan": dict(one.plan)}
    for changed, there in (({}, False), ({"optimizer": {"type": "sgd"}}, True), ({"batch_size": 7}, True)):
        more = {"range_test": {**tested, "plan": {**one.plan, **changed}}}
        html = next(s.html for s in sections(Known(**{**vars(one), "more": more})) if s.id == "range_test")
        assert ("another plan" in html) == there


def test_what_a_deep_diagnosis_measured_is_drawn_where_its_file_lies(folder):
    one = known(folder)
    body = {"steps": [-1.0, 0.0, 1.0], "losses": [2.0, 0.5, None], "curvature": {"largest": 7.25, "negative": 0.125}}
    more = {"measures": {**body, "noise_scale": None, "shifts": [{"place": EVIL, "relative": 0.5, "cosine": -0.25}]}}
    text = Parsed(drawn(Known(**{**vars(one), "more": more}))).text
    assert "A slice of the loss" in text
    assert "12.5 %" in text
    assert "7.25" in text
    assert "gradient noise scale" not in text
    empty = Known(**{**vars(one), "more": {"measures": {"left_out": {}}}})
    assert not next(section.html for section in sections(empty) if section.id == "measures")


def test_that_all_is_finite_is_drawn_only_where_it_is_not(folder):
    def titles(finite: float) -> str:
        signals = {"step": 7.0, "layers.0.finite": finite, "layers.0.gradient": 0.5, "layers.0.mean_gap": None}
        lines = ({**line(1), "signals": signals},)
        return next(one.html for one in sections(Known("run", history=lines)) if one.id == "layers")

    assert "Finite outputs" not in titles(1.0)
    assert "Finite outputs" in titles(0.0)
    assert "Gradient reaching a layer" in titles(1.0)
    assert "Batch mean" not in titles(1.0)


def test_the_command_that_runs_it_again_is_what_a_shell_reads(folder):
    text = next(one.html for one in sections(known(folder)) if one.id == "plan")
    command = re.search(r"<pre>(gammabeta fit.*?)</pre>", text).group(1)
    words = shlex.split(unescape(command))
    assert words[:3] == ["gammabeta", "fit", f"/tmp/{EVIL}.csv"]
    assert words[words.index("--kind") + 1] == "a b=category"
    assert words[words.index("--test") + 1] == "0.3"
    assert "--valid" not in words
    assert words[words.index("--plan") + 1] == str(folder / "plan.json")


def test_the_same_files_give_the_same_page(folder):
    assert drawn(known(folder)) == drawn(known(folder))


def test_other_json_files_of_the_folder_are_known_by_their_names(folder):
    (folder / "other.json").write_text(json.dumps({"trials": 3}))
    assert known(folder).more == {"other": {"trials": 3}}

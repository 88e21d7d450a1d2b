"""The space: collected from declarations, inside what is legal, narrowed by a file."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.tune.problems import PLAN, numbers_only, rows_of

from gammabeta.errors import FileError, UsageError
from gammabeta.model import suited
from gammabeta.nn import Convnet, Mlp, Sequential, SigmoidCrossEntropy
from gammabeta.plan import Plan, advise, change
from gammabeta.serial import Description, Search, Within, concrete, dumps, fields, lift
from gammabeta.train.step import program_of
from gammabeta.tune import Space, narrowed, read_space, ready
from gammabeta.tune.space import legal_range, note_of

TASKS = ("binary", "multiclass", "multilabel", "regression")
NOTED = [
    (kind, name)
    for kind in (Description.kinds[name] for name in concrete(Description.kinds))
    for name, hint in fields(kind).items()
    if note_of(hint, Search)
]


def drawn(space: Space, random: np.random.Generator) -> dict[str, object]:
    """A value for every dimension that applies, the ends of ranges among them."""
    params: dict[str, object] = {}
    for d in space.dimensions:
        if d.applies(params):
            if d.scale == "choice":
                params[d.key] = d.values[random.integers(len(d.values))]
            elif d.whole:
                params[d.key] = int(random.integers(d.values[0], d.values[1] + 1))
            else:
                low, high = d.values
                share = random.choice([0.0, 1.0, random.random()])
                params[d.key] = float(low * (high / low) ** share) if d.scale == "log" else low + share * (high - low)
                params[d.key] = min(max(params[d.key], low), high)
    return params


def test_the_catalogue_of_what_is_searched_is_in_the_declarations() -> None:
    names = {d.name for task in TASKS for d in ready(advise(task, 2_000)).dimensions}
    assert names == {
        "network.hidden", "network.activation", "network.normalization", "network.position", "network.dropout", "loss",
        "loss.label_smoothing", "optimizer", "optimizer.learning_rate", "optimizer.weight_decay", "schedule",
        "batch_size", "l2",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), NOTED, ids=lambda value: getattr(value, "__name__", value))
def test_every_range_lies_within_what_is_legal(kind: type[Description], name: str) -> None:
    hint = fields(kind)[name]
    note, interval = note_of(hint, Search), legal_range(hint)
    assert note.values
    if interval:
        assert all(value in Within(interval) for value in note.values)
    if note.scale != "choice":
        assert note.values[0] < note.values[1]
        assert note.scale == "linear" or note.values[0] > 0


@given(seed=some.integers(0, 2**32 - 1), task=some.sampled_from(TASKS), rows=some.sampled_from([400, 3_000, 60_000]))
@settings(max_examples=60)
def test_a_plan_drawn_from_the_space_is_legal_and_says_what_was_drawn(seed: int, task: str, rows: int) -> None:
    base = advise(task, rows)
    space = ready(base)
    params = drawn(space, np.random.default_rng(seed))
    plan = space.planned(base, params)
    assert isinstance(plan, Plan)
    assert plan.batch_size == params["batch_size"]
    assert plan.network.hidden == (params["network.hidden"],) * params["network.hidden.length"]
    assert plan.optimizer.learning_rate == params[f"optimizer.{params['optimizer']}.learning_rate"]
    assert task in plan.loss.tasks
    assert {d.key for d in space.dimensions if d.applies(params)} == set(params)


@given(seed=some.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_plans_that_differ_in_numbers_share_a_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    schema, _, _ = rows_of(200)
    base = PLAN.replace(l2=1e-4, loss=SigmoidCrossEntropy(label_smoothing=0.05))
    space = ready(base)
    one = drawn(space, random)
    other = {**drawn(space, random), **{d.key: one[d.key] for d in space.dimensions if d.structural and d.key in one}}
    skeletons = [
        lift(program_of(suited(space.planned(base, params), schema)))[0]
        for params in (one, {key: other.get(key, one[key]) for key in one})
        # a dropout of exactly 0 is no layer
        if params["network.dropout"] > 0
    ]
    assert len(set(skeletons)) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_the_start_of_a_space_is_the_plan_itself(task: str) -> None:
    base = advise(task, 2_000)
    assert ready(base).planned(base, ready(base).start) == base


def test_what_the_plan_has_is_among_the_choices_and_in_the_ranges() -> None:
    base = change(PLAN, {"network.activation": "selu", "optimizer": "nadam", "optimizer.learning_rate": 0.5})
    space = {d.key: d for d in ready(base).dimensions}
    assert space["network.activation"].values[0] == "selu"
    assert space["optimizer"].values[0] == "nadam"
    assert space["optimizer.nadam.learning_rate"].values == (3e-4, 0.5)
    assert space["network.hidden"].values[0] == 4


@pytest.mark.parametrize("channels", [(16, 32, 64), (12, 24), (16,), (16, 20)])
def test_the_catalogue_for_a_convnet_is_in_its_declaration_and_starts_with_the_plan_itself(channels) -> None:
    base = advise("multiclass", 2_000).replace(network=Convnet(channels=channels))
    space = ready(base)
    assert {d.name for d in space.dimensions} == {
        "network.channels", "network.blocks", "network.activation", "network.normalization", "network.position",
        "network.dropout", "loss.label_smoothing", "optimizer", "optimizer.learning_rate", "optimizer.weight_decay",
        "schedule", "batch_size", "l2",
    }  # fmt: skip
    assert space.planned(base, space.start) == base


@given(seed=some.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_each_stage_of_a_drawn_convnet_has_twice_the_channels_of_the_one_before(seed: int) -> None:
    base = advise("multiclass", 2_000).replace(network=Convnet())
    params = drawn(ready(base), np.random.default_rng(seed))
    channels = ready(base).planned(base, params).network.channels
    assert channels[0] == params["network.channels"]
    assert len(channels) == params["network.channels.length"]
    assert all(after == 2 * before for before, after in pairwise(channels))


def test_a_network_of_layers_has_a_space_too() -> None:
    layers = PLAN.replace(network=Mlp().expand((3,), 1))
    assert isinstance(layers.network, Sequential)
    assert not any(d.name.startswith("network") for d in ready(layers).dimensions)


def test_a_network_that_begins_with_batch_norm_keeps_it() -> None:
    base = change(PLAN, {"network.position": "first"})
    assert not {"network.position", "network.normalization"} & {d.name for d in ready(base).dimensions}


def test_a_file_narrows_replaces_adds_and_takes_out(tmp_path) -> None:
    (tmp_path / "space.toml").write_text(
        'batch_size = [32, 64]\nepochs = [3, 9]\nschedule = false\nnetwork.hidden = { length = [1, 2] }\n'
        '[optimizer]\nlearning_rate = { log = [1e-3, 1e-2] }\n[optimizer.adam]\nlearning_rate = [2e-3, 3e-3]\n'
    )  # fmt: skip
    space = read_space(tmp_path / "space.toml", PLAN)
    found = {d.key: d for d in space.dimensions}
    assert found["batch_size"].values == (32, 64)
    assert (found["epochs"].scale, found["epochs"].values, found["epochs"].structural) == ("linear", (3, 9), True)
    assert "schedule" not in found
    assert found["network.hidden.length"].values == (1, 2)
    assert found["optimizer.adam_w.learning_rate"].values == (1e-3, 1e-2)
    assert found["optimizer.adam.learning_rate"].values == (2e-3, 3e-3)
    (tmp_path / "space.json").write_text(json.dumps({"batch_size": [32, 64], "only": True}))
    assert [d.key for d in read_space(tmp_path / "space.json", PLAN).dimensions] == ["batch_size"]


def test_what_depends_on_a_choice_goes_with_it() -> None:
    kept = narrowed(ready(PLAN), PLAN, {"optimizer": ["momentum", "adam_w"]})
    assert {d.key.split(".")[1] for d in kept.dimensions if d.key.startswith("optimizer.")} == {"adam_w", "momentum"}
    fixed = narrowed(ready(PLAN), PLAN, {"optimizer": False})
    assert [d.key for d in fixed.dimensions if d.name == "optimizer.learning_rate"] == [
        "optimizer.adam_w.learning_rate"
    ]
    params = drawn(fixed, np.random.default_rng(0))
    assert fixed.planned(PLAN, params).optimizer.learning_rate == params["optimizer.adam_w.learning_rate"]
    assert [d.key for d in numbers_only().dimensions] == ["network.dropout", "optimizer.adam_w.learning_rate"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"optimizer.learning_rat": [0.1, 1]}, 'did you mean "optimizer.learning_rate"? There legal is (0, inf), sear'),
        ({"network.dropout": [0.0, 1.0]}, "1.0 is outside its range [0, 1)"),
        ({"optimizer.learning_rate": [0, 0.1]}, "expected two numbers above 0, the lower one first"),
        ({"optimizer.learning_rate": {"linear": [0, 0.1]}}, "outside its range (0, inf)"),
        ({"network.dropout": [0.3, 0.2]}, "the lower one first"),
        ({"network.dropout": "much"}, 'found "much"; expected [low, high]'),
        ({"network.activation": ["relu", "reluu"]}, 'did you mean "relu"?'),
        ({"optimizer": ["adamm"]}, 'unknown type "adamm"'),
        ({"network.hidden": [0, 8]}, "outside its range [1, inf)"),
        ({"network.hidden": {"length": [2, 1]}}, "1 <= from <= to"),
        ({"network.dropout": {"length": [1, 2]}}, "it holds one value"),
        ({"network.dropout": {"log": [0.1, 0.2], "linear": [0.1, 0.2]}}, "expected [low, high]"),
        ({"only": 3, "batch_size": [8]}, "only: found 3, expected true or false"),
        ({"only": True}, "nothing is left to search"),
    ],
)
def test_an_impossible_space_is_refused_in_one_sentence(wanted, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        narrowed(ready(PLAN), PLAN, wanted, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert words in str(caught.value)


def test_a_space_file_that_cannot_be_read_is_refused(tmp_path) -> None:
    with pytest.raises(FileError, match="there is no such file, expected a search space"):
        read_space(tmp_path / "space.toml", PLAN)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        read_space(tmp_path / "space.json", PLAN)
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(UsageError, match="found list, expected names of fields"):
        read_space(tmp_path / "list.json", PLAN)


def test_a_note_for_searches_changes_nothing_of_a_plan() -> None:
    assert json.loads(dumps(PLAN))["optimizer"]["learning_rate"] == 3e-3

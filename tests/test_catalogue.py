"""Every technique of the catalogue through the whole system: typed, written, saved in a model, changed in its numbers.

One list, the examples of docs/techniques. That a part comes back from JSON, and that other numbers of it share a
program, is tested beside each part; here it is the whole plan that has to.
"""

import json
from functools import cache

import jax
import numpy as np
import pytest
from tests.documented import EXAMPLES, OUTPUTS

from gammabeta.data import Schema, as_data
from gammabeta.model import Model, load, suited
from gammabeta.nn import Architecture, Augmentation, Initializer, Layer, Loss, Mlp
from gammabeta.optim import Clipping, Optimizer, Schedule
from gammabeta.plan import EarlyStopping, Plan
from gammabeta.serial import Description, Within, concrete, dumps, fields, from_json, is_dynamic, lift, notes, to_json
from gammabeta.train.step import program_of

HIDDEN = (8, 16)
"""Small, and divided by the groups of group norm."""

KINDS = (Architecture, Augmentation, Layer, Loss, Initializer, Optimizer, Schedule, Clipping, EarlyStopping)
every_example = pytest.mark.parametrize("name", EXAMPLES)


@cache
def schema(task, shape):
    """A schema of rows of this task and shape."""
    random = np.random.default_rng(0)
    rows, y = 31, np.arange(31) % 3
    targets = {
        "multiclass": {"y": np.array(["often", "rare", "usual"])[y]},
        "binary": {"y": np.array(["no", "yes"])[y % 2]},
        "multilabel": {f"y{label}": (y == label).astype(int) for label in range(3)},
        "regression": {"y": 100 + 7 * random.standard_normal(rows)},
    }[task]
    if len(shape) == 3:
        images = as_data(random.integers(0, 256, (rows, *shape)).astype(np.uint8))
        return Schema.fit(type(images)(images.pixels, as_data(targets).columns, "images"), "y", task)
    inputs = {f"x{i}": 3 + 4 * random.standard_normal(rows) for i in range(shape[0])}
    return Schema.fit({**inputs, **targets}, list(targets), task)


@cache
def plan_of(name):
    """The plan of an example, its layers written out for the schema's rows."""
    example = EXAMPLES[name]
    plan = example.plan
    if isinstance(plan.network, Mlp):
        plan = plan.replace(network=plan.network.replace(hidden=HIDDEN))
    return suited(plan, schema(example.task, example.shape))


def parts(value, place=""):
    """(path, description) of a value and of all that it is made of."""
    if isinstance(value, Description):
        yield place, value
        for field in fields(type(value)):
            yield from parts(getattr(value, field), f"{place}.{field}".lstrip("."))
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from parts(item, f"{place}.{index}".lstrip("."))


def test_every_kind_that_a_plan_can_hold_is_in_the_list():
    listed = {
        type(part) for name in EXAMPLES for plan in (EXAMPLES[name].plan, plan_of(name)) for _, part in parts(plan)
    }
    known = {
        name: kind
        for name, kind in Description.kinds.items()
        if issubclass(kind, KINDS) and kind.__module__.startswith("gammabeta.")
    }
    # it holds code, and so cannot be typed
    assert [name for name in concrete(known) if known[name] not in listed] == ["optax_transformation"]
    assert set(OUTPUTS) >= {example.task for example in EXAMPLES.values()}


@every_example
def test_the_whole_plan_comes_back_from_its_file_as_it_was(name):
    plan = plan_of(name)
    back = from_json(json.loads(dumps(plan)), expected=Plan)
    assert back == plan
    assert hash(lift(program_of(back))[0]) == hash(lift(program_of(plan))[0])


@every_example
def test_an_untrained_model_is_saved_and_loaded_with_all_its_arrays(name, tmp_path):
    example, plan = EXAMPLES[name], plan_of(name)
    random = np.random.default_rng(1)

    def init(key):
        fresh = plan.layers.init(key, plan.input_shape)
        return fresh.params, fresh.stats

    shapes = jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)))
    params, stats = jax.tree.map(lambda leaf: random.standard_normal(leaf.shape).astype(leaf.dtype), shapes)
    model = Model(plan, schema(example.task, example.shape), params, stats)
    back = load(model.save(tmp_path / "model.safetensors"))
    assert back.plan == plan
    assert jax.tree.structure((back.params, back.stats)) == jax.tree.structure((params, stats))
    for old, new in zip(*(jax.tree.leaves((one.params, one.stats)) for one in (model, back)), strict=True):
        np.testing.assert_array_equal(old, new)


def another(value, hint):
    """A legal number other than ``value``; of a mapping, all of them."""
    if isinstance(value, dict):
        return {key: 0.9 * number for key, number in value.items()}
    stack, within = [hint], []
    while stack:
        kind, extra = notes(stack.pop())
        within += [note for note in extra if isinstance(note, Within)]
        stack += getattr(kind, "__args__", ())
    moved = (value + 1,) if isinstance(value, int) else (0.8 * value + 0.05, 0.5 * value + 0.01)
    return next(number for number in moved if number != value and all(number in one for one in within))


def with_values(plan, values):
    """The plan with these values, by their paths; made anew from JSON, and checked."""
    data = to_json(plan)
    for path, value in values.items():
        *parents, last = path.split(".")
        node = data
        for name in parents:
            node = node[int(name)] if isinstance(node, list) else node[name]
        node[last] = value
    return from_json(data, expected=Plan)


@every_example
def test_other_numbers_leave_what_decides_compilation_as_it_is(name):
    plan = plan_of(name)
    skeleton, numbers = lift(program_of(plan))
    others = {
        f"{place}.{field}".lstrip("."): another(getattr(part, field), hint)
        for place, part in parts(plan)
        for field, hint in fields(type(part)).items()
        # initial weights are drawn outside of what is compiled once for all
        if not isinstance(part, Initializer) and is_dynamic(hint) and getattr(part, field) is not None
    }
    assert set(others) == set(numbers)
    changed, moved = lift(program_of(with_values(plan, others)))
    assert changed == skeleton
    assert hash(changed) == hash(skeleton)
    assert [path for path in numbers if moved[path] == numbers[path] and numbers[path] != {}] == []

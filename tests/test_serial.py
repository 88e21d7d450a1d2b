"""Descriptions: what is refused, in which words, and what comes back from JSON."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from gammabeta.errors import PlanError
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    HeUniform,
    Layer,
    Mlp,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
)
from gammabeta.optim import AdamW, Optimizer
from gammabeta.plan import EarlyStopping, Plan
from gammabeta.serial import (
    DYNAMIC,
    LIFTED,
    Description,
    Within,
    dumps,
    from_json,
    lift,
    lower,
    to_json,
)


@dataclass(frozen=True)
class SerialProbe(Description):
    """One field of every kind that a description may have."""

    rate: Annotated[float, Within("[0, 1)"), DYNAMIC]
    count: Annotated[int, Within("[1, inf)")] = 3
    mode: Literal["slow", "fast"] = "slow"
    name: str = "left"
    on: bool = True
    sizes: tuple[int, ...] = (3, 1, 2)
    pair: tuple[int, float] = (1, 2.5)
    shares: dict[str, float] = dataclasses.field(default_factory=dict)
    maybe: Annotated[float, DYNAMIC] | None = None
    part: Optimizer | Layer | None = None


NETWORK = Sequential(
    (
        Dense(7, initializer=HeUniform()),
        BatchNorm(epsilon=1e-3, estimator="ema", shift=False),
        Activation("leaky_relu", negative_slope=0.2),
        Dropout(0.3),
        Residual(Sequential((Dense(5), Activation("tanh"))), Sequential((Dense(5, bias=False),))),
        Dense(3),
    )
)
PLAN = Plan(network=NETWORK, loss=SoftmaxCrossEntropy(), early_stopping=EarlyStopping(7), input_shape=(5,))
DESCRIPTIONS = [
    NETWORK,
    PLAN,
    PLAN.replace(network=Mlp(hidden=(3, 2), normalization=None, dropout=0.25), input_shape=None),
    SerialProbe(0.5, shares={"a": 1.0, "b": 0.5}, part=AdamW(weight_decay=0.0)),
    SerialProbe(0.25, sizes=(), maybe=0.5, part=Dense(2)),
]

# What is given, and the words that the message must hold: the place, what was found, what was expected.
REFUSED_VALUES = {
    "below its range": ({"rate": -0.5}, ["serial_probe.rate", "-0.5", "[0, 1)"]),
    "at the open end of its range": ({"rate": 1}, ["serial_probe.rate", "1", "[0, 1)"]),
    "not finite": ({"rate": math.nan}, ["serial_probe.rate", "nan", "finite number"]),
    "infinite": ({"rate": math.inf}, ["serial_probe.rate", "inf", "finite number"]),
    "true for a number": ({"rate": True}, ["serial_probe.rate", "True", "number"]),
    "a text for a number": ({"rate": "0.5"}, ["serial_probe.rate", "'0.5'", "number"]),
    "a fraction for a count": ({"count": 2.5}, ["serial_probe.count", "2.5", "whole number"]),
    "nan for a count": ({"count": math.nan}, ["serial_probe.count", "nan", "whole number"]),
    "infinity for a count": ({"count": math.inf}, ["serial_probe.count", "inf", "whole number"]),
    "true for a count": ({"count": True}, ["serial_probe.count", "True", "whole number"]),
    "zero for a count from one": ({"count": 0}, ["serial_probe.count", "0", "[1, inf)"]),
    "a misspelled choice": ({"mode": "fsat"}, ["serial_probe.mode", "'fsat'", "slow, fast", '"fast"']),
    "a number for a choice": ({"mode": 3}, ["serial_probe.mode", "3", "slow, fast"]),
    "a number for a text": ({"name": 3}, ["serial_probe.name", "3", "text"]),
    "a text for a truth value": ({"on": "yes"}, ["serial_probe.on", "'yes'", "true or false"]),
    "a number for a list": ({"sizes": 3}, ["serial_probe.sizes", "3", "list"]),
    "one bad entry of a list": ({"sizes": [1, "b"]}, ["serial_probe.sizes.1", "'b'", "whole number"]),
    "a list of a wrong length": ({"pair": [1, 2, 3]}, ["serial_probe.pair", "2 entries"]),
    "a list for a mapping": ({"shares": [1]}, ["serial_probe.shares", "mapping"]),
    "one bad value of a mapping": ({"shares": {"a": "x"}}, ["serial_probe.shares.a", "'x'", "number"]),
    "a number for a part": ({"part": 3}, ["serial_probe.part", "3", "an optimizer"]),
    "a part of a wrong kind": ({"part": SoftmaxCrossEntropy()}, ["serial_probe.part", "optimizer"]),
    "null where something is needed": ({"count": None}, ["serial_probe.count", "None"]),
}

NEEDED = {"network": "mlp", "loss": "softmax_cross_entropy"}
DENSE_WITHOUT_UNITS = {"type": "sequential", "layers": [{"type": "dense", "units": 3}, {"type": "dense"}]}
REFUSED_JSON = {
    "a misspelled key": ({**NEEDED, "epcohs": 3}, ["plan:", '"epcohs"', '"epochs"']),
    "a misspelled key inside": (
        {**NEEDED, "network": {"type": "mlp", "hiden": [3]}},
        ["plan.network:", '"hiden"', '"hidden"'],
    ),
    "a misspelled type": (
        {**NEEDED, "optimizer": {"type": "adm"}},
        ["plan.optimizer:", '"adm"', '"adam"'],
    ),
    "a misspelled bare name": ({**NEEDED, "optimizer": "adm"}, ["plan.optimizer:", '"adm"', '"adam"']),
    "a type of another room": (
        {**NEEDED, "optimizer": "dense"},
        ["plan.optimizer:", '"dense"', "adam", "momentum", "sgd"],
    ),
    "an abstract type": ({**NEEDED, "optimizer": "optimizer"}, ["plan.optimizer:", '"optimizer"']),
    "a type that is a list": ({**NEEDED, "loss": {"type": ["a"]}}, ["plan.loss:", "a"]),
    "a missing key": ({"network": "mlp"}, ["plan:", '"loss"', "missing"]),
    "a missing key deep inside": ({**NEEDED, "network": DENSE_WITHOUT_UNITS}, ["plan.network.layers.1", '"units"']),
    "a value outside its range": (
        {**NEEDED, "optimizer": {"type": "sgd", "learning_rate": -1}},
        ["plan.optimizer.learning_rate", "-1", "(0, inf)"],
    ),
    "a value outside its range deep inside": (
        {**NEEDED, "network": {"type": "sequential", "layers": [{"type": "dropout", "rate": 1.5}]}},
        ["plan.network.layers.0.rate", "1.5", "[0, 1)"],
    ),
    "not a number": ({**NEEDED, "epochs": math.nan}, ["plan.epochs", "nan", "whole number"]),
    "something that is no plan": ({"type": "adam"}, ["plan:", '"adam"', "plan"]),
}


@pytest.mark.parametrize(("given", "words"), REFUSED_VALUES.values(), ids=REFUSED_VALUES)
def test_a_value_that_does_not_fit_is_refused_with_its_place(given, words):
    with pytest.raises(PlanError) as refusal:
        SerialProbe(**{"rate": 0.5, **given})
    assert [word for word in words if word not in str(refusal.value)] == []


@pytest.mark.parametrize(("given", "words"), REFUSED_JSON.values(), ids=REFUSED_JSON)
def test_json_that_is_no_description_is_refused_with_its_place(given, words):
    with pytest.raises(PlanError) as refusal:
        from_json(given, expected=Plan)
    assert [word for word in words if word not in str(refusal.value)] == []


def test_values_are_brought_to_the_declared_type():
    made = SerialProbe(0, count=2.0, sizes=[4, 5.0], pair=[1, 2], shares={"a": 1})
    assert made == SerialProbe(0.0, count=2, sizes=(4, 5), pair=(1, 2.0), shares={"a": 1.0})
    assert type(made.rate) is float
    assert type(made.count) is int
    assert type(made.sizes) is tuple
    assert [type(size) for size in made.sizes] == [int, int]
    assert type(made.shares["a"]) is float


@pytest.mark.parametrize("interval", ["[0, 1)", "(0, 1]", "[0, 1]", "(0, 1)"])
def test_an_interval_holds_its_closed_ends_only(interval):
    within = Within(interval)
    assert 0.5 in within
    assert (0 in within, 1 in within) == (interval[0] == "[", interval[-1] == "]")
    assert -1 not in within
    assert 2 not in within


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_description_comes_back_from_json_text_equal(description):
    back = from_json(json.loads(dumps(description)))
    assert back == description
    assert type(back) is type(description)
    assert dumps(back) == dumps(description)


def test_json_writes_every_field_out():
    assert to_json(Dropout(0.3)) == {"type": "dropout", "rate": 0.3, "form": "inverted"}
    assert to_json(NETWORK)["layers"][1] == {
        "type": "batch_norm",
        "epsilon": 1e-3,
        "epsilon_placement": "inside",
        "scale": True,
        "shift": False,
        "initial_gamma": 1.0,
        "initial_beta": 0.0,
        "update_rate": 0.1,
        "normalizes_by": "batch",
        "update": True,
        "train": True,
        "ghost_size": None,
        "estimator": "ema",
    }


def test_json_text_ends_its_line_and_refuses_nan():
    assert dumps({"a": (1, 2)}).endswith("}\n")
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps({"a": math.nan})


def test_a_bare_name_stands_for_a_description_with_its_defaults():
    network = {"type": "sequential", "layers": ["batch_norm"]}
    plan = from_json({**NEEDED, "optimizer": "adam_w", "network": network}, expected=Plan)
    assert plan.optimizer == AdamW()
    assert plan.network == Sequential((BatchNorm(),))


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "__import__", "Dense", "description", "layer", "object"]
)
def test_json_builds_known_kinds_only(name):
    for data in ({"type": name}, {"type": name, "args": ["echo"]}):
        with pytest.raises(PlanError, match="unknown type"):
            from_json(data)


def test_json_cannot_reach_behind_the_fields():
    for key in ("__class__", "kinds", "apply", "replace"):
        with pytest.raises(PlanError, match="unknown key"):
            from_json({"type": "dropout", "rate": 0.5, key: "x"})


def test_a_description_is_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NETWORK.layers = ()
    assert hash(NETWORK) == hash(from_json(to_json(NETWORK)))
    assert len({NETWORK, from_json(to_json(NETWORK)), Dense(3)}) == 2


def test_replace_validates_again_and_names_the_nearest_key():
    assert Dense(3).replace(units=4) == Dense(4)
    with pytest.raises(PlanError, match=r"dense.units.*\[1, inf\)"):
        Dense(3).replace(units=0)
    with pytest.raises(PlanError, match=r'"unit".*"units"'):
        Dense(3).replace(unit=4)


def test_lifting_takes_out_every_number_by_its_path_and_nothing_else():
    skeleton, numbers = lift(NETWORK)
    assert numbers == {
        "layers.1.epsilon": 1e-3,
        "layers.1.initial_gamma": 1.0,
        "layers.1.initial_beta": 0.0,
        "layers.1.update_rate": 0.1,
        "layers.2.negative_slope": 0.2,
        "layers.2.alpha": 1.0,
        "layers.3.rate": 0.3,
        "layers.4.body.layers.1.negative_slope": 0.01,
        "layers.4.body.layers.1.alpha": 1.0,
    }
    assert skeleton.layers[3].rate is LIFTED
    assert skeleton.layers[1].estimator == "ema"
    assert skeleton.layers[0] == NETWORK.layers[0]


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_lowering_is_the_inverse_of_lifting(description):
    assert lower(*lift(description)) == description


def test_skeletons_are_equal_where_only_numbers_differ():
    assert lift(Dropout(0.3))[0] == lift(Dropout(0.4))[0]
    other = NETWORK.replace(layers=(*NETWORK.layers[:3], Dropout(0.9), *NETWORK.layers[4:]))
    assert hash(lift(NETWORK)[0]) == hash(lift(other)[0])
    assert lift(Dense(3))[0] != lift(Dense(4))[0]
    assert lift(BatchNorm())[0] != lift(BatchNorm(scale=False))[0]


def test_an_optional_number_that_is_absent_stays_absent():
    skeleton, numbers = lift(SerialProbe(0.5))
    assert "maybe" not in numbers
    assert skeleton.maybe is None

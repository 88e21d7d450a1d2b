"""Plans: read, changed, expanded, advised, and refused in words that help."""

import json
import math

import pytest

from gammabeta.errors import Defect, FileError, PlanError, UsageError
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Convnet,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Lsuv,
    Mlp,
    Orthogonal,
    Residual,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import Adam, AdamW, Constant, Cosine, Momentum, OneCycle
from gammabeta.plan import Combined, EarlyStopping, Plan, advise, change, read_plan, read_plans
from gammabeta.plan.change import parsed
from gammabeta.plan.plan import rehearsed
from gammabeta.serial import dumps, from_json

PLAN = Plan(network=Mlp(hidden=(6, 5)), loss=SoftmaxCrossEntropy(), batch_size=7)
TASKS = {"binary": 1, "multiclass": 3, "multilabel": 4, "regression": 2}


def says(error, *words):
    assert [word for word in words if word not in str(error.value)] == []


# ---- settings as they are typed

SETTINGS = {
    "epochs=5": {"epochs": 5},
    " epochs = 5 ": {"epochs": 5},
    "optimizer=adam": {"optimizer": "adam"},
    "network.hidden=[64, 32]": {"network.hidden": [64, 32]},
    "optimizer.learning_rate=1e-2": {"optimizer.learning_rate": 0.01},
    "early_stopping=none": {"early_stopping": None},
    "early_stopping=null": {"early_stopping": None},
    "network.layers.0.bias=true": {"network.layers.0.bias": True},
    'loss={"type": "squared_error"}': {"loss": {"type": "squared_error"}},
    "name=a=b": {"name": "a=b"},
}


@pytest.mark.parametrize(("setting", "wanted"), SETTINGS.items(), ids=list(SETTINGS))
def test_a_setting_is_a_path_and_a_json_value_or_a_text(setting, wanted):
    assert parsed([setting]) == wanted


@pytest.mark.parametrize("setting", ["epochs", "=3", "epchs 5"])
def test_a_setting_without_a_key_or_a_value_is_refused_with_an_example(setting):
    with pytest.raises(UsageError) as refusal:
        parsed([setting])
    says(refusal, f"--set {setting}", "KEY=VALUE", "epochs=20")
    assert refusal.value.exit_code == 2


def test_of_two_settings_of_one_key_the_later_holds():
    assert parsed(["epochs=5", "epochs=6"]) == {"epochs": 6}


# ---- changes

CHANGES = {
    "a number": ({"epochs": 5}, PLAN.replace(epochs=5)),
    "a number inside": ({"optimizer.learning_rate": 1}, PLAN.replace(optimizer=AdamW(learning_rate=1.0))),
    "another kind by its name": ({"optimizer": "adam"}, PLAN.replace(optimizer=Adam())),
    "another kind and then its number": (
        {"optimizer": "momentum", "optimizer.momentum": 0.5},
        PLAN.replace(optimizer=Momentum(momentum=0.5)),
    ),
    "a number inside of what was just set": (
        {"network.normalization": BatchNorm(shift=False), "network.normalization.epsilon": 0.5},
        PLAN.replace(network=Mlp((6, 5), normalization=BatchNorm(shift=False, epsilon=0.5))),
    ),
    "two that are impossible alone": (
        {"network.normalization.ghost_size": 9, "batch_size": 9},
        PLAN.replace(network=Mlp((6, 5), normalization=BatchNorm(ghost_size=9)), batch_size=9),
    ),
    "a whole object": (
        {"schedule": {"type": "cosine", "final": 0.5}},
        PLAN.replace(schedule=Cosine(final=0.5)),
    ),
    "a list": ({"network.hidden": [3]}, PLAN.replace(network=Mlp(hidden=(3,)))),
    "an entry of a list": ({"network.hidden.1": 3}, PLAN.replace(network=Mlp(hidden=(6, 3)))),
    "a part switched off": ({"network.normalization": None}, PLAN.replace(network=Mlp((6, 5), normalization=None))),
    "a number of a part that was off": ({"early_stopping.patience": 3}, PLAN.replace(early_stopping=EarlyStopping(3))),
    "an architecture for layers": (
        {"network": {"type": "sequential", "layers": [{"type": "dense", "units": 3}]}},
        PLAN.replace(network=Sequential((Dense(3),))),
    ),
    "nothing": ({}, PLAN),
}

REFUSED = {
    "an unknown key": ({"epcohs": 5}, ["plan:", '"epcohs"', '"epochs"']),
    "an unknown key inside": ({"optimizer.learning_rte": 1}, ["plan.optimizer:", '"learning_rte"', '"learning_rate"']),
    "an unknown parent": ({"optimiser.learning_rate": 1}, ["plan:", '"optimiser"', '"optimizer"']),
    "a part of a number": ({"epochs.x": 1}, ["plan.epochs", "30", '"x"']),
    "a part of a part of a number": ({"epochs.x.y": 1}, ["plan.epochs", '"x"']),
    "an impossible value": ({"epochs": 0}, ["plan.epochs", "0", "[1, inf)"]),
    "an impossible value inside": ({"network.dropout": 1}, ["plan.network.dropout", "1", "[0, 1)"]),
    "a value of a wrong type": ({"batch_size": "many"}, ["plan.batch_size", "many", "whole number"]),
    "nan": ({"epochs": math.nan}, ["plan.epochs", "nan", "whole number"]),
    "an unknown kind": ({"optimizer": "adma"}, ["plan.optimizer", '"adma"', '"adam"']),
    "a kind of another room": ({"loss": "adam"}, ["plan.loss", "squared_error"]),
    "a position beyond the end": ({"network.hidden.2": 1}, ["plan.network.hidden", '"2"', "0 to 1"]),
    "a position that is none": ({"network.hidden.first": 1}, ["plan.network.hidden", '"first"', "0 to 1"]),
    "a misspelled choice": ({"network.activation": "rleu"}, ["plan.network.activation", "rleu", '"relu"']),
    "nothing where something is needed": ({"loss": None}, ["plan.loss", "None"]),
}


@pytest.mark.parametrize(("changes", "wanted"), CHANGES.values(), ids=CHANGES)
def test_a_change_replaces_what_it_names(changes, wanted):
    assert change(PLAN, changes) == wanted


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_a_change_that_makes_no_plan_is_refused_with_its_place(changes, words):
    with pytest.raises(PlanError) as refusal:
        change(PLAN, changes)
    says(refusal, *words)


def test_layers_of_a_saved_plan_can_be_changed_by_their_position():
    saved = PLAN.expanded((4,), 3)
    found = change(saved, {"network.layers.1.estimator": "ema", "network.layers.6.initializer": "he_uniform"})
    assert found.network.layers[1] == BatchNorm(estimator="ema")
    assert found.network.layers[6].initializer == from_json({"type": "he_uniform"})
    with pytest.raises(PlanError) as refusal:
        change(saved, {"network.layers.7.units": 3})
    says(refusal, "plan.network.layers", '"7"', "0 to 6")


# ---- files

TOML = """
epochs = 5
batch_size = 7
loss = "softmax_cross_entropy"
[network]
type = "mlp"
hidden = [6, 5]
[optimizer]
type = "momentum"
learning_rate = 0.5
[early_stopping]
patience = 3
"""


def test_a_plan_is_read_from_toml(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(TOML)
    wanted = PLAN.replace(epochs=5, optimizer=Momentum(learning_rate=0.5), early_stopping=EarlyStopping(3))
    assert read_plan(path) == wanted


@pytest.mark.parametrize("plan", [PLAN, PLAN.expanded((4,), 3)], ids=["architecture", "layers"])
def test_a_plan_is_read_from_the_json_that_was_written(tmp_path, plan):
    path = tmp_path / "plan.json"
    path.write_text(dumps(plan))
    assert read_plan(str(path)) == plan


FILES = {
    "cut.json": ('{"network": "mlp"', PlanError, ["cut.json", "not valid JSON"]),
    "cut.toml": ("epochs = ", PlanError, ["cut.toml", "not valid TOML"]),
    "list.json": ("[1, 2]", PlanError, ["list.json", "list", "expected a plan"]),
    "misspelled.json": ('{"network": "mlp", "los": "x"}', PlanError, ['"los"', '"loss"']),
    "empty.json": ("{}", PlanError, ['"network"', "missing"]),
    "nan.json": ('{"network": "mlp", "loss": "squared_error", "epochs": NaN}', PlanError, ["plan.epochs", "nan"]),
    "range.toml": ('network="mlp"\nloss="squared_error"\nseed=-1', PlanError, ["plan.seed", "-1", "[0,"]),
    "latin.json": ('{"name": "é"}'.encode("latin-1"), FileError, ["latin.json", "JSON or TOML"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_holds_no_plan_is_refused(tmp_path, name):
    content, kind, words = FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(kind) as refusal:
        read_plan(path)
    says(refusal, *words)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(FileError) as refusal:
        read_plan(tmp_path / "nowhere.json")
    says(refusal, "nowhere.json", "no such file", "plan")
    with pytest.raises(FileError) as refusal:
        read_plan(tmp_path)
    says(refusal, str(tmp_path))


# ---- from an architecture to layers

DENSE, NORM, RELU, TANH, DROP = "Dense", "BatchNorm", "relu", "tanh", "Dropout"
POSITIONS = {
    "before": (Mlp((6, 5), position="before"), [DENSE, NORM, RELU] * 2),
    "after": (Mlp((6, 5), position="after"), [DENSE, RELU, NORM] * 2),
    "first": (Mlp((6, 5), position="first"), [NORM] + [DENSE, RELU] * 2),
    "auto, relu": (Mlp((6, 5)), [DENSE, NORM, RELU] * 2),
    "auto, tanh": (Mlp((6, 5), activation="tanh"), [DENSE, TANH, NORM] * 2),
    "before, tanh": (Mlp((6, 5), activation="tanh", position="before"), [DENSE, NORM, TANH] * 2),
    "without": (Mlp((6, 5), normalization=None), [DENSE, RELU] * 2),
    "with dropout": (Mlp((6,), dropout=0.3), [DENSE, NORM, RELU, DROP]),
    "with dropout, after": (Mlp((6,), dropout=0.3, position="after"), [DENSE, RELU, NORM, DROP]),
    "no hidden layer": (Mlp(()), []),
}


def named(layer):
    return layer.function if isinstance(layer, Activation) else type(layer).__name__


@pytest.mark.parametrize(("network", "wanted"), POSITIONS.values(), ids=POSITIONS)
def test_an_architecture_puts_normalization_where_it_was_asked_to(network, wanted):
    layers = network.expand((4,), 3).layers
    assert [named(layer) for layer in layers] == [*wanted, DENSE]
    assert layers[-1].units == 3
    assert layers[-1].bias is True


def test_an_expanded_network_has_the_sizes_and_choices_that_were_asked_for():
    norm = BatchNorm(estimator="ema")
    layers = Mlp((6, 5), activation="tanh", normalization=norm, dropout=0.25).expand((4,), 3).layers
    assert [layer.units for layer in layers if isinstance(layer, Dense)] == [6, 5, 3]
    assert layers[2] == norm
    assert layers[3] == Dropout(0.25)


def test_images_are_flattened_first():
    expanded = PLAN.expanded((3, 2, 1), 3)
    assert expanded.layers.layers[0] == Flatten()
    assert expanded.input_shape == (3, 2, 1)


def test_an_expanded_plan_stays_as_it_is():
    once = PLAN.expanded((4,), 3)
    assert once.expanded((4,), 3) == once
    assert isinstance(once.layers, Sequential)


def test_a_network_is_rehearsed_once_whatever_else_the_plan_says():
    PLAN.expanded((4,), 3)
    passes = rehearsed.cache_info().misses
    PLAN.replace(seed=9, optimizer=Adam(0.5)).expanded((4,), 3)
    assert rehearsed.cache_info().misses == passes
    PLAN.expanded((5,), 3)
    assert rehearsed.cache_info().misses == passes + 1


def test_a_single_layer_becomes_a_sequence():
    assert PLAN.replace(network=Dense(3)).expanded((4,), 3).layers == Sequential((Dense(3),))


def test_an_architecture_has_no_layers_before_it_is_expanded():
    with pytest.raises(PlanError, match=r"expanded"):
        _ = PLAN.layers


NETWORKS = {
    "too few outputs": (Sequential((Dense(2),)), (4,), ["plan.network", "(2,)", "(3,)", "3 units"]),
    "an image at the end": (Activation("relu"), (4, 2, 3), ["plan.network", "(4, 2, 3)", "(3,)"]),
    "an image into a dense layer": (Dense(3), (4, 2, 1), ["dense", "(4, 2, 1)", "flatten"]),
    "a residual of two shapes": (
        Sequential((Residual(Sequential((Dense(5),))), Dense(3))),
        (4,),
        ["residual", "(5,)", "(4,)", "shortcut"],
    ),
}


@pytest.mark.parametrize(("network", "shape", "words"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_that_does_not_fit_is_refused(network, shape, words):
    with pytest.raises(PlanError) as refusal:
        PLAN.replace(network=network).expanded(shape, 3)
    says(refusal, *words)


def test_a_batch_of_one_row_with_batch_norm_is_refused_before_training():
    with pytest.raises(PlanError) as refusal:
        PLAN.replace(batch_size=1).expanded((4,), 3)
    says(refusal, "batch_norm", "single value", "batch_size", "layer normalization")
    assert refusal.value.exit_code == 2
    PLAN.replace(batch_size=2).expanded((4,), 3)
    PLAN.replace(batch_size=1, network=Mlp((5,), normalization=None)).expanded((4,), 3)


# ---- advice


@pytest.mark.parametrize("rows", [60, 999, 4_999, 49_999, 60_000])
@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_the_advised_plan_can_train_and_can_be_written(task, rows, image):
    plan = advise(task, rows, image)
    shape = (3, 2, 1) if image else (5,)
    expanded = plan.expanded(shape, TASKS[task])
    assert any(isinstance(layer, BatchNorm) for layer in expanded.layers.layers)
    assert expanded.batch_size < rows
    assert from_json(json.loads(dumps(plan))) == plan
    assert from_json(json.loads(dumps(expanded))) == expanded


def test_the_task_decides_the_loss():
    found = {task: type(advise(task, 500).loss) for task in TASKS}
    assert found == {
        "binary": SigmoidCrossEntropy,
        "multiclass": SoftmaxCrossEntropy,
        "multilabel": SigmoidCrossEntropy,
        "regression": SquaredError,
    }


def test_more_rows_mean_larger_batches_and_not_more_epochs():
    plans = [advise("multiclass", rows) for rows in (100, 2_000, 20_000, 200_000)]
    sizes, epochs = [plan.batch_size for plan in plans], [plan.epochs for plan in plans]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert epochs == sorted(epochs, reverse=True)


def test_a_task_that_does_not_exist_is_a_defect_of_ours():
    with pytest.raises(Defect, match="multiclass"):
        advise("multi", 100)


PLANS = [
    PLAN,
    PLAN.replace(network=Mlp((), normalization=None, activation="selu", dropout=0.5), schedule=Constant()),
    PLAN.replace(loss=SquaredError(), optimizer=Momentum(), schedule=OneCycle(rise=0.1), seed=4_294_967_295),
    PLAN.replace(network=Residual(Sequential((Dense(4), BatchNorm(shift=False)))), early_stopping=EarlyStopping(3)),
    PLAN.expanded((4,), 3),
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_comes_back_from_json_equal(plan):
    back = from_json(json.loads(dumps(plan)), expected=Plan)
    assert back == plan
    assert hash(back) == hash(plan)


def test_an_architecture_hands_its_initializer_weight_norm_and_noise_to_its_layers():
    network = Mlp(hidden=(6, 5), initializer=Lsuv(), weight_norm="centered", input_noise=0.3)
    layers = network.expand((4,), 3).layers
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    assert layers[0] == GaussianNoise(0.3)
    assert [layer.initializer for layer in dense] == [Lsuv()] * 3
    assert {layer.weight_norm for layer in dense} == {"centered"}
    first, *_, last = Convnet(initializer=Orthogonal(), weight_norm="centered").expand((8, 8, 1), 3).layers
    assert isinstance(first, Conv2D)
    assert isinstance(last, Dense)
    assert first.initializer == last.initializer == Orthogonal()
    assert first.weight_norm == last.weight_norm == "centered"


# ---- several that are combined


def test_combined_plans_come_back_from_their_file_and_are_no_single_plan(tmp_path):
    combined = Combined(members=(PLAN, PLAN.replace(seed=5, network=Mlp(hidden=(4,)))), averaged_epochs=3)
    path = tmp_path / "plan.json"
    path.write_text(dumps(combined))
    assert read_plans(path) == combined
    with pytest.raises(PlanError) as refusal:
        read_plan(path)
    says(refusal, "plan.json: it holds 2 plans", "expected one plan", "gammabeta fit --plan")
    path.write_text(dumps(PLAN))
    assert read_plans(path) == PLAN


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((), ("combined.members", "found none")),
        ((PLAN, PLAN.replace(loss=SquaredError())), ("softmax_cross_entropy and squared_error", "do not answer alike")),
    ],
)
def test_plans_that_make_no_mean_are_refused(members, words):
    with pytest.raises(PlanError) as refusal:
        Combined(members=members)
    says(refusal, *words)

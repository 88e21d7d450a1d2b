"""Rules about plans and untrained networks: one case that each finds, and healthy ones in which it says nothing."""

from dataclasses import dataclass
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, diagnose, registry
from gammabeta.diagnosis.curves import curves_of
from gammabeta.diagnosis.replay import MEMO, Place
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    Residual,
    ScaledNormal,
    Seen,
    Sequential,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import AdamW, Momentum, Step
from gammabeta.plan import Plan, change


@dataclass(frozen=True)
class Shares(Layer):
    """Softmax over the units, or over the rows."""

    axis: int = 1

    def apply(self, params, stats, x, call):
        return jax.nn.softmax(x, axis=self.axis), Seen()


def rows(count, seed, classes=0):
    random = np.random.default_rng(seed)
    x = (0.3 + 1.1 * random.normal(size=(count, 4))).astype(np.float32)
    value = x @ np.float32([1.0, -0.5, 0.3, 0.0])
    if classes:
        return Dataset(x, np.digitize(value, [-0.6, 0.9]).astype(np.int32))
    return Dataset(x, (value / 1.3 + 0.1 * random.normal(size=count)).astype(np.float32)[:, None])


def case(*layers, classes=0, **settings):
    loss = SoftmaxCrossEntropy() if classes else SquaredError()
    plan = Plan(network=Sequential(layers), loss=loss, **{"epochs": 5, "batch_size": 16, **settings})
    return Case.of(plan, rows(90, 0, classes), rows(41, 1, classes))


def stack(depth, function, width=4, **dense):
    return tuple(layer for _ in range(depth) for layer in (Dense(width, **dense), Activation(function)))


PLAIN = (Dense(5), Activation("relu"), Dense(1))
NORMED = (Dense(5), BatchNorm(), Activation("relu"), Dense(1))


def normed(**settings):
    return (Dense(5), BatchNorm(**settings), Activation("relu"), Dense(1))


LARGE = ScaledNormal(20.0)
ILL = {
    "GB202": (lambda: case(Dense(5, initializer=LARGE), Activation("tanh"), Dense(1)), "layers.0"),
    "GB203": (
        lambda: case(Dense(5), Activation("tanh"), Dense(3, initializer=ScaledNormal(9.0)), classes=3),
        "layers.2 (dense)",
    ),
    "GB205": (lambda: case(Dense(5), Dense(1)), "network"),
    "GB207": (lambda: case(Dense(5), Shares(axis=0), Dense(1)), "network"),
    "GB209": (lambda: case(Dense(5), Residual(Sequential((Dense(5, bias=True), BatchNorm()))), Dense(1)), "body.0"),
    "GB303": (lambda: case(*PLAIN, optimizer=Momentum(momentum=0.99)), "optimizer.momentum"),
    "GB304": (lambda: case(*PLAIN, schedule=Step(every=0.04, drop=1e-3)), "schedule"),
    "GB306": (lambda: case(*PLAIN, batch_size=2), "batch_size"),
    "GB401": (
        lambda: case(Dense(5), Residual(Sequential(normed(initial_beta=-9.0)[:3])), Dense(1)),
        "layers.1.body.2 (relu)",
    ),
    "GB402": (lambda: case(Dense(5, initializer=LARGE), Activation("tanh"), Dense(1)), "layers.1 (tanh)"),
    "GB403": (lambda: case(*stack(7, "sigmoid"), Dense(1)), "network"),
    "GB404": (lambda: case(*stack(6, "relu", 6, initializer=ScaledNormal(3.0)), Dense(1)), "network"),
    "GB405": (lambda: case(Dense(5), Shares(), Dense(1)), "layers.1"),
    "GB501": (lambda: case(*NORMED, batch_size=4), "batch_size"),
    "GB503": (lambda: case(Dense(5), Residual(Sequential((Dropout(0.5), BatchNorm()))), Dense(1)), "layers.1.body.1"),
    "GB504": (lambda: case(*normed(normalizes_by="memory", update=False)), "batch_norm"),
    "GB506": (lambda: case(*normed(epsilon=100.0)), "batch_norm"),
    "GB508": (lambda: case(*(layer for _ in range(10) for layer in normed()[:3]), Dense(1)), "network"),
}


@pytest.fixture(scope="module")
def healthy():
    wide = (Dense(12), BatchNorm(), Activation("relu"), Dropout(0.1), Dense(12), Activation("tanh"), Dense(3))
    return [case(*PLAIN), case(*wide, classes=3)]


@pytest.mark.parametrize("code", ILL)
def test_what_is_planted_is_suspected_where_it_is(code):
    make, place = ILL[code]
    found = list(registry()[code].rule(make()))
    assert found, "nothing"
    assert found[0].code == code
    assert place in found[0].place
    assert found[0].evidence


@pytest.mark.parametrize("code", ILL)
def test_what_is_healthy_is_not_suspected(code, healthy):
    assert [one.evidence for of in healthy for one in registry()[code].rule(of)] == []


def test_a_bias_inside_a_residual_block_is_left_out_by_its_fix():
    ill = ILL["GB209"][0]()
    (suspicion,) = registry()["GB209"].rule(ill)
    body = change(ill.plan, suspicion.fix).layers.layers[1].body
    assert [layer.bias for layer in body.layers if isinstance(layer, Dense)] == [False]


def test_decay_of_gamma_is_suspected_and_left_out():
    decayed = case(*NORMED, optimizer=AdamW(weight_decay=0.1, decay_all=True), l2=0.1, l2_all=True)
    (suspicion,) = registry()["GB506"].rule(decayed)
    plan = suspicion.treatments[0].plan(decayed.plan)
    assert (plan.optimizer.decay_all, plan.l2_all, plan.l2) == (False, False, 0.1)
    assert list(registry()["GB506"].rule(case(*NORMED, optimizer=AdamW(weight_decay=0.1), l2=0.1))) == []


def test_before_the_first_step_sure_signatures_are_warnings_and_healthy_plans_have_none(healthy):
    told = {of: diagnose(of, forks=False, thorough=False) for of in healthy}
    assert [one.code for found in told.values() for one in found if one.severity != "note"] == []
    early = diagnose(ILL["GB203"][0](), forks=False, thorough=False)
    assert [(one.code, one.severity) for one in early if one.code == "GB203"] == [("GB203", "warning")]


def test_half_of_two_units_may_be_dead_by_chance():
    made = case(*PLAIN)
    view = SimpleNamespace(layer=Activation("relu"), zero=np.array([1.0, 0.5]), place="layers.1 (relu)")
    vars(made)["at_start"] = SimpleNamespace(leaves=[view])
    assert list(registry()["GB401"].rule(made)) == []
    view.zero = np.array([1.0] * 20 + [0.5] * 12)
    (suspicion,) = registry()["GB401"].rule(made)
    assert suspicion.numbers["dead_share"] == 20 / 32


def line(losses):
    return [{"train": {"loss": loss, "r2": 0.1}, "valid": {}} for loss in losses]


@pytest.mark.parametrize(
    ("losses", "undone"),
    [([0.6, 0.2, 0.69], True), ([0.3, 0.1, 0.4], True), ([0.6, 0.2, 0.25], False), ([0.7, 0.68, 0.69], False)],
)
def test_a_loss_that_came_down_and_rose_again_is_undone(losses, undone):
    assert curves_of(line(losses), "r2").undone(0.69) == undone


def test_a_loss_that_is_not_finite_because_of_the_rows_is_a_note_and_one_that_is_not_found_again_has_no_place():
    blown = case(*PLAIN)
    ended = ({"epoch": 1, "steps": 4, "train": {"loss": None}, "valid": {}, "ended": "non-finite loss"},)
    for place, severity in ((Place(3, "inputs", "2 of its inputs are not finite"), "note"), (None, "error")):
        made = Case(blown.plan, blown.train, blown.valid, ended, measured={MEMO: place})
        (suspicion,) = registry()["GB701"].rule(made)
        assert (suspicion.severity, bool(suspicion.treatments)) == (severity, severity == "error")
    assert list(registry()["GB701"].rule(blown)) == []

"""Rules about plans and untrained networks: one case that each finds, and healthy ones in which it says nothing."""

from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, diagnose, registry
from gammabeta.diagnosis.curves import curves_of
from gammabeta.diagnosis.replay import MEMO, Place
from gammabeta.diagnosis.rules.learning_rate_too_high import far_above_usual, longest_update
from gammabeta.diagnosis.rules.overfitting import regularized
from gammabeta.diagnosis.rules.weights_that_never_move import dead as died
from gammabeta.diagnosis.verdict import verdict
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GaussianNoise,
    GlobalAveragePool,
    Layer,
    Paced,
    Residual,
    ScaledNormal,
    Seen,
    Sequential,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import AdamW, FromOptax, Momentum, Optimizer, Sgd, Step
from gammabeta.plan import Plan, change
from gammabeta.train.step import Start

BROKE = "non-finite loss"


@dataclass(frozen=True)
class Shares(Layer):
    """Softmax over the units, or over the rows."""

    axis: int = 1

    def apply(self, params, stats, x, call):
        return jax.nn.softmax(x, axis=self.axis), Seen()


@dataclass(frozen=True)
class Halved(Layer):
    """Half of what comes in, between -most and most."""

    most: float

    def apply(self, params, stats, x, call):
        return jnp.clip(x / 2, -self.most, self.most), Seen()


@dataclass(frozen=True)
class Remembering(Optimizer):
    """Heavy ball with a rate that has to be given."""

    learning_rate: float
    strength: float
    momentum: float = 0.9

    def direction(self):
        return Sgd().direction()


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


def found(code, made):
    return list(registry()[code].rule(made))


def test_where_weights_are_off_growing_gradients_follow_from_them():
    layers = (*stack(5, "relu", 6, initializer=ScaledNormal(3.0)), *stack(7, "relu", 6), Dense(1))
    made = case(*layers)
    (weights,), (gradients,) = found("GB202", made), found("GB404", made)
    assert "(5 layers are off)" in weights.evidence
    assert weights.certainty == 0.85 > gradients.certainty


def test_optimizers_without_defaults_are_compared_where_they_have_some():
    assert found("GB303", case(*PLAIN, optimizer=FromOptax(name="lion", arguments={"b1": 0.99}))) == []
    own = case(*PLAIN, optimizer=Remembering(learning_rate=9.0, strength=2.0, momentum=0.99))
    (suspicion,) = found("GB303", own)
    assert suspicion.evidence == "momentum is 0.99 (default 0.9)"
    assert suspicion.treatments[0].plan(own.plan).optimizer == Remembering(learning_rate=9.0, strength=2.0)
    assert far_above_usual(9.0, own) == ()
    assert len(far_above_usual(9.0, case(*PLAIN))) == 1


def one_column(data):
    return Dataset(data.x[:, :1], data.y)


@pytest.mark.parametrize("layers", [PLAIN, (Dense(1), Activation("tanh"), Dense(6), Activation("relu"), Dense(1))])
def test_units_of_a_single_input_are_equal_only_where_weights_and_biases_are(layers):
    plan = case(*layers).plan
    narrow = Case.of(plan, one_column(rows(90, 0)))
    assert found("GB201", narrow) == []
    place = 0 if len(layers) == 3 else 2
    params = list(narrow.start.params)
    params[place] = {name: np.full_like(value, 0.7) for name, value in params[place].items()}
    equal = Case(narrow.plan, narrow.train, began=Start(tuple(params), narrow.start.stats))
    (suspicion,) = found("GB201", equal)
    assert (suspicion.place, suspicion.numbers["share_of_equal_pairs"]) == (f"layers.{place}", 1)
    params[place] = {**params[place], "bias": np.arange(len(params[place]["bias"]), dtype=np.float32)}
    assert found("GB201", Case(narrow.plan, narrow.train, began=Start(tuple(params), narrow.start.stats))) == []


def images(*layers, classes=0):
    flat = rows(60, 0, classes)
    data = Dataset(np.repeat(flat.x[:, :, None, None], 4, axis=2), flat.y)
    return Case.of(Plan(network=Sequential(layers), loss=SoftmaxCrossEntropy() if classes else SquaredError()), data)


def test_one_by_one_convolutions_of_one_channel_are_not_equal_by_their_signs():
    assert found("GB201", images(Conv2D(6, 1), Activation("relu"), GlobalAveragePool(), Dense(1))) == []


@pytest.mark.parametrize("last", [(), (Dropout(0.2),), (Activation("identity"),), (Activation("leaky_relu"),)])
def test_a_last_layer_that_gives_everything_is_no_bound(last):
    assert found("GB204", images(Conv2D(3, 2), GlobalAveragePool(), *last, classes=3)) == []


def test_a_network_that_ends_in_a_mean_over_the_image_is_looked_at():
    assert found("GB204", images(Conv2D(1, 2), GlobalAveragePool())) == []


@pytest.mark.parametrize(("function", "reach"), [("sigmoid", "[0, 1]"), ("tanh", "[-1, 1]"), ("relu", "[0, inf]")])
def test_an_activation_behind_the_last_layer_is_a_bound_also_without_a_dense_layer(function, reach):
    made = images(Conv2D(3, 2), GlobalAveragePool(), Frozen(Activation(function)), classes=3)
    (suspicion,) = found("GB204", made)
    assert suspicion.evidence == f"the last layer's outputs stay in {reach} by its activation"
    assert suspicion.treatments[0].plan(made.plan).layers.layers == made.plan.layers.layers[:2]
    before = images(Conv2D(3, 2), Frozen(Activation(function)), GlobalAveragePool(), Dropout(0.3), classes=3)
    (suspicion,) = found("GB204", before)
    assert reach in suspicion.evidence
    left = before.plan.layers.layers
    assert suspicion.treatments[0].plan(before.plan).layers.layers == (left[0], *left[2:])


@pytest.mark.parametrize("behind", [(Dropout(0.3),), (Flatten(), Dropout(0.3)), (Activation("identity"),)])
def test_a_bound_is_one_whatever_stands_behind_it(behind):
    (suspicion,) = found("GB204", case(Dense(4), Activation("relu"), Dense(1), Activation("sigmoid"), *behind))
    assert suspicion.evidence.startswith("the last activation reaches [0, 1] only")


def test_own_layers_behind_the_last_one_are_a_bound_where_they_are_one():
    (suspicion,) = found("GB204", case(Dense(3), Shares(), classes=3))
    assert "softmax twice" in suspicion.evidence
    (suspicion,) = found("GB204", case(Dense(1), Shares()))
    assert suspicion.evidence.startswith("the last activation reaches [1, 1] only")
    (suspicion,) = found("GB204", case(Dense(3), Halved(0.5), classes=3))
    assert suspicion.evidence == "the last layer's outputs stay in [-0.5, 0.5] by its activation"
    assert found("GB204", case(Dense(3), Halved(1e30), classes=3)) == []


def test_weights_under_a_wrapper_are_judged_at_their_place():
    for wrap in (Frozen, Paced):
        made = case(Dense(9), Activation("tanh"), wrap(Dense(5, initializer=LARGE)), Activation("tanh"), Dense(1))
        (suspicion,) = found("GB202", made)
        assert suspicion.place == "layers.2"
        mended = suspicion.treatments[0].plan(made.plan).layers.layers[2]
        assert isinstance(mended, wrap)
        assert mended.layer.initializer == made.plan.layers.layers[0].initializer


@pytest.mark.parametrize(
    ("norm", "undone"), [(Paced(BatchNorm()), 1), (Frozen(BatchNorm()), 0), (BatchNorm(normalizes_by="memory"), 0)]
)
def test_only_a_batch_norm_by_the_batch_undoes_a_bias(norm, undone):
    assert len(found("GB209", case(Dense(5, bias=True), norm, Dense(1)))) == undone


def test_activations_under_a_wrapper_are_looked_at():
    dead = (Dense(5), BatchNorm(initial_beta=-9.0), Paced(Activation("relu")), Dense(1))
    assert len(found("GB401", case(*dead))) == 1
    assert len(found("GB402", case(Dense(5, initializer=LARGE), Paced(Activation("tanh")), Dense(1)))) == 1
    assert len(found("GB403", case(*(Paced(layer) for layer in stack(7, "sigmoid")), Dense(1)))) == 1
    assert len(found("GB405", case(Dense(5), Paced(Shares()), Dense(1)))) == 1
    assert all(died(view) for view in case(*dead).at_start.leaves[2:3])


def test_memories_that_come_from_another_run_are_meant():
    fresh = ILL["GB504"][0]()
    assert len(found("GB504", fresh)) == 1
    begun = Case(fresh.plan, fresh.train, began=Start(fresh.start.params, fresh.start.stats))
    assert found("GB504", begun) == []
    for weight in (0.0, 1.0):
        memory = fresh.start.stats[1]._replace(weight=np.float32(weight))
        stats = (fresh.start.stats[0], memory, *fresh.start.stats[2:])
        finished = Case(fresh.plan, fresh.train, params=fresh.start.params, stats=stats)
        assert len(found("GB504", finished)) == (weight == 0)


@pytest.mark.parametrize("wrap", [Frozen, lambda layer: Paced(layer, factor=0.0)])
def test_the_length_of_updates_is_that_of_the_weights_that_train(wrap):
    moved = {f"params.{i}.weight.update": 0.02 for i in (2, 4)} | {f"params.{i}.weight.update": 0.0 for i in (0, 1, 3)}
    sizes = {f"params.{i}.weight.weight": 1.0 for i in range(5)}
    line = {"epoch": 1, "steps": 6, "train": {}, "valid": {}, "signals": {**moved, **sizes}}
    layers = (wrap(Dense(4)), wrap(Dense(4)), Dense(4), wrap(Dense(4)), Dense(1))
    made = case(*layers)
    assert longest_update(Case(made.plan, made.train, history=(line,))) == pytest.approx(0.02)
    plain = case(*(Dense(4) for _ in range(4)), Dense(1))
    assert longest_update(Case(plain.plan, plain.train, history=(line,))) == 0


@pytest.mark.parametrize(("epochs", "more"), [(6, 4), (24, 6)])
def test_a_loss_that_still_falls_is_said_to_fall_in_so_many_epochs_more(epochs, more):
    made = case(*PLAIN)
    lines = tuple(
        {"epoch": i + 1, "steps": 6 * (i + 1), **one} for i, one in enumerate(line(np.linspace(2, 1, epochs)))
    )
    done = Case(made.plan, made.train, None, lines, made.start.params, made.start.stats)
    (suspicion,) = found("GB603", done)
    assert f"in another {more} epochs the loss would fall" in suspicion.evidence
    assert f"in another {more} epochs the loss would fall" in verdict(Case(made.plan, made.train, None, lines))
    (suspicion,) = found("GB302", done)
    # nothing was probed
    assert "nan" not in suspicion.evidence
    assert "an update is" not in suspicion.evidence
    assert f"from epoch {epochs - max(2, epochs // 4) + 1} to epoch {epochs}" in suspicion.evidence


def test_a_run_that_was_killed_before_its_model_was_written_has_not_diverged():
    made = case(*PLAIN)
    lines = [{"epoch": i + 1, "steps": 6 * (i + 1), **one} for i, one in enumerate(line([2.0, 1.0, 0.8]))]
    (suspicion,) = found("GB301", Case(made.plan, made.train, None, (*lines, {**lines[-1], "ended": BROKE})))
    assert "no longer finite" in suspicion.evidence
    assert suspicion.certainty == 0.7
    for one in found("GB301", Case(made.plan, made.train, None, tuple(lines))):
        assert "no longer finite" not in one.evidence
        assert one.certainty < 0.7


@pytest.mark.parametrize(
    ("layers", "place", "says"),
    [
        ((GaussianNoise(0.5),), "noise", "no noise"),
        ((Dropout(0.5),), "dropout", "no dropout"),
        ((GaussianNoise(0.6), Dropout(0.2)), "noise", "no dropout or noise"),
    ],
)
def test_noise_and_dropout_are_called_what_they_are(layers, place, says):
    made = case(Dense(5), *layers, Dense(1))
    (suspicion,) = found("GB307", made)
    assert (suspicion.place, suspicion.treatments[0].says) == (place, says)
    kinds = [type(layer) for layer in suspicion.treatments[0].plan(made.plan).layers.layers]
    assert kinds == [Dense, Dense]


def test_more_regularization_is_called_as_strong_as_it_is():
    treatments = regularized(case(*PLAIN, l2=0.02))
    assert [one.says for one in treatments if one.says.startswith("L2")] == ["L2 of 0.2"]


def test_an_epsilon_is_held_against_variances_only_where_some_are_remembered():
    (suspicion,) = found("GB506", ILL["GB506"][0]())
    assert suspicion.evidence == "epsilon is 100, above 0.0001, and no variance is known yet to hold it against"
    assert suspicion.numbers == {"epsilon": 100}

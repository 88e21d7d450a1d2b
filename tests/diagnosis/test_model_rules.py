"""Rules about losses, weights and memories: each finds what was planted, and says nothing where all is well."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, diagnose, registry
from gammabeta.diagnosis.rules.underfitting import narrowest
from gammabeta.diagnosis.treatments import activations_added, last_layer_from_zeros, wider
from gammabeta.nn import (
    AbsoluteError,
    Activation,
    BatchNorm,
    ClassLoss,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GlobalAveragePool,
    Huber,
    Layer,
    Loss,
    MulticlassHinge,
    Paced,
    RandomBrightness,
    RandomRotation,
    Seen,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    Zeros,
    bare,
)
from gammabeta.plan import Plan
from gammabeta.train.fit import met
from gammabeta.train.step import Start, fresh_state


@dataclass(frozen=True)
class Turned(Loss):
    """Squared error with its sign turned."""

    def rows(self, outputs, targets):
        return -jnp.mean((outputs - targets) ** 2, axis=1)


@dataclass(frozen=True)
class TurnedClasses(ClassLoss):
    """Cross-entropy with its sign turned."""

    def rows(self, outputs, targets):
        return -SoftmaxCrossEntropy().rows(outputs, targets)


@dataclass(frozen=True)
class Amounts(ClassLoss):
    """Squared error to the number of the class."""

    def rows(self, outputs, targets):
        return jnp.mean((outputs - targets[:, None]) ** 2, axis=1)


@dataclass(frozen=True)
class Rates(Loss):
    """Poisson's, of the logarithm of what is expected."""

    def rows(self, outputs, targets):
        return jnp.mean(jnp.exp(outputs) - targets * outputs, axis=1)

    def predict(self, outputs):
        return jnp.exp(outputs)


@dataclass(frozen=True)
class Stopped(Layer):
    """Nothing flows back through it."""

    def apply(self, params, stats, x, call):
        return jax.lax.stop_gradient(x), Seen()


def rows(count, seed, kind):
    random = np.random.default_rng(seed)
    x = (3 + 2 * random.normal(size=(count, 4))).astype(np.float32)
    value = x @ np.float32([1.0, -0.5, 0.3, 0.0]) - 2
    if kind == "classes":
        return Dataset(x, np.digitize(value, [-1.0, 1.5]).astype(np.int32))
    if kind == "binary":
        return Dataset(x, (value > 0.4).astype(np.float32)[:, None])
    if kind == "counts":
        return Dataset(x, random.poisson(np.exp(0.4 * value)).astype(np.float32)[:, None])
    return Dataset(x, (value / 2.3 + 0.1 * random.normal(size=count)).astype(np.float32)[:, None])


def found(code, case):
    return list(registry()[code].rule(case))


def case_of(loss, kind):
    units = 3 if kind == "classes" else 1
    plan = Plan(network=Sequential((Dense(5), Activation("tanh"), Dense(units))), loss=loss)
    return Case.of(plan, rows(130, 0, kind), rows(71, 1, kind))


@pytest.mark.parametrize(("loss", "kind"), [(Turned(), "numbers"), (TurnedClasses(), "classes")])
def test_a_loss_with_its_sign_turned_leads_away_from_the_answers(loss, kind):
    (suspicion,) = found("GB204", case_of(loss, kind))
    assert (suspicion.severity, suspicion.certainty, suspicion.place) == ("error", 1.0, "loss")
    assert "its sign is turned" in suspicion.evidence
    assert suspicion.numbers["after"] < suspicion.numbers["before"]
    usual = suspicion.treatments[0].plan(case_of(loss, kind).plan).loss
    assert usual == (SoftmaxCrossEntropy() if kind == "classes" else SquaredError())


def test_a_loss_that_takes_classes_for_amounts_is_suspected_and_one_that_does_not_is_not():
    (suspicion,) = found("GB204", case_of(Amounts(), "classes"))
    assert suspicion.severity is None
    assert "class numbers for amounts" in suspicion.evidence
    assert suspicion.treatments[0].plan(case_of(Amounts(), "classes").plan).loss == SoftmaxCrossEntropy()


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (SoftmaxCrossEntropy(label_smoothing=0.1), "classes"),
        (MulticlassHinge(), "classes"),
        (SigmoidCrossEntropy(), "binary"),
        (SquaredError(), "numbers"),
        (AbsoluteError(), "numbers"),
        (Huber(), "numbers"),
        (Rates(), "counts"),
    ],
)
def test_losses_that_ask_for_the_right_answer_are_not_suspected(loss, kind):
    assert found("GB204", case_of(loss, kind)) == []


@pytest.mark.parametrize("bias", [0.0, -90.0])
def test_an_activation_behind_a_regression_is_found_also_where_it_gives_nothing_but_zero(bias):
    layers = Sequential((Dense(1, bias=True), Activation("relu")))
    params = ({"weight": np.float32([[0.4], [-0.2], [0.1], [0.0]]), "bias": np.float32([bias])}, ())
    data = rows(130, 0, "numbers")
    case = Case.of(Plan(network=layers, loss=SquaredError()), data, params=params, stats=((), ()))
    (suspicion,) = found("GB204", replace(case, began=Start(params, ((), ()))))
    assert suspicion.numbers["share_out_of_reach"] == pytest.approx(np.mean(case.probe.y < 0), abs=0.01)
    assert suspicion.evidence.endswith("of the targets are outside")
    assert suspicion.treatments[0].plan(case.plan).network.layers == layers.layers[:1]


@dataclass(frozen=True)
class FarFromZero(Layer):
    """Hardly anything of the rows, some of it their neighbors', on top of a large number."""

    others: float

    def apply(self, params, stats, x, call):
        return 1.0 + 1e-3 * (x - self.others * jnp.mean(x, axis=0)), Seen()


@pytest.mark.parametrize(("others", "codes"), [(0.1, ["GB207"]), (0.0, [])])
def test_an_answer_that_depends_on_other_rows_is_found_however_little_answers_differ(others, codes):
    layers = Sequential((Dense(3), FarFromZero(others)))
    case = Case.of(Plan(network=layers, loss=SoftmaxCrossEntropy()), rows(130, 0, "classes"))
    assert [one.code for one in found("GB207", case)] == codes


def test_rows_that_leak_are_found_also_where_the_trained_network_answers_all_alike():
    layers = Sequential((Dense(3), FarFromZero(0.1)))
    case = Case.of(Plan(network=layers, loss=SoftmaxCrossEntropy()), rows(130, 0, "classes"))
    flat = jax.tree.map(np.zeros_like, case.start.params)
    assert len(found("GB207", replace(case, params=flat, stats=case.start.stats))) == 1


def test_a_narrow_network_is_widened_under_what_freezes_it():
    layers = (Frozen(Dense(2, bias=True)), Activation("relu"), Dense(3), Dense(1))
    plan = Plan(network=Sequential(layers), loss=SquaredError())
    wide = wider(16).plan(plan).network.layers
    assert [getattr(layer, "layer", layer).units for layer in wide if not isinstance(layer, Activation)] == [32, 48, 1]
    assert isinstance(wide[0], Frozen)
    # the layer that answers keeps its width, frozen or not
    frozen_end = plan.replace(network=Sequential((*layers[:-1], Frozen(Dense(1)))))
    hidden, end = wider(16).plan(frozen_end).network.layers[2:]
    assert (hidden.units, end.layer.units) == (48, 1)
    assert narrowest(Case.of(plan, rows(130, 0, "numbers"))) == 2


def test_without_a_dense_layer_the_convolution_that_answers_keeps_its_width():
    layers = (Conv2D(2, 1), Activation("relu"), Paced(Conv2D(4, 1)), Conv2D(3, 1), GlobalAveragePool())
    plan = case_of(SoftmaxCrossEntropy(), "classes").plan
    wide = wider(4).plan(plan.replace(network=Sequential(layers))).network.layers
    assert [layer.filters for layer in map(bare, wide) if isinstance(layer, Conv2D)] == [8, 16, 3]
    bare_plan = plan.replace(network=Sequential((Activation("relu"),)))
    assert wider(4).plan(bare_plan) == last_layer_from_zeros().plan(bare_plan) == bare_plan


def test_the_last_layer_starts_at_zero_also_where_it_is_wrapped():
    plan = case_of(SquaredError(), "numbers").plan
    made = last_layer_from_zeros().plan(plan.replace(network=Sequential((Dense(5), Paced(Dense(1))))))
    assert [isinstance(layer.initializer, Zeros) for layer in map(bare, made.network.layers)] == [False, True]


def test_a_metric_below_zero_is_said_as_it_is():
    far = replace(rows(130, 0, "numbers"), x=50 * rows(130, 0, "numbers").x)
    (suspicion,) = found("GB204", Case.of(case_of(Turned(), "numbers").plan, far))
    assert suspicion.numbers["before"] < 0
    assert f"from {suspicion.numbers['before']:.3f} to {suspicion.numbers['after']:.3f}" in suspicion.evidence


def test_activations_are_added_where_those_that_do_nothing_stand_or_behind_batch_norm():
    layers = (Dense(5), BatchNorm(), Activation("identity"), Dense(4), BatchNorm(), Dropout(0.2), Dense(3), Dense(1))
    made = activations_added().plan(case_of(SquaredError(), "numbers").plan.replace(network=Sequential(layers)))
    names = [getattr(layer, "function", type(layer).__name__) for layer in made.network.layers]
    assert " ".join(names) == "Dense BatchNorm relu Dense BatchNorm relu Dropout Dense relu Dense"


def finished(layers, moved):
    """A run whose weights ``moved`` says how to change: place -> factor, everything else by chance."""
    data = rows(130, 0, "numbers")
    plan = met(Plan(network=Sequential(layers), loss=SquaredError(), epochs=3), data)
    state = jax.device_get(fresh_state(plan, data.input_shape))
    random = np.random.default_rng(7)
    params = tuple(
        {name: np.float32(moved[i]) * value for name, value in part.items()}
        if i in moved
        else jax.tree.map(lambda value: value + random.normal(size=np.shape(value)).astype(np.float32), part)
        for i, part in enumerate(state.params)
    )
    history = ({"epoch": 3, "steps": 15, "train": {}, "valid": {}, "ended": "epochs", "best": True},)
    return Case(plan, data, rows(71, 1, "numbers"), history, params, state.stats)


BEHIND = (Dense(5), Activation("tanh"), Stopped(), Dense(4), Activation("tanh"), Dense(1))


@pytest.mark.parametrize("share", [1.0, 0.93])
def test_weights_behind_a_stopped_gradient_are_found_also_where_decay_shrinks_them(share):
    (suspicion,) = found("GB206", finished(BEHIND, {0: share}))
    assert suspicion.place == "layers.0"
    assert suspicion.severity is not None
    (without,) = suspicion.treatments
    assert without.plan(finished(BEHIND, {}).plan).network.layers == tuple(
        layer for layer in finished(BEHIND, {}).plan.network.layers if not isinstance(layer, Stopped)
    )


def test_weights_that_train_are_not_found():
    assert found("GB206", finished(BEHIND, {})) == []
    assert found("GB206", finished(tuple(layer for layer in BEHIND if not isinstance(layer, Stopped)), {0: 0.93})) == []


def test_dead_units_keep_a_gradient_away_without_being_named_twice():
    dead = (Dense(5), BatchNorm(initial_beta=-90.0), Activation("relu"), Dense(4), Activation("tanh"), Dense(1))
    still = finished(dead, {0: 1.0, 1: 1.0, 3: 1.0})
    assert np.all(still.at_end.leaves[2].most <= 0)
    assert found("GB206", still) == []
    assert len(found("GB401", still)) == 1


def test_units_that_were_hardly_born_alive_convict_more_than_those_that_died():
    unborn = (Dense(5), BatchNorm(initial_beta=-2.6), Activation("relu"), Dense(1))
    plan = Plan(network=Sequential(unborn), loss=SquaredError())
    (suspicion,) = found("GB401", Case.of(plan, rows(300, 0, "numbers")))
    assert suspicion.certainty == 0.8
    assert suspicion.numbers["born_dead"] == 1
    died = finished((Dense(5, bias=True), Activation("relu"), Dense(1)), {})
    params = ({**died.params[0], "bias": np.full(5, -1e3, np.float32)}, *died.params[1:])
    (suspicion,) = found("GB401", replace(died, params=params))
    assert suspicion.certainty == 0.55
    assert suspicion.numbers["born_dead"] < 0.4


def test_layers_frozen_by_the_plan_are_meant_and_a_run_that_trains_them_is_tried():
    (suspicion,) = found("GB206", finished((Frozen(Dense(5)), *BEHIND[1:2], *BEHIND[3:]), {0: 1.0}))
    assert (suspicion.place, suspicion.severity, suspicion.meant) == ("layers.0", None, True)
    plan = finished((Frozen(Dense(5)), *BEHIND[1:2], *BEHIND[3:]), {}).plan
    assert not any(isinstance(layer, Frozen) for layer in suspicion.treatments[0].plan(plan).network.layers)


def turned(degrees, *more):
    """A network that tells bright left halves from right ones, after training with images turned by so much."""
    random = np.random.default_rng(3)
    y = (random.random(90) < 0.4).astype(np.float32)
    x = random.normal(60, 5, (90, 6, 6, 1))
    x[:, :, :3] += 90 * y[:, None, None, None]
    x[:, :, 3:] += 90 * (1 - y)[:, None, None, None]
    data = Dataset(x.astype(np.float32), y[:, None], offset=np.float32([105]), factor=np.float32([1 / 45]))
    plan = Plan(network=Sequential((Flatten(), Dense(1))), loss=SigmoidCrossEntropy())
    plan = met(plan.replace(augmentation=(RandomRotation(degrees), *more)), data)
    side = np.where(np.arange(36) % 6 < 3, 1.0, -1.0).astype(np.float32)[:, None]
    return Case(plan, data, data, (), ((), {"weight": side, "bias": np.zeros(1, np.float32)}), ((), ()))


def test_images_turned_until_they_show_another_answer_are_found_and_trained_without_it():
    (suspicion,) = found("GB308", turned(180.0, RandomBrightness(0.1)))
    assert (suspicion.place, suspicion.certainty) == ("augmentation", 0.75)
    assert suspicion.numbers["plain"] > 0.95
    assert suspicion.numbers["augmented"] == pytest.approx(0.5, abs=0.15)
    plans = [one.plan(turned(180.0, RandomBrightness(0.1)).plan).augmentation for one in suspicion.treatments]
    assert plans == [None, (RandomBrightness(0.1),), (RandomRotation(180.0),)]
    assert found("GB308", turned(10.0)) == []


def remembering(**settings):
    network = Sequential((Dense(4), BatchNorm(**settings), Activation("relu"), Dense(1)))
    data = rows(130, 0, "numbers")
    plan = met(Plan(network=network, loss=SquaredError(), epochs=3), data)
    from gammabeta.train import fit

    last = None
    lines = []
    for epoch in fit(plan, data, rows(71, 1, "numbers"), probe=None):
        last = epoch
        lines.append(epoch.to_json())
    return Case(plan, data, rows(71, 1, "numbers"), tuple(lines), last.state.params, last.state.stats)


def test_a_memory_longer_than_the_run_is_suspected_and_exact_statistics_are_tried():
    case = remembering(estimator="ema", update_rate=1e-3)
    (suspicion,) = found("GB502", case)
    assert suspicion.certainty >= 0.8
    # what it costs, the fork says
    assert suspicion.severity is None
    assert "remembers 1000 batches" in suspicion.evidence
    changed = suspicion.treatments[0].plan(case.plan).network.layers[1]
    assert replace(changed, estimator="ema") == case.plan.network.layers[1]


def test_a_memory_is_held_against_the_planned_steps_where_no_history_says_how_many_were_made():
    case = remembering(estimator="ema", update_rate=1e-3)
    found_without = found("GB502", replace(case, history=(), measured={}))
    assert "remembers 1000 batches" in found_without[0].evidence
    # 15 steps are planned
    short = replace(case.plan.network.layers[1], update_rate=0.9)
    network = Sequential((case.plan.network.layers[0], short, *case.plan.network.layers[2:]))
    without = replace(case, plan=case.plan.replace(network=network, epochs=30), history=(), measured={})
    assert all("remembers" not in one.evidence for one in found("GB502", without))


def dropped(rate):
    """Batch norm that sees the inputs, of mean 3 and variance 4, through dropout."""
    layers = (Dropout(rate), BatchNorm(), Dense(5), Activation("tanh"), Dense(1))
    return Case.of(Plan(network=Sequential(layers), loss=SquaredError()), rows(400, 0, "numbers"))


@pytest.mark.parametrize(("rate", "noted"), [(0.1, False), (0.4, True)])
def test_dropout_before_batch_norm_is_suspected_by_the_variance_it_adds_and_noted_where_that_is_much(rate, noted):
    (suspicion,) = found("GB503", dropped(rate))
    assert suspicion.numbers["ratio"] == pytest.approx((4 / (1 - rate) + 9 * rate / (1 - rate)) / 4, rel=0.15)
    assert f"{suspicion.numbers['ratio']:.2f} times as large with dropout (of {rate})" in suspicion.evidence
    told = [(one.code, one.severity, one.place) for one in diagnose(dropped(rate), forks=False, family="GB503")]
    assert told == [("GB503", "note", "layers.1 (batch_norm)")] * noted


def test_dropout_behind_the_last_batch_norm_is_not_suspected():
    layers = (Dense(5), BatchNorm(), Activation("tanh"), Dropout(0.5), Dense(1))
    assert not found("GB503", Case.of(Plan(network=Sequential(layers), loss=SquaredError()), rows(130, 0, "numbers")))

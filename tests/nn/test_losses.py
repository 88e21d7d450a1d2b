"""Every loss against its formula in NumPy, against torch and scikit-learn: one list of losses, one list of laws."""

import dataclasses
import json
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics
from sklearn.utils import compute_sample_weight

from gammabeta.errors import PlanError
from gammabeta.nn.losses import (
    AbsoluteError,
    BinnedRegression,
    Huber,
    Loss,
    MulticlassHinge,
    PositiveLogLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    class_weights,
)
from gammabeta.serial import Description, dumps, from_json, lift, lower
from gammabeta.train.step import mean_loss


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


# ---- the formulas, one row at a time: o (k,) outputs, t the target of the row


def softmax_cross_entropy(loss, o, t):
    wanted = np.full(len(o), loss.label_smoothing / len(o))
    wanted[t] += 1 - loss.label_smoothing
    return -wanted @ np.log(np.exp(o) / np.exp(o).sum())


def sigmoid_cross_entropy(loss, o, t):
    p, s = 1 / (1 + np.exp(-o)), t * (1 - loss.label_smoothing) + 0.5 * loss.label_smoothing
    return np.mean(-s * np.log(p) - (1 - s) * np.log(1 - p))


def positive_log_loss(loss, o, t):
    return sum(-label * math.log(special.expit(score), loss.base) for score, label in zip(o, t, strict=True))


def multiclass_hinge(loss, o, t):
    return sum(max(0.0, score - o[t] + loss.margin) for j, score in enumerate(o) if j != t)


def squared_error(loss, o, t):
    return np.mean([(a - b) ** 2 for a, b in zip(o, t, strict=True)])


def absolute_error(loss, o, t):
    return np.mean([abs(a - b) for a, b in zip(o, t, strict=True)])


def huber(loss, o, t):
    apart = np.abs(o - t)
    return np.mean(np.where(apart <= loss.delta, apart**2 / 2, loss.delta * (apart - loss.delta / 2)))


def binned_regression(loss, o, t):
    parts = []
    for logits, y, ends in zip(np.split(o, len(t)), t, loss.boundaries, strict=True):
        if loss.targets == "hard":
            share = np.histogram([np.clip(y, ends[0], ends[-1])], ends)[0]
        else:
            place = np.interp(y, ends, range(loss.bins + 1))
            share = np.diff(stats.norm.cdf(range(loss.bins + 1), place, loss.softness))
        parts.append(-share @ special.log_softmax(logits) / share.sum())
    return np.mean(parts)


# ---- the list: what a loss is compared with. Numbers that no default shares, so that a number left unread shows


class Case(NamedTuple):
    """A loss with outputs (rows, k) and targets for it; formula is of one row, unknown what it is at equal outputs."""

    loss: Loss
    formula: Callable[[Any, np.ndarray, Any], float]
    outputs: np.ndarray
    targets: np.ndarray


ROWS = 7
RANDOM = np.random.default_rng(0)
SCORES = 1 + 2 * RANDOM.standard_normal((ROWS, 4)) + np.arange(4) / 2
CLASSES = np.array([0, 3, 2, 2, 1, 0, 3])
LOGITS = 0.5 + 2 * RANDOM.standard_normal((ROWS, 3))
LABELS = (RANDOM.random((ROWS, 3)) < [0.2, 0.5, 0.8]).astype(np.float64)
NUMBERS = 0.3 + 1.4 * RANDOM.standard_normal((ROWS, 2)) * [1, 0.6]
GUESSES = NUMBERS + RANDOM.standard_normal((ROWS, 2))
MANY = RANDOM.gamma(2.0, 1.0, (101, 2)) - [2, 1]
BINS = BinnedRegression(bins=6).fitted(MANY)
FEW_BINS = BinnedRegression(bins=5, edges="quantile", targets="soft", softness=0.6).fitted(MANY)
SPREAD = np.array([[-4.0, 0.1], [0.2, 9.0], *(MANY[:5] + 0.01)])  # two of them beyond the ends
HALVES = 2 * RANDOM.standard_normal((ROWS, 12))

CASES = {
    "softmax_cross_entropy": Case(SoftmaxCrossEntropy(), softmax_cross_entropy, SCORES, CLASSES),
    "softmax, smoothed": Case(SoftmaxCrossEntropy(label_smoothing=0.13), softmax_cross_entropy, SCORES, CLASSES),
    "sigmoid_cross_entropy": Case(SigmoidCrossEntropy(), sigmoid_cross_entropy, LOGITS, LABELS),
    "sigmoid, one label": Case(SigmoidCrossEntropy(), sigmoid_cross_entropy, LOGITS[:, :1], LABELS[:, :1]),
    "sigmoid, smoothed": Case(SigmoidCrossEntropy(label_smoothing=0.21), sigmoid_cross_entropy, LOGITS, LABELS),
    "sigmoid, between 0 and 1": Case(SigmoidCrossEntropy(), sigmoid_cross_entropy, LOGITS, 0.8 * LABELS + 0.05),
    "positive_log_loss": Case(PositiveLogLoss(), positive_log_loss, LOGITS, LABELS),
    "positive_log_loss, base 2": Case(PositiveLogLoss(base=2), positive_log_loss, LOGITS, LABELS),
    "multiclass_hinge": Case(MulticlassHinge(), multiclass_hinge, SCORES, CLASSES),
    "multiclass_hinge, wide": Case(MulticlassHinge(margin=2.3), multiclass_hinge, SCORES, CLASSES),
    "squared_error": Case(SquaredError(), squared_error, GUESSES, NUMBERS),
    "squared_error, one target": Case(SquaredError(), squared_error, GUESSES[:, :1], NUMBERS[:, :1]),
    "absolute_error": Case(AbsoluteError(), absolute_error, GUESSES, NUMBERS),
    "huber": Case(Huber(), huber, GUESSES, NUMBERS),
    "huber, small": Case(Huber(delta=0.4), huber, GUESSES, NUMBERS),
    "binned_regression": Case(BINS, binned_regression, HALVES, SPREAD),
    "binned_regression, soft quantiles": Case(FEW_BINS, binned_regression, HALVES[:, :10], SPREAD),
}
every_loss = pytest.mark.parametrize("name", CASES)
WEIGHTS = np.array([1, 0, 2, 1, 3, 0, 1])


class Found(NamedTuple):
    """What a loss gave: (rows,), its slope by the outputs (rows, k), what it predicts, and its weighted mean."""

    rows: np.ndarray
    slopes: np.ndarray
    predicted: np.ndarray
    mean: np.ndarray


traced = []


# All losses in one program: one compilation instead of twenty. Level 0, since it runs a few times only.
@partial(jax.jit, static_argnames="skeletons", compiler_options={"xla_backend_optimization_level": 0})
def computed(skeletons, numbers, outputs, targets, weights):
    traced.append(skeletons)

    def one(loss, outputs, targets):
        slopes = jax.grad(lambda outputs: jnp.sum(loss.rows(outputs, targets).astype(float)))(outputs)
        mean = mean_loss(loss, outputs, targets, weights)
        return Found(loss.rows(outputs, targets), slopes, loss.predict(outputs), mean)

    losses = [lower(skeleton, own) for skeleton, own in zip(skeletons, numbers, strict=True)]
    return [one(*each) for each in zip(losses, outputs, targets, strict=True)]


def run(change=lambda loss: loss, outputs=lambda o: o, targets=lambda t: t, precise=True):
    """Name -> Found, for the losses of the list or others like them."""
    skeletons, numbers = zip(*(lift(change(case.loss)) for case in CASES.values()), strict=True)
    given = [outputs(case.outputs) for case in CASES.values()], [targets(case.targets) for case in CASES.values()]
    with jax.enable_x64(precise):
        made = computed(skeletons, numbers, *given, WEIGHTS.astype(float))
    return dict(zip(CASES, jax.tree.map(np.asarray, made), strict=True))


@cache
def usual():
    return run()


def by_formula(case, outputs=None):
    outputs = case.outputs if outputs is None else outputs
    return np.array([case.formula(case.loss, o, t) for o, t in zip(outputs, case.targets, strict=True)])


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=tolerance, atol=tolerance)


def test_the_list_holds_every_loss():
    known = {
        kind
        for kind in Description.kinds.values()
        if issubclass(kind, Loss) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("gammabeta.")
    }
    assert {type(case.loss) for case in CASES.values()} == known


@every_loss
def test_a_loss_equals_its_formula(name):
    found = usual()[name].rows
    assert found.shape == (ROWS,)
    assert found.dtype == np.float64
    close(found, by_formula(CASES[name]))


@every_loss
def test_a_slope_equals_the_central_difference_of_the_formula(name):
    case, step = CASES[name], 1e-6
    for column, direction in enumerate(np.eye(case.outputs.shape[1])):
        above, below = (by_formula(case, case.outputs + sign * step * direction) for sign in (1, -1))
        close(usual()[name].slopes[:, column], (above - below) / (2 * step), 1e-8)
    assert np.abs(usual()[name].slopes).max() > 0.01


def torch_reference(torch, name):
    """The same loss by torch, a function of (outputs, targets) that gives one number for each row."""
    f, case = torch.nn.functional, CASES[name]

    def mean(each):
        return each.mean(dim=1)

    match case.loss:
        case SoftmaxCrossEntropy(label_smoothing=s):
            return lambda o, t: f.cross_entropy(o, t, label_smoothing=s, reduction="none")
        case SigmoidCrossEntropy(label_smoothing=s):
            return lambda o, t: mean(f.binary_cross_entropy_with_logits(o, (1 - s) * t + s / 2, reduction="none"))
        case PositiveLogLoss(base=base):
            return lambda o, t: -(t * f.logsigmoid(o)).sum(dim=1) / math.log(base)
        case MulticlassHinge(margin=margin):
            return lambda o, t: f.multi_margin_loss(o, t, margin=margin, reduction="none") * o.shape[1]
        case SquaredError():
            return lambda o, t: mean(f.mse_loss(o, t, reduction="none"))
        case AbsoluteError():
            return lambda o, t: mean(f.l1_loss(o, t, reduction="none"))
        case Huber(delta=delta):
            return lambda o, t: mean(f.huber_loss(o, t, delta=delta, reduction="none"))
    return None


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not isinstance(case.loss, BinnedRegression)])
def test_a_loss_and_its_slope_equal_those_of_torch(name):
    torch = pytest.importorskip("torch")
    outputs = torch.tensor(CASES[name].outputs, requires_grad=True)
    rows = torch_reference(torch, name)(outputs, torch.tensor(CASES[name].targets))
    rows.sum().backward()
    close(usual()[name].rows, rows.detach().numpy())
    close(usual()[name].slopes, outputs.grad.numpy())


def test_hard_bins_are_the_softmax_cross_entropy_of_the_bins():
    codes = np.stack([np.clip(np.digitize(y, e) - 1, 0, 5) for y, e in zip(SPREAD.T, BINS.boundaries, strict=True)])
    own = [SoftmaxCrossEntropy().rows(HALVES[:, 6 * i : 6 * i + 6], jnp.asarray(codes[i])) for i in range(2)]
    close(usual()["binned_regression"].rows, np.mean(own, axis=0))


def test_weighted_losses_equal_those_of_scikit_learn():
    def weighted(name):
        return usual()[name].mean

    chances = usual()["softmax_cross_entropy"].predicted
    close(weighted("softmax_cross_entropy"), metrics.log_loss(CLASSES, chances, sample_weight=WEIGHTS))
    chances = usual()["sigmoid, one label"].predicted
    close(weighted("sigmoid, one label"), metrics.log_loss(LABELS[:, :1], chances, sample_weight=WEIGHTS))
    close(weighted("squared_error"), metrics.mean_squared_error(NUMBERS, GUESSES, sample_weight=WEIGHTS))
    close(weighted("absolute_error"), metrics.mean_absolute_error(NUMBERS, GUESSES, sample_weight=WEIGHTS))


@every_loss
def test_whole_weights_count_like_repeated_rows(name):
    close(usual()[name].mean, np.mean(np.repeat(by_formula(CASES[name]), WEIGHTS)))


@cache
def permuted():
    order = np.array([3, 6, 0, 5, 1, 4, 2])
    return order, run(outputs=lambda o: o[order], targets=lambda t: t[order])


@every_loss
def test_permuted_rows_give_permuted_losses(name):
    order, found = permuted()
    for part, wanted in zip(found[name][:3], usual()[name][:3], strict=True):
        close(part, wanted[order], 1e-14)


@every_loss
def test_a_loss_comes_back_from_json_equal(name):
    loss = CASES[name].loss
    back = from_json(json.loads(dumps(loss)), expected=Loss)
    assert back == loss
    assert hash(back) == hash(loss)
    assert lift(back)[0] == lift(loss)[0]


def moved(value):
    return tuple(map(moved, value)) if isinstance(value, tuple) else 0.8 * value + 0.05


def with_other(loss, names):
    return loss.replace(**{name: moved(value) for name, value in lift(loss)[1].items() if name in names})


@cache
def with_other_numbers():
    """(every loss with every number a little different, how often that was traced)."""
    usual()
    before = len(traced)
    return run(lambda loss: with_other(loss, lift(loss)[1])), len(traced) - before


def test_other_numbers_share_one_program():
    assert with_other_numbers()[1] == 0
    assert {number for case in CASES.values() for number in lift(case.loss)[1]} == {
        *("label_smoothing", "base", "margin", "delta", "softness", "boundaries", "centers")
    }


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if lift(case.loss)[1]])
def test_another_number_reaches_the_loss_through_the_shared_program(name):
    case = CASES[name]
    other = with_other(case.loss, lift(case.loss)[1])
    found = with_other_numbers()[0][name]
    close(found.rows, by_formula(case._replace(loss=other)))
    assert np.abs(found.rows - usual()[name].rows).max() > 1e-3


@every_loss
def test_losses_are_wide_whatever_the_network_computes_in(name):
    case = CASES[name]
    half = jax.ShapeDtypeStruct(case.outputs.shape, jnp.bfloat16)
    targets = jax.ShapeDtypeStruct(case.targets.shape, np.float32 if case.targets.ndim == 2 else np.int32)
    with jax.enable_x64(False):
        assert jax.eval_shape(case.loss.rows, half, targets).dtype == jnp.float32


@cache
def far_out():
    return run(outputs=lambda o: 1e4 * o, precise=False)


@every_loss
def test_far_outputs_in_float32_give_finite_losses_and_slopes(name):
    found = far_out()[name]
    assert all(np.isfinite(part).all() for part in found)
    assert found.rows.dtype == np.float32
    if name not in ("squared_error", "squared_error, one target"):
        assert np.abs(found.slopes).max() <= 4


# ---- what is predicted, and what it is where nothing is known


@every_loss
def test_the_predictions_are_what_the_task_asks_for(name):
    case, found = CASES[name], usual()[name].predicted
    if "multiclass" in case.loss.tasks:
        close(found, special.softmax(case.outputs, axis=1))
        assert case.loss.outputs(4) == 4
    elif "binary" in case.loss.tasks:
        close(found, special.expit(case.outputs))
    elif isinstance(case.loss, BinnedRegression):
        p = special.softmax(case.outputs.reshape(ROWS, 2, -1), axis=2)
        close(found, np.einsum("rtb,tb->rt", p, np.array(case.loss.centers)))
        assert case.loss.outputs(2) == case.outputs.shape[1]
    else:
        close(found, case.outputs)


UNKNOWN = {
    "softmax_cross_entropy": math.log(4),
    "softmax, smoothed": math.log(4),
    "sigmoid_cross_entropy": math.log(2),
    "sigmoid, smoothed": math.log(2),
    "positive_log_loss, base 2": np.sum(LABELS, axis=1),
    "multiclass_hinge, wide": 2.3 * 3,
    "binned_regression": math.log(6),
    "binned_regression, soft quantiles": math.log(5),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_loss_where_nothing_is_known_is_the_one_announced(name):
    loss, _, outputs, targets = CASES[name]
    found = loss.rows(jnp.zeros_like(outputs), jnp.asarray(targets))
    close(found, np.broadcast_to(UNKNOWN[name], (ROWS,)))


NOTES = np.array([0.8, 0.75, 0.1, 0.1, 0.2])
"""What a network answers for five labels, the first two of which are there."""

THERE = np.array([[1.0, 1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("loss", "times", "wanted"),
    [(PositiveLogLoss(base=2), 1, 0.737), (PositiveLogLoss(), 1, 0.511), (SigmoidCrossEntropy(), 5, 0.945)],
    ids=["base 2", "natural", "full cross-entropy, summed"],
)
def test_the_worked_values_of_the_notes(loss, times, wanted):
    assert round(times * float(loss.rows(jnp.asarray(special.logit(NOTES))[None], THERE)[0]), 3) == wanted


def test_answering_1_everywhere_minimizes_the_positive_log_loss_and_nothing_else():
    everywhere, right = jnp.full((1, 5), 30.0), jnp.asarray(60 * THERE - 30)
    assert PositiveLogLoss().rows(everywhere, THERE)[0] < 1e-12
    assert SigmoidCrossEntropy().rows(everywhere, THERE)[0] > 15
    assert SigmoidCrossEntropy().rows(right, THERE)[0] < 1e-12
    assert (np.asarray(jax.grad(lambda o: jnp.sum(PositiveLogLoss().rows(o, THERE)))(jnp.zeros((1, 5)))) <= 0).all()


def test_smoothing_draws_the_best_answer_away_from_certainty():
    s, classes = 0.3, 4
    best = np.full(classes, s / classes)
    best[2] += 1 - s
    one = lambda o: SoftmaxCrossEntropy(s).rows(o[None], jnp.array([2]))[0]  # noqa: E731
    close(jax.grad(one)(jnp.log(best)), np.zeros(classes))
    assert one(jnp.log(best)) > 0.5
    label = lambda o: SigmoidCrossEntropy(s).rows(o[None], jnp.array([[1.0, 0.0]]))[0]  # noqa: E731
    close(jax.grad(label)(jnp.asarray(special.logit([1 - s / 2, s / 2]))), np.zeros(2))


def test_a_single_outlier_pulls_each_error_as_far_as_its_formula_says():
    o, t = jnp.zeros((1, 1)), jnp.full((1, 1), 50.0)
    pulls = {type(x).__name__: -float(jax.grad(lambda o, x=x: x.rows(o, t)[0])(o)[0, 0]) for x in ERRORS}
    assert pulls == {"SquaredError": 100, "AbsoluteError": 1, "Huber": 0.7}


ERRORS = (SquaredError(), AbsoluteError(), Huber(delta=0.7))


@pytest.mark.parametrize("loss", [*ERRORS, BINS], ids=lambda loss: type(loss).__name__)
def test_several_targets_cost_the_mean_of_what_each_costs_alone(loss):
    several, outputs = (SPREAD, HALVES) if loss is BINS else (NUMBERS, GUESSES)
    width = outputs.shape[1] // 2
    alone = []
    for i in range(2):
        part = {name: (getattr(loss, name)[i],) for name in ("boundaries", "centers")} if loss is BINS else {}
        own = loss.replace(**part)
        alone.append(own.rows(jnp.asarray(outputs[:, width * i : width * (i + 1)]), jnp.asarray(several[:, i : i + 1])))
    close(loss.rows(jnp.asarray(outputs), jnp.asarray(several)), np.mean(alone, axis=0))


@pytest.mark.parametrize("loss", [*ERRORS, MulticlassHinge()], ids=lambda loss: type(loss).__name__)
def test_the_slope_at_a_perfect_answer_is_zero(loss):
    o = jnp.array([[3.0, -2.0]])
    target = jnp.array([0]) if isinstance(loss, MulticlassHinge) else o
    assert not np.asarray(jax.grad(lambda o: loss.rows(o, target)[0])(o)).any()


# ---- bins


def test_bins_of_one_width_divide_the_range_of_the_training_targets():
    loss = BinnedRegression(bins=4).fitted(np.array([[1.0], [2.0], [2.5], [9.0]]))
    assert loss.boundaries == ((1, 3, 5, 7, 9),)
    close(loss.centers, [[5.5 / 3, 4, 6, 9]])


@pytest.mark.parametrize("rows", [101, 40, 7])
def test_bins_by_quantiles_hold_equally_many_rows(rows):
    loss = BinnedRegression(bins=5, edges="quantile").fitted(MANY[:rows])
    for y, ends in zip(MANY[:rows].T, loss.boundaries, strict=True):
        counts = np.histogram(y, ends)[0]
        assert abs(counts - rows / 5).max() <= 1.6
        assert ends[0] == y.min()
        assert ends[-1] == y.max()


@pytest.mark.parametrize("edges", ["equal_width", "quantile"])
def test_rows_of_whole_weights_shape_bins_like_repeated_rows(edges):
    weights = RANDOM.integers(0, 4, len(MANY))
    loss = BinnedRegression(bins=5, edges=edges)
    found, wanted = loss.fitted(MANY, weights), loss.fitted(np.repeat(MANY, weights, axis=0))
    assert found.boundaries == wanted.boundaries
    close(found.centers, wanted.centers)


@given(
    y=st.lists(st.sampled_from([-3.0, 0.0, 0.25, 0.5, 1.0, 7.0]) | st.floats(-9, 9, width=16), min_size=2, max_size=30),
    bins=st.integers(2, 12),
    edges=st.sampled_from(["equal_width", "quantile"]),
)
def test_bins_are_as_many_as_asked_and_increase_whatever_the_targets(y, bins, edges):
    y = np.array([*y, min(y) + 10])
    loss = BinnedRegression(bins=bins, edges=edges).fitted(y[:, None])
    ((*ends,),), ((*centers,),) = loss.boundaries, loss.centers
    assert (len(ends), ends[0], ends[-1]) == (bins + 1, y.min(), y.max())
    assert all(low <= center <= high for low, center, high in zip(ends, centers, ends[1:], strict=False))


@pytest.mark.parametrize("edges", ["equal_width", "quantile"])
def test_the_shares_of_the_training_rows_predict_their_mean(edges):
    loss = BinnedRegression(bins=7, edges=edges).fitted(MANY)
    shares = [np.histogram(y, ends)[0] / len(y) for y, ends in zip(MANY.T, loss.boundaries, strict=True)]
    outputs = jnp.log(jnp.asarray(np.concatenate(shares))[None] + 1e-30)
    close(loss.predict(outputs)[0], MANY.mean(axis=0))


@pytest.mark.parametrize("edges", ["equal_width", "quantile"])
def test_an_interval_holds_its_share_of_the_rows(edges):
    loss = BinnedRegression(bins=20, edges=edges).fitted(MANY)
    shares = [np.histogram(y, ends)[0] / len(y) for y, ends in zip(MANY.T, loss.boundaries, strict=True)]
    lower, upper = loss.interval(jnp.log(jnp.asarray(np.concatenate(shares))[None] + 1e-30), level=0.8)
    assert lower.shape == upper.shape == (1, 2)
    for i, y in enumerate(MANY.T):
        assert abs(np.mean(y < lower[0, i]) - 0.1) < 0.03
        assert abs(np.mean(y > upper[0, i]) - 0.1) < 0.03


def test_a_quantile_spreads_each_bin_evenly():
    loss = BinnedRegression(bins=2, boundaries=((0.0, 1.0, 5.0),)).fitted(np.array([[0.5], [3.0]]))
    outputs = jnp.log(jnp.array([[0.4, 0.6], [0.9, 0.1]]))
    for share, wanted in ((0.0, [0, 0]), (0.2, [0.5, 2 / 9]), (0.4, [1, 4 / 9]), (0.7, [3, 7 / 9]), (1.0, [5, 5])):
        close(loss.quantile(outputs, share)[:, 0], wanted)


def test_a_sure_network_answers_with_its_bin():
    outputs = jnp.asarray(1e3 * np.eye(12)[[2]] + 1e3 * np.eye(12)[[6 + 4]])
    lower, upper = BINS.interval(outputs)
    for i, k in enumerate((2, 4)):
        assert BINS.boundaries[i][k] < lower[0, i] < upper[0, i] < BINS.boundaries[i][k + 1]
        close(BINS.predict(outputs)[0, i], BINS.centers[i][k])


def test_soft_targets_become_hard_ones_as_they_harden():
    soft = BINS.replace(targets="soft", softness=1e-4).rows(jnp.asarray(HALVES[2:]), jnp.asarray(SPREAD[2:]))
    close(soft, usual()["binned_regression"].rows[2:], 1e-9)


def test_soft_targets_mean_what_they_are_drawn_around():
    loss = BinnedRegression(bins=50, targets="soft").fitted(np.linspace(-5, 5, 501)[:, None])
    y = jnp.array([[-2.03], [0.4], [3.11]])
    # the slope of the cross-entropy at equal outputs is 1 / bins - q
    share = 1 / 50 - np.asarray(jax.grad(lambda o: jnp.sum(loss.rows(o, y)))(jnp.zeros((3, 50))))
    close(share.sum(axis=1), np.ones(3))
    np.testing.assert_allclose(share @ np.array(loss.centers[0]), y[:, 0], atol=0.02)


def test_a_loss_without_bins_says_how_to_learn_them():
    with pytest.raises(PlanError, match=r"call loss\.fitted\(targets\)"):
        BinnedRegression().rows(jnp.zeros((2, 20)), jnp.zeros((2, 1)))


def test_what_was_learned_stays_when_more_rows_come():
    assert BINS.fitted(MANY + 5) == BINS
    assert SquaredError().fitted(MANY) == SquaredError()


# ---- what is refused


BAD = [
    (SoftmaxCrossEntropy, {"label_smoothing": 1.0}, r"label_smoothing: 1.0 is outside its range \[0, 1\)"),
    (SoftmaxCrossEntropy, {"label_smoothing": -0.1}, r"outside its range \[0, 1\)"),
    (SigmoidCrossEntropy, {"label_smoothing": 1.2}, r"outside its range \[0, 1\)"),
    (PositiveLogLoss, {"base": 1.0}, r"base: 1.0 is outside its range \(1, inf\)"),
    (MulticlassHinge, {"margin": 0.0}, r"margin: 0.0 is outside its range \(0, inf\)"),
    (Huber, {"delta": -1.0}, r"delta: -1.0 is outside its range \(0, inf\)"),
    (BinnedRegression, {"bins": 1}, r"bins: 1 is outside its range \[2, inf\)"),
    (BinnedRegression, {"softness": 0.0}, r"softness: 0.0 is outside its range \(0, 100\]"),
    (BinnedRegression, {"edges": "quantiles"}, "quantile"),
    (BinnedRegression, {"targets": "sof"}, "soft"),
    (BinnedRegression, {"bins": 2, "boundaries": ((0.0, 1.0),)}, "expected 3 numbers for each target of 2 bins"),
    (BinnedRegression, {"bins": 2, "boundaries": ((0.0, 1.0, 1.0),)}, "numbers that increase"),
    (BinnedRegression, {"bins": 2, "boundaries": ((0.0, 1.0, 2.0),), "centers": ((0.5, 1.5),) * 2}, "as many targets"),
    (Huber, {"delta": float("nan")}, "not a finite number"),
]


@pytest.mark.parametrize(("kind", "values", "words"), BAD)
def test_an_impossible_value_is_refused_with_its_range(kind, values, words):
    with pytest.raises(PlanError, match=words):
        kind(**values)
    with pytest.raises(PlanError, match=words):
        from_json({"type": {k: n for n, k in Description.kinds.items()}[kind], **values}, "plan.loss")


@every_loss
def test_a_loss_refuses_targets_of_another_kind_and_takes_its_own(name):
    case = CASES[name]
    case.loss.refuse(case.targets)
    other = CLASSES if case.targets.ndim == 2 else NUMBERS
    with pytest.raises(PlanError, match=r"plan\.loss: .* found targets that are .*; set loss="):
        case.loss.refuse(other)
    if "binary" in case.loss.tasks:
        with pytest.raises(PlanError, match="outside"):
            case.loss.refuse(NUMBERS)


def test_bins_of_other_targets_and_targets_without_spread_are_refused():
    with pytest.raises(PlanError, match=r"boundaries for 2, expected 1 targets; set loss\.boundaries"):
        BINS.refuse(NUMBERS[:, :1])
    with pytest.raises(PlanError, match="found only 4 in a target"):
        BinnedRegression().fitted(np.full((5, 1), 4.0))


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_an_impossible_level_is_refused(level):
    with pytest.raises(PlanError, match=r"outside its range \(0, 1\)"):
        BINS.interval(HALVES, level)


# ---- weights by class


UNEVEN = np.array([0, 0, 2, 0, 1, 0, 2, 0, 0])


def test_balanced_class_weights_equal_those_of_scikit_learn():
    close(class_weights(UNEVEN, "balanced"), compute_sample_weight("balanced", UNEVEN))
    close(class_weights(LABELS, "balanced"), compute_sample_weight("balanced", LABELS))
    close(class_weights(LABELS[:, :1], "balanced"), compute_sample_weight("balanced", LABELS[:, 0]))
    gap = np.where(UNEVEN == 1, 3, UNEVEN)  # no row of class 1
    close(class_weights(gap, "balanced"), compute_sample_weight("balanced", gap))


def test_balanced_classes_weigh_the_same_together():
    own = RANDOM.uniform(0.1, 3, len(UNEVEN))
    found = own * class_weights(UNEVEN, "balanced", weights=own)
    close(np.bincount(UNEVEN, found), np.full(3, own.sum() / 3))
    repeats = np.array([2, 1, 0, 3, 1, 1, 2, 0, 4])
    counted = class_weights(UNEVEN, "balanced", weights=repeats)
    close(np.repeat(counted, repeats), class_weights(np.repeat(UNEVEN, repeats), "balanced"))


def test_named_class_weights_equal_those_of_scikit_learn():
    wanted = compute_sample_weight({0: 0.5, 2: 4.0}, UNEVEN)
    close(class_weights(UNEVEN, {0: 0.5, 2: 4.0}), wanted)
    close(class_weights(UNEVEN, {"a": 0.5, "c": 4}, classes=("a", "b", "c")), wanted)
    close(class_weights(UNEVEN, {"10": 0.5, "30": 4}, classes=(10, 20, 30)), wanted)
    close(class_weights(UNEVEN, {10: 0.5, 30: 4}, classes=(10.0, 20.0, 30.0)), wanted)
    close(class_weights(UNEVEN == 0, {1: 0.5}, classes=(False, True)), np.where(UNEVEN == 0, 0.5, 1))
    each = [{0: 1.0, 1: 2.0}, {0: 3.0}, {1: 0.5}]
    close(class_weights(LABELS, each), compute_sample_weight(each, LABELS))


@pytest.mark.parametrize(
    ("targets", "given", "words"),
    [
        (UNEVEN, "balance", 'expected "balanced"'),
        (UNEVEN, {"blu": 1}, 'there is no class "blu"; did you mean "blue"'),
        (UNEVEN, {"red": -1}, r'-1 of class "red" is outside its range \[0, inf\)'),
        (UNEVEN, {"red": math.nan}, r"outside its range \[0, inf\)"),
        (LABELS, {"red": 1}, "for 3 labels"),
    ],
)
def test_impossible_class_weights_are_refused(targets, given, words):
    with pytest.raises(PlanError, match=words):
        class_weights(targets, given, classes=("red", "green", "blue"))

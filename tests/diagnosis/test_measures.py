"""Curvature, gradient noise, internal covariate shift and slices of the loss, against formulas worked by hand."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case
from gammabeta.diagnosis.measures import (
    curvature,
    gradient_noise_scale,
    internal_covariate_shift,
    landscape,
    measures,
    variance_shift,
)
from gammabeta.nn import Activation, BatchNorm, Call, Dense, Dropout, Sequential, SquaredError
from gammabeta.optim import Sgd
from gammabeta.plan import Plan

ROWS, FEATURES = 97, 4
RANDOM = np.random.default_rng(5)
X = (3 + 2 * RANDOM.standard_normal((ROWS, FEATURES)) * [1, 0.5, 2, 1]).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 0.0] + RANDOM.standard_normal(ROWS))[:, None].astype(np.float32)
DATA = Dataset(x=X, y=Y)
LINEAR = Plan(network=Sequential((Dense(1),)), loss=SquaredError(), input_shape=(FEATURES,))
DEEP = Plan(
    network=Sequential((Dense(5), BatchNorm(), Activation("tanh"), Dense(3), Activation("tanh"), Dense(1))),
    loss=SquaredError(),
    input_shape=(FEATURES,),
)


def fresh(plan):
    made = plan.layers.init(jax.random.key(3), (FEATURES,))
    return made.params, made.stats


def with_one(x):
    return np.concatenate([np.asarray(x, np.float64), np.ones((len(x), 1))], axis=1)


def scale_of_loss():
    """The factor between the loss and mean squared residuals: 1 or 1/2, by the loss itself."""
    return float(SquaredError().rows(jnp.array([[3.0]]), jnp.array([[1.0]]))[0]) / 4


def test_the_ends_of_the_spectrum_of_a_linear_model_are_those_of_its_second_moments():
    params, stats = fresh(LINEAR)
    hessian = 2 * scale_of_loss() * with_one(X).T @ with_one(X) / ROWS
    expected = np.linalg.eigvalsh(hessian)
    found = curvature(LINEAR, params, stats, DATA)
    assert found.largest == pytest.approx(expected[-1], rel=1e-3)
    assert found.smallest == pytest.approx(expected[0], rel=1e-2, abs=1e-2)
    assert found.trace == pytest.approx(np.trace(hessian), rel=0.5)
    assert found.negative == 0


def test_parameters_keep_their_type_where_jax_counts_in_float64():
    params, stats = jax.device_get(fresh(LINEAR))
    expected = curvature(LINEAR, params, stats, DATA)
    with jax.enable_x64(True):
        found = curvature(LINEAR, params, stats, DATA)
    assert found.largest == pytest.approx(expected.largest, rel=1e-3)


def test_at_a_saddle_some_curvature_is_negative():
    # y = w2 w1 x around w = 0: the Hessian is [[0, -c], [-c, 0]]
    plan = Plan(network=Sequential((Dense(1, bias=False), Dense(1, bias=False))), loss=SquaredError(), input_shape=(4,))
    params, stats = fresh(plan)
    found = curvature(plan, jax.tree.map(jnp.zeros_like, params), stats, DATA, probes=16)
    assert found.smallest == pytest.approx(-found.largest, rel=1e-2)
    assert found.negative == pytest.approx(1 / 5, abs=0.12)  # one of five eigenvalues


def test_the_noise_scale_of_a_linear_model_is_near_the_one_of_its_rows_gradients():
    params, stats = jax.tree.map(jnp.zeros_like, fresh(LINEAR)[0]), fresh(LINEAR)[1]
    each = -2 * scale_of_loss() * with_one(X) * np.asarray(Y, np.float64)
    mean = each.mean(axis=0)
    expected = np.sum(each.var(axis=0, ddof=1)) / np.sum(mean**2)
    found = np.mean([gradient_noise_scale(LINEAR, params, stats, DATA, small=4, seed=seed) for seed in range(5)])
    assert found == pytest.approx(expected, rel=0.3)


def test_internal_covariate_shift_is_the_change_of_the_gradient_that_the_layers_below_make():
    params, stats = fresh(DEEP)
    after = jax.tree.map(
        lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape), params
    )
    found = internal_covariate_shift(DEEP, params, after, stats, DATA)
    assert [shift.place for shift in found] == [
        "layers.0 (dense)",
        "layers.1 (batch_norm)",
        "layers.3 (dense)",
        "layers.5 (dense)",
    ]
    assert found[0].distance == 0
    assert found[0].cosine == pytest.approx(1)

    def loss(params):

        outputs, _ = DEEP.layers.apply(params, stats, X, Call(by_batch=True))
        return jnp.mean(DEEP.loss.rows(outputs, Y))

    at, moved = [jax.grad(loss)(p)[3]["weight"] for p in (params, (*after[:3], *params[3:]))]
    bias = [jax.grad(loss)(p)[3]["bias"] for p in (params, (*after[:3], *params[3:]))]
    expected = np.sqrt(np.sum((at - moved) ** 2) + np.sum((bias[0] - bias[1]) ** 2))
    assert found[2].distance == pytest.approx(float(expected), rel=1e-3)
    assert -1 <= found[2].cosine < 1


def test_a_slice_has_the_loss_in_its_middle_and_is_a_parabola_for_a_linear_model():
    params, stats = fresh(LINEAR)
    found = landscape(LINEAR, params, stats, DATA, points=5, reach=0.5)
    outputs, _ = LINEAR.layers.apply(params, stats, X, Call(by_batch=True))
    assert found[2] == pytest.approx(float(jnp.mean(LINEAR.loss.rows(outputs, Y))), rel=1e-5)
    third = found[4] - 3 * found[3] + 3 * found[2] - found[1]
    assert third == pytest.approx(0, abs=1e-3 * found.max())
    assert landscape(LINEAR, params, stats, DATA, points=3, axes=2).shape == (3, 3)


def test_the_variance_that_dropout_adds_is_the_one_of_the_formula():
    keep = 0.6
    layers = (Dropout(1 - keep), BatchNorm(), Dense(2), BatchNorm(), Dense(1))
    plan = Plan(network=Sequential(layers), loss=SquaredError(), input_shape=(FEATURES,))
    params, stats = fresh(plan)
    found = np.mean([[s.ratio for s in variance_shift(plan, params, stats, DATA, seed=seed)] for seed in range(40)], 0)
    mean, var = X.mean(axis=0), X.var(axis=0)
    expected = np.median((var / keep + mean**2 * (1 - keep) / keep) / var)
    assert found[0] == pytest.approx(expected, rel=0.1)
    assert [s.place for s in variance_shift(plan, params, stats, DATA)] == [
        "layers.1 (batch_norm)",
        "layers.3 (batch_norm)",
    ]
    assert variance_shift(DEEP, *fresh(DEEP), DATA) == []


def test_all_measures_of_a_run_are_one_value_that_says_what_is_left_out():
    plan = DEEP.replace(optimizer=Sgd(learning_rate=0.25), batch_size=16)
    told = []
    found = measures(Case.of(plan, DATA), lambda done, of: told.append((done, of)))
    assert found.moment == "before the first step"
    assert told == [(done, 5) for done in range(1, 6)]
    assert found.step_limit == 8
    assert (found.rows, found.batch_size, len(found.losses)) == (ROWS, 16, 25)
    case = Case.of(plan, DATA)
    params, stats = case.start.params, case.start.stats
    assert found.curvature == curvature(case.plan, params, stats, case.probe)
    after = jax.tree.map(
        lambda leaf, g: leaf - 0.25 * g,
        params,
        jax.grad(
            lambda p: jnp.mean(
                plan.loss.rows(case.plan.layers.apply(p, stats, case.probe.x, Call(by_batch=True))[0], Y)
            )
        )(params),
    )
    wanted = internal_covariate_shift(case.plan, params, after, stats, case.probe)
    for one, other in zip(found.shifts, wanted, strict=True):
        assert one.distance == pytest.approx(other.distance, rel=1e-2, abs=1e-4)
    assert list(found.left_out) == ["variance shift"]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["curvature"]["largest"] == found.curvature.largest
    said = {name: (value, how) for name, value, how in found.readings()}
    assert "2 / learning_rate = 8" in said["sharpness"][1]
    assert "left out" in said["variance shift"][1]
    few = measures(Case.of(plan.replace(batch_size=8), DATA.take(np.arange(11))))
    assert few.noise_scale is None
    assert "11 rows are too few" in few.left_out["gradient noise scale"]

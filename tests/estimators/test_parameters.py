"""Every parameter: what it does to the plan, and what is said about a bad one."""

import numpy as np
import pytest
from sklearn.base import clone

from gammabeta.errors import UsageError
from gammabeta.estimators import NetworkClassifier, NetworkRegressor
from gammabeta.estimators.planned import planned
from gammabeta.nn import BatchNorm, Mlp, SigmoidCrossEntropy
from gammabeta.optim import AdamW, Momentum, Sgd
from gammabeta.plan import EarlyStopping, Plan, advise

PLAN = Plan(network=Mlp(hidden=(5,)), loss=SigmoidCrossEntropy(), optimizer=Sgd(0.2), epochs=3, seed=11)


def test_without_parameters_the_plan_is_the_advised_one():
    assert planned(NetworkClassifier(random_state=0), "binary", 700) == advise("binary", 700)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("hidden", [32, 16], lambda plan: plan.network.hidden == (32, 16)),
        ("hidden", np.array([7]), lambda plan: plan.network.hidden == (7,)),
        ("activation", "tanh", lambda plan: plan.network.activation == "tanh"),
        ("normalization", False, lambda plan: plan.network.normalization is None),
        ("normalization", "batch_norm", lambda plan: plan.network.normalization == BatchNorm()),
        ("normalization", BatchNorm(epsilon=0.1), lambda plan: plan.network.normalization.epsilon == 0.1),
        ("dropout", 0, lambda plan: plan.network.dropout == 0),
        ("optimizer", "momentum", lambda plan: plan.optimizer == Momentum()),
        ("optimizer", Momentum(0.3), lambda plan: plan.optimizer == Momentum(0.3)),
        ("learning_rate", np.float32(0.5), lambda plan: plan.optimizer.learning_rate == 0.5),
        ("weight_decay", 0.3, lambda plan: plan.optimizer == AdamW(3e-3, 0.3)),
        ("batch_size", np.int64(48), lambda plan: plan.batch_size == 48),
        ("epochs", 4, lambda plan: plan.epochs == 4),
        ("early_stopping", False, lambda plan: plan.early_stopping is None),
        ("early_stopping", True, lambda plan: plan.early_stopping == EarlyStopping()),
        ("early_stopping", EarlyStopping(3), lambda plan: plan.early_stopping == EarlyStopping(3)),
        ("random_state", 9, lambda plan: plan.seed == 9),
        ("plan", PLAN, lambda plan: plan == PLAN),
    ],
)
def test_a_parameter_sets_its_place_in_the_plan(name, value, found):
    estimator = NetworkRegressor(**{name: value})
    assert found(planned(estimator, "regression", 700))
    assert found(planned(clone(estimator), "regression", 700))


def test_parameters_change_a_given_plan():
    estimator = NetworkClassifier(plan=PLAN, epochs=8, learning_rate=0.7, random_state=1)
    assert planned(estimator, "binary", 700) == PLAN.replace(epochs=8, optimizer=Sgd(0.7), seed=1)


def test_without_random_state_each_fit_draws_a_seed():
    assert len({planned(NetworkRegressor(), "regression", 700).seed for _ in range(4)}) == 4


def test_a_random_state_gives_the_seeds_it_would_give_again():
    seeds = [
        [planned(NetworkRegressor(random_state=state), "regression", 700).seed for _ in range(2)]
        for state in (np.random.RandomState(5), np.random.RandomState(5))
    ]
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("hidden", (8, 0), r"hidden=\(8, 0\)\).*0 is outside its range \[1, inf\)"),
        ("hidden", 8, "hidden=8.*8 is not a list"),
        ("activation", "rleu", 'activation=.*did you mean "relu"'),
        ("normalization", "batch", 'did you mean "batch_norm"'),
        ("dropout", 1.0, r"dropout=1.0.*outside its range \[0, 1\)"),
        ("optimizer", "adamm", 'did you mean "adam'),
        ("learning_rate", 0, r"learning_rate=0.*outside its range \(0, inf\)"),
        ("weight_decay", -1, r"weight_decay=-1.*outside its range \[0, inf\)"),
        ("batch_size", 2.5, "batch_size=2.5.*not a whole number"),
        ("epochs", 0, r"epochs=0.*outside its range \[1, inf\)"),
        ("early_stopping", 5, "early_stopping=5.*expected True, False, an EarlyStopping"),
        ("validation_share", 1.5, r"validation_share=1.5.*in \(0, 1\)"),
        ("random_state", -1, "random_state=-1.*outside its range"),
        ("plan", "plan.json", "plan='plan.json'.*expected a gammabeta Plan"),
        ("kinds", {7: "category"}, 'no column "x7"'),
        ("kinds", {1: "categry"}, 'did you mean "category"'),
    ],
)
def test_a_bad_value_is_named_with_what_is_legal(three_classes, name, value, said):
    with pytest.raises(UsageError, match=said):
        NetworkClassifier(**{name: value}).fit(*three_classes)


def test_a_parameter_that_the_optimizer_does_not_have_is_named(three_classes):
    with pytest.raises(UsageError, match=r"weight_decay=0.1.*unknown key"):
        NetworkClassifier(optimizer="adam", weight_decay=0.1).fit(*three_classes)

"""Things that go wrong with the plan or the model: functions of a situation and a degree."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import layers as wrong
import numpy as np
from situation import Situation

from gammabeta.data import Dataset
from gammabeta.nn import (
    Activation,
    BatchNorm,
    ConstantWeights,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    Layer,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    ScaledNormal,
    Sequential,
    Zeros,
)
from gammabeta.optim import AdamW, Constant, Momentum, Step
from gammabeta.plan import Plan
from gammabeta.train.fit import met
from gammabeta.train.statistics import settled
from gammabeta.train.step import fresh_state

Make = Callable[[Situation, float], Situation]


def planned(change: Callable[[Plan, float], Plan], same_loss: bool = True) -> Make:
    """A fault of the plan alone."""
    return lambda s, degree: replace(s, plan=change(s.plan, degree), same_loss=same_loss and s.same_loss)


def edit(make: Callable[[float], wrong.Edit]) -> Make:
    """A fault of every layer of a kind."""
    return planned(lambda plan, degree: wrong.edited(plan, make(degree)))


def initialized(make: Callable[[float], Any], hidden_only: bool = False) -> Make:
    """Weights that start otherwise."""
    if hidden_only:
        return planned(lambda p, d: wrong.hidden(p, lambda _, layer: (replace(layer, initializer=make(d)),)))
    return edit(lambda d: wrong.on((Dense, Conv2D), lambda layer: (replace(layer, initializer=make(d)),)))


def scaled_initial(times: float) -> Make:
    """Initial weights too large by the degree, against 1 / sqrt(fan_in) of 24 units."""
    return initialized(lambda degree: ScaledNormal(times * degree / np.sqrt(24)))


def constant_initial(value: float) -> Any:
    return Zeros() if value == 0 else ConstantWeights(value)


def rate(plan: Plan, times: float) -> Plan:
    return plan.replace(optimizer=plan.optimizer.replace(learning_rate=plan.optimizer.learning_rate * times))


def appended(make: Callable[[float], Layer]) -> Make:
    """Something behind the last layer."""

    def changed(plan: Plan, degree: float) -> Plan:
        assert isinstance(plan.network, Sequential)
        return plan.replace(network=Sequential((*plan.network.layers, make(degree))))

    return planned(changed)


def summed_loss(s: Situation, share: float) -> Situation:
    """The loss of a batch as a sum, and the learning rate as for a mean."""
    times = share * s.plan.batch_size
    numbers = s.train.y is not None and s.train.y.ndim == 2
    loss = wrong.NumberLossTimes(times) if numbers else wrong.ClassLossTimes(times)
    return replace(s, plan=s.plan.replace(loss=loss), same_loss=False)


def uphill(s: Situation, _: float) -> Situation:
    """The sign of the loss turned."""
    numbers = s.train.y is not None and s.train.y.ndim == 2
    loss = wrong.NumberLossTimes(-1.0) if numbers else wrong.ClassLossTimes(-1.0)
    return replace(s, plan=s.plan.replace(loss=loss), same_loss=False)


def stopped(plan: Plan, depth: float) -> Plan:
    """No gradient before the hidden layer of that share of the depth."""
    assert isinstance(plan.network, Sequential)
    found = plan.network.layers
    places = [i for i, layer in enumerate(found) if isinstance(layer, Activation)]
    place = places[min(len(places) - 1, int(depth * len(places)))]
    return plan.replace(network=Sequential((*found[: place + 1], wrong.StoppedGradient(), *found[place + 1 :])))


def augmented(s: Situation, strength: float) -> Situation:
    """Images turned by up to a half turn, moved by up to most of their height, and mirrored."""
    padding = round(0.7 * strength * s.train.input_shape[0])
    changes = (RandomRotation(180 * strength), RandomCrop(padding), RandomFlip())
    return replace(s, plan=s.plan.replace(augmentation=changes))


def frozen(plan: Plan, units: float) -> Plan:
    """Narrow first layers that were frozen and forgotten."""
    return wrong.hidden(plan, lambda i, layer: (Frozen(replace(layer, units=int(units), bias=True)),))


def stack(depth: int, activation: Any, norm: bool = False, initializer: Any = None) -> Callable[[Plan], Plan]:
    """A plain stack of 24 units in place of the network."""

    def changed(plan: Plan) -> Plan:
        assert isinstance(plan.network, Sequential)
        found: list[Layer] = [Flatten()] if isinstance(plan.network.layers[0], Flatten) else []
        for _ in range(depth):
            found += [Dense(24, initializer=initializer), *([BatchNorm()] if norm else []), Activation(activation)]
        return plan.replace(network=Sequential((*found, plan.network.layers[-1])))

    return changed


def shifted_units(s: Situation, value: float) -> Situation:
    """Hidden biases that start far below zero."""
    before = wrong.on(Activation, lambda layer: (wrong.Shift(value), layer))
    return replace(s, plan=wrong.edited(s.plan, before))


def dropped(plan: Plan, share: float) -> Plan:
    return wrong.edited(plan, wrong.on(Activation, lambda layer: (layer, Dropout(share))))


def dropped_before_norm(estimator: Any) -> Callable[[Plan, float], Plan]:
    def changed(plan: Plan, share: float) -> Plan:
        made = wrong.edited(plan, wrong.norms(estimator=estimator))
        return wrong.edited(made, wrong.on(BatchNorm, lambda layer: (Dropout(share), layer)))

    return changed


def small_batches(plan: Plan, size: float) -> Plan:
    """Fewer rows a step, and epochs so that it does not take for ever; the rate stays."""
    return plan.replace(batch_size=int(size), epochs=max(3, plan.epochs // 5))


def narrow(plan: Plan, units: float) -> Plan:
    made = wrong.hidden(plan, lambda _, layer: (replace(layer, units=int(units)),))
    return wrong.edited(made, wrong.on(Conv2D, lambda layer: (replace(layer, filters=int(units)),)))


def wide(plan: Plan, units: float) -> Plan:
    return narrow(plan, units).replace(epochs=2 * plan.epochs)


def short(plan: Plan, share: float) -> Plan:
    return plan.replace(epochs=max(1, round(share * plan.epochs)))


def early_end(plan: Plan, share: float) -> Plan:
    return plan.replace(schedule=Step(every=share, drop=1e-3))


def no_warm_up(plan: Plan, value: float) -> Plan:
    return plan.replace(optimizer=Momentum(learning_rate=value, momentum=0.99), schedule=Constant())


def adam(plan: Plan, value: float) -> Plan:
    return plan.replace(optimizer=AdamW(learning_rate=value, epsilon=1e-16, b2=0.5))


def momentum(plan: Plan, value: float) -> Plan:
    learning_rate = plan.optimizer.learning_rate if isinstance(plan.optimizer, Momentum) else 0.03
    return plan.replace(optimizer=Momentum(learning_rate=learning_rate, momentum=value))


# ---- what happens to a finished model


def forgotten_statistics(s: Situation, _: float) -> Situation:
    """The statistics of batch norm as they were before training, as of a state that was not carried over."""

    def reset(plan: Plan, params: Any, stats: Any) -> tuple[Any, Any]:
        return params, fresh_state(plan, s.train.input_shape).stats

    return replace(s, finish=reset)


def foreign_statistics(s: Situation, amount: float) -> Situation:
    """The statistics of batch norm re-estimated on rows from elsewhere."""

    def elsewhere(data: Dataset) -> Dataset:
        if data.offset is not None:
            mixed = (1 - amount) * data.x + amount * (255.0 - data.x)
            return replace(data, x=mixed.astype(np.uint8))
        return replace(data, x=(data.x * (1 + 2 * amount) + 2 * amount).astype(np.float32))

    def foreign(plan: Plan, params: Any, stats: Any) -> tuple[Any, Any]:
        return params, settled(met(plan, s.train).layers, params, stats, elsewhere(s.train), plan.batch_size)

    return replace(s, finish=foreign)

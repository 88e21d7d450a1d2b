"""Changes of one thing, that several rules share."""

from collections.abc import Mapping
from dataclasses import MISSING, replace
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.networks import every, own, with_layers
from gammabeta.diagnosis.suspicion import Treatment
from gammabeta.nn import (
    Activation,
    BatchNorm,
    ClassLoss,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GaussianNoise,
    GlobalAveragePool,
    HeNormal,
    HeUniform,
    LabelLoss,
    Layer,
    LayerNorm,
    Residual,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    Wrapper,
    XavierNormal,
    XavierUniform,
    Zeros,
    bare,
    rewritten,
)
from gammabeta.nn.layer import Normalization
from gammabeta.nn.places import Place
from gammabeta.optim import Optimizer
from gammabeta.plan import Plan, change
from gammabeta.serial import declared

HE, XAVIER = (HeNormal, HeUniform), (XavierNormal, XavierUniform)


def learning_rate_times(factor: float) -> Treatment:
    """The learning rate multiplied."""
    words = f"the learning rate {f'x {factor:g}' if factor > 1 else f'/ {1 / factor:g}'}"

    def changed(plan: Plan) -> Plan:
        rate = plan.optimizer.learning_rate * factor
        return plan.replace(optimizer=plan.optimizer.replace(learning_rate=rate))

    return Treatment(words, changed)


def defaults(optimizer: Optimizer) -> dict[str, Any]:
    """The default of every field of an optimizer's kind that has one."""
    return {field.name: field.default for field in declared(type(optimizer)) if field.default is not MISSING}


def usual_learning_rate() -> Treatment:
    """The optimizer's default learning rate; the one that it has where there is none."""

    def changed(plan: Plan) -> Plan:
        rate = defaults(plan.optimizer).get("learning_rate", plan.optimizer.learning_rate)
        return plan.replace(optimizer=plan.optimizer.replace(learning_rate=rate))

    return Treatment("the optimizer's default learning rate", changed)


def setting(says: str, **changes: Any) -> Treatment:
    """Some values of the plan replaced, ``__`` for a dot: ``setting("no L2", l2=None)``."""
    named: Mapping[str, Any] = {name.replace("__", "."): value for name, value in changes.items()}
    return Treatment(says, lambda plan: change(plan, named))


def longer(factor: int) -> Treatment:
    """More epochs; its fork is longer by the same factor."""
    return Treatment(
        f"{factor} times the epochs", lambda plan: plan.replace(epochs=factor * plan.epochs), times_steps=factor
    )


def batches_of(rows: int) -> Treatment:
    """Larger batches, and epochs so that as many steps are made."""

    def changed(plan: Plan) -> Plan:
        return plan.replace(batch_size=rows, epochs=round(plan.epochs * max(rows / plan.batch_size, 1)))

    return Treatment(f"batches of {rows} rows, and as many steps", changed)


def batch_norm_first() -> Treatment:
    """Batch norm in front of everything, which scales the inputs by itself."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        start = 1 if isinstance(layers.layers[0], Flatten) else 0
        return plan.replace(network=Sequential((*layers.layers[:start], BatchNorm(), *layers.layers[start:])))

    return Treatment("batch norm in front of the first layer", changed)


def initializers_by_activation() -> Treatment:
    """He or Xavier, as the activation asks, and biases of zero."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, Wrapper):
            return tuple(layer.replace(layer=inner) for inner in edit(layer.layer))
        return (replace(layer, initializer=None),) if isinstance(layer, Dense | Conv2D) else (layer,)

    return Treatment("initial weights that suit the activation", lambda plan: with_layers(plan, edit))


def last_layer_from_zeros() -> Treatment:
    """A last dense layer that starts at zero: the first answers are those of its bias; none where there is none."""

    def zeroed(place: Place) -> Layer:
        return replace(place.layer, initializer=Zeros()) if isinstance(place.layer, Dense) else place.layer

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        last = last_dense(layers)
        if last is None:
            return plan
        made = list(layers.layers)
        made[last] = rewritten(made[last], zeroed)
        return plan.replace(network=Sequential(tuple(made)))

    return Treatment("a last layer that starts at zero", changed)


def last_dense(network: Sequential) -> int | None:
    """The position of the last dense layer of the first level, None where there is none."""
    return max((index for index, layer in enumerate(network.layers) if isinstance(bare(layer), Dense)), default=None)


def suited(layer: Dense | Conv2D) -> Dense | Conv2D:
    """He or Xavier left open, for they follow the activation; any other initial weights as they are."""
    return replace(layer, initializer=None) if isinstance(layer.initializer, HE + XAVIER) else layer


def activation(function: Any) -> Treatment:
    """Another activation in every hidden layer; He or Xavier follow it."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, Activation):
            return (Activation(function),) if layer.function != "identity" else (layer,)
        if isinstance(layer, Dense | Conv2D):
            return (suited(layer),)
        # a layer of somebody's own without anything to learn stands where an activation does
        return (Activation(function),) if own(layer) else (layer,)

    return Treatment(f"{function} as the activation", lambda plan: with_layers(plan, edit))


def activations_added() -> Treatment:
    """ReLU after every hidden layer that is followed by none, behind its batch norm."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        weighted = [i for i, layer in enumerate(layers.layers) if isinstance(layer, Dense | Conv2D)]
        made: list[Layer] = []
        waiting = False
        for index, layer in enumerate(layers.layers):
            if isinstance(layer, Activation) and layer.function == "identity":
                continue
            if waiting and not isinstance(layer, Normalization):
                made.append(Activation("relu"))
                waiting = False
            made.append(suited(layer) if isinstance(layer, Dense | Conv2D) else layer)
            waiting = waiting or index in weighted[:-1]
        return plan.replace(network=Sequential(tuple(made)))

    return Treatment("ReLU after every hidden layer", changed)


def batch_norm_added() -> Treatment:
    """Batch norm in front of every activation."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, Normalization):
            return ()
        return (BatchNorm(), layer) if isinstance(layer, Activation) else (layer,)

    return Treatment("batch norm in front of every activation", lambda plan: with_layers(plan, edit))


def layer_norm_instead() -> Treatment:
    """Layer norm where batch norm is."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        return (LayerNorm(),) if isinstance(layer, BatchNorm) else (layer,)

    return Treatment("layer norm in place of batch norm", lambda plan: with_layers(plan, edit))


def batch_norm_as_usual() -> Treatment:
    """Every batch norm with its default switches, epsilon and estimator."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if not isinstance(layer, BatchNorm):
            return (layer,)
        return (BatchNorm(scale=layer.scale, shift=layer.shift),)

    return Treatment("batch norm with its default settings", lambda plan: with_layers(plan, edit))


def no_dropout(says: str = "no dropout") -> Treatment:
    """Dropout and noise layers left out."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        return () if isinstance(layer, Dropout | GaussianNoise) else (layer,)

    return Treatment(says, lambda plan: with_layers(plan, edit))


def dropout_share(share: float) -> Treatment:
    """Dropout after every hidden activation at this share, in place of what there is."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, Dropout):
            return ()
        return (layer, Dropout(share)) if isinstance(layer, Activation) else (layer,)

    return Treatment(f"dropout of {share:g}", lambda plan: with_layers(plan, edit))


def wider(factor: int) -> Treatment:
    """More units, or channels, in every hidden layer."""

    def changed(plan: Plan) -> Plan:
        weighted = [layer for layer in every(plan.layers) if isinstance(layer, Dense | Conv2D)]
        answers = ([layer for layer in weighted if isinstance(layer, Dense)] or weighted)[-1:]

        def edit(layer: Layer) -> tuple[Layer, ...]:
            if isinstance(layer, Wrapper):
                return tuple(layer.replace(layer=inner) for inner in edit(layer.layer))
            if any(layer is last for last in answers):
                return (layer,)
            if isinstance(layer, Dense):
                return (replace(layer, units=factor * layer.units),)
            if isinstance(layer, Conv2D):
                return (replace(layer, filters=factor * layer.filters),)
            return (layer,)

        return with_layers(plan, edit)

    return Treatment(f"{factor} times the units in every hidden layer", changed)


def last_activation_left_out() -> Treatment:
    """Nothing behind the last dense layer, the last activation left out where there is none: the loss has its own."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        last = last_dense(layers)
        if last is not None:
            return plan.replace(network=Sequential(layers.layers[: last + 1]))
        at = len(layers.layers) - 1
        while at and isinstance(bare(layers.layers[at]), GlobalAveragePool | Flatten | Dropout):
            at -= 1
        return plan.replace(network=Sequential(layers.layers[:at] + layers.layers[at + 1 :]))

    return Treatment("no activation after the last layer", changed)


def usual_loss() -> Treatment:
    """Softmax or sigmoid cross-entropy, or squared error, as the kind of target asks."""

    def changed(plan: Plan) -> Plan:
        if isinstance(plan.loss, ClassLoss):
            return plan.replace(loss=SoftmaxCrossEntropy())
        return plan.replace(loss=SigmoidCrossEntropy() if isinstance(plan.loss, LabelLoss) else SquaredError())

    return Treatment("the loss that is usual for such targets", changed)


def unfrozen() -> Treatment:
    """Every frozen layer trains."""

    def edit(layer: Layer) -> tuple[Layer, ...]:
        return (layer.layer,) if isinstance(layer, Frozen) else (layer,)

    return Treatment("no frozen layers", lambda plan: with_layers(plan, edit))


def layer_left_out(index: int) -> Treatment:
    """The network without one of its first level's layers."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        return plan.replace(network=Sequential((*layers.layers[:index], *layers.layers[index + 1 :])))

    return Treatment(f"layers.{index} left out", changed)


def skips_added() -> Treatment:
    """A residual connection around every dense layer that keeps the width, with what follows it."""

    def changed(plan: Plan) -> Plan:
        layers = plan.layers
        assert isinstance(layers, Sequential)
        made: list[Layer] = []
        index, width = 0, None
        starts = [i for i, layer in enumerate(layers.layers) if isinstance(layer, Dense)]
        while index < len(layers.layers):
            layer = layers.layers[index]
            if not isinstance(layer, Dense):
                made.append(layer)
                index += 1
                continue
            end = next((start for start in starts if start > index), len(layers.layers))
            block = layers.layers[index:end]
            same = layer.units == width and index != starts[-1]
            made += [Residual(Sequential(block))] if same else block
            width, index = layer.units, end
        return plan.replace(network=Sequential(tuple(made)))

    return Treatment("residual connections around layers of equal width", changed)


def on_rows(says: str, change_x: Any = None, change_y: Any = None) -> Treatment:
    """The same change of all rows' inputs or targets."""

    def changed(data: Dataset) -> Dataset:
        x = data.x if change_x is None else change_x(np.asarray(data.x)).astype(np.float32)
        y = data.y if change_y is None else change_y(np.asarray(data.y)).astype(np.float32)
        return replace(data, x=x, y=y)

    return Treatment(says, data=changed)

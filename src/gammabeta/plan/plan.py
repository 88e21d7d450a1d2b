"""The plan."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jax
import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn import Architecture, Call, Layer, Loss, Sequential
from gammabeta.optim import AdamW, OneCycle, Optimizer, Schedule
from gammabeta.serial import Description, Within
from gammabeta.types import Shape


@dataclass(frozen=True)
class EarlyStopping(Description):
    """Stop when the validation ``metric`` has not improved for ``patience`` epochs.

    patience: epochs, >= 1
    metric: "loss", or the headline metric of the task: "accuracy", "hamming_loss", "r2"
    """

    patience: Annotated[int, Within("[1, inf)")] = 20
    metric: Literal["loss", "accuracy", "hamming_loss", "r2"] = "loss"


@dataclass(frozen=True, kw_only=True)
class Plan(Description):
    """Everything that decides a run and nothing else: same plan, data and seed, same numbers, bit for bit.

    network: a named architecture, or layers; a saved plan always holds layers
    loss: what is minimized, averaged over the rows by their weights
    optimizer, schedule: see optim
    epochs: passes over the training rows, >= 1
    batch_size: rows per step, at most; batches of an epoch differ in size by at most one row
    early_stopping: None trains all epochs; the best epoch's weights are kept either way
    seed: of initialization, shuffling and noise
    input_shape: of one example; filled in when the plan meets its data
    """

    network: Architecture | Layer
    loss: Loss
    optimizer: Optimizer = AdamW()
    schedule: Schedule = OneCycle()
    epochs: Annotated[int, Within("[1, inf)")] = 30
    batch_size: Annotated[int, Within("[1, inf)")] = 128
    early_stopping: EarlyStopping | None = None
    seed: Annotated[int, Within("[0, 4294967295]")] = 0
    input_shape: tuple[Annotated[int, Within("[1, inf)")], ...] | None = None

    @property
    def layers(self) -> Layer:
        """The network as layers; PlanError where it is still a named architecture."""
        if isinstance(self.network, Architecture):
            raise PlanError("plan.network: a named architecture has no layers yet; call plan.expanded(shape, outputs).")
        return self.network

    def expanded(self, shape: Shape, outputs: int) -> "Plan":
        """The plan with its architecture written out as layers, checked against the shape of the data.

        Raises PlanError where layers do not fit each other, the input or the number of outputs, and where a layer
        could not train with this batch size.
        """
        network = self.network
        layers = network.expand(shape, outputs) if isinstance(network, Architecture) else network
        if not isinstance(layers, Sequential):
            layers = Sequential((layers,))
        found = rehearsed(layers, shape, self.batch_size)
        if found != (outputs,):
            raise PlanError(
                f"plan.network: its last layer gives {found}, expected {(outputs,)} for this target; "
                f"end it with a dense layer of {outputs} units."
            )
        return self.replace(network=layers, input_shape=shape)


def rehearsed(network: Layer, shape: Shape, rows: int) -> Shape:
    """The shape of one output, from a training pass over ``rows`` rows that computes no numbers."""

    def pass_over(key: jax.Array, x: jax.Array) -> jax.Array:
        fresh = network.init(key, shape)
        y, _ = network.apply(fresh.params, fresh.stats, x, Call(key=key, by_batch=True))
        result: jax.Array = y
        return result

    x = jax.ShapeDtypeStruct((rows, *shape), jnp.float32)
    try:
        result = jax.eval_shape(pass_over, jax.eval_shape(lambda: jax.random.key(0)), x)
    except TypeError as error:
        raise PlanError(f"plan.network: its layers do not fit an input of shape {shape}: {error}") from None
    return tuple(result.shape[1:])

"""The plan."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax

from gammabeta.errors import PlanError
from gammabeta.nn import Architecture, Augmentation, Call, Layer, Loss, Sequential
from gammabeta.nn.ghost_batches import refuse_larger
from gammabeta.nn.memories import named_batch_norms
from gammabeta.optim import AdamW, Clipping, OneCycle, OptaxTransformation, Optimizer, Schedule
from gammabeta.serial import DYNAMIC, Description, Search, Within, kind_name
from gammabeta.types import Shape

WatchedMetric = Literal[
    "loss",
    "accuracy",
    "balanced_accuracy",
    "log_loss",
    "roc_auc",
    "f1",
    "hamming_loss",
    "f1_micro",
    "rmse",
    "mae",
    "r2",
]
ClassWeight = Literal["balanced"] | dict[str, Annotated[float, Within("[0, inf)")]]


@dataclass(frozen=True)
class EarlyStopping(Description):
    """Stop when the validation ``metric`` has not improved for ``patience`` epochs: epoch - best epoch = patience.

    patience: epochs without a better one, >= 1
    metric: "loss", or any metric of the task: for two classes "accuracy", "balanced_accuracy", "log_loss", "roc_auc"
        and "f1"; for more of them the first three; for several labels "hamming_loss", "f1_micro" and "log_loss"; for
        numbers "rmse", "mae" and "r2", of targets standardized as the network sees them. It is measured beside the
        others after every epoch, and chooses the best one: losses and errors the lower, the others the higher

    Class weights and sample weights count in it as in training. Raises PlanError, where it meets the plan's task or the
    data, for a metric that they do not have.

    Source: Prechelt 1998, Early stopping, but when?, https://doi.org/10.1007/3-540-49430-8_3
    """

    patience: Annotated[int, Within("[1, inf)")] = 20
    metric: WatchedMetric = "loss"


@dataclass(frozen=True, kw_only=True)
class Plan(Description):
    """Everything that decides a run and nothing else: same plan, data and seed, same numbers, bit for bit.

    network: a named architecture, or layers; a saved plan always holds layers
    loss: what is minimized, averaged over the rows by their weights
    optimizer, schedule: see optim; an optax.GradientTransformation is an optimizer too, :class:`OptaxTransformation`
    epochs: passes over the training rows, >= 1
    batch_size: rows per step, at most; batches of an epoch differ in size by at most one row. No ghost batch is larger
    clipping: of the gradients, before the optimizer; None for none
    l2: adds l2 / 2 * sum of w^2 over the weights to the loss, >= 0; l2_all: over bias, gamma and beta too. (The
        optimizer's weight_decay is the decoupled one)
    gradient_noise, weight_noise: standard deviation of N(0, 1) noise that every step adds to the gradients, and to the
        weights that it computes with (the weights themselves keep none), >= 0
    augmentation: what is done to training images by chance, in this order, labels as they are; None for nothing. Drawn
        anew in every step, from seed and step. Evaluation, and the statistics that batch norm settles, see images as
        they are
    micro_batch_size: rows that are computed at a time, at most batch_size; loss, gradient and statistics are those of
        the whole batch, so that there are no ghost batches beside it
    devices: over how many of them the rows of a batch are spread; loss, gradient and statistics are the whole batch's
    class_weights: factors on the weights of rows, in training, in what is measured meanwhile and in batch-norm
        statistics: "balanced", so that every class counts the same among the training rows, or one number per class by
        its name; of several labels "balanced", or one of these for each; None for none. Finished models are scored
        without
    output_bias: where the last bias starts: at "zero", or at what the training targets say on their own, the "prior"
    early_stopping: None trains all epochs; the best epoch's weights are kept either way
    seed: of initialization, shuffling and noise
    input_shape: of one example; filled in when the plan meets its data
    """

    network: Architecture | Layer
    loss: Annotated[
        Loss,
        Search(
            "choice", "softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error", "huber", "binned_regression"
        ),
    ]
    optimizer: Annotated[Optimizer, Search("choice", "adam_w", "adam", "rmsprop", "momentum")] = AdamW()
    schedule: Annotated[Schedule, Search("choice", "one_cycle", "cosine", "step")] = OneCycle()
    epochs: Annotated[int, Within("[1, inf)")] = 30
    batch_size: Annotated[int, Within("[1, inf)"), Search("choice", 16, 32, 64, 128, 256, 512)] = 128
    clipping: Clipping | None = None
    l2: Annotated[float, Within("[0, inf)"), DYNAMIC, Search("log", 1e-6, 1e-2)] | None = None
    l2_all: bool = False
    gradient_noise: Annotated[float, Within("[0, inf)"), DYNAMIC] | None = None
    weight_noise: Annotated[float, Within("[0, inf)"), DYNAMIC] | None = None
    augmentation: tuple[Augmentation, ...] | None = None
    micro_batch_size: Annotated[int, Within("[1, inf)")] | None = None
    devices: Annotated[int, Within("[1, inf)")] = 1
    class_weights: ClassWeight | tuple[ClassWeight, ...] | None = None
    output_bias: Literal["zero", "prior"] = "zero"
    early_stopping: EarlyStopping | None = None
    seed: Annotated[int, Within("[0, 4294967295]")] = 0
    input_shape: tuple[Annotated[int, Within("[1, inf)")], ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.optimizer, optax.GradientTransformation):
            object.__setattr__(self, "optimizer", OptaxTransformation(self.optimizer))
        super().__post_init__()
        refuse_sizes(self, self.batch_size)
        if self.class_weights is not None and "regression" in self.loss.tasks:
            raise PlanError(
                f"plan.class_weights: the loss {kind_name(type(self.loss))} is for regression, which has no classes; "
                f"set class_weights=none."
            )

    @property
    def layers(self) -> Layer:
        """The network as layers; PlanError where it is still a named architecture."""
        if isinstance(self.network, Architecture):
            raise PlanError("plan.network: a named architecture has no layers yet; call plan.expanded(shape, outputs).")
        return self.network

    def expanded(self, shape: Shape, outputs: int, rows: int | None = None) -> "Plan":
        """The plan with its architecture written out as layers, checked against the shape of the data.

        rows: of the data, where they are known: a batch has no more

        Raises PlanError where layers do not fit each other, the input or the number of outputs, where a layer could not
        train with this batch size, and where inputs that are no images would be augmented.
        """
        if self.augmentation and len(shape) != 3:
            raise PlanError(
                f"plan.augmentation: the inputs have shape {shape}, expected images (height, width, channels); set "
                f"augmentation=none."
            )
        batch = self.batch_size if rows is None else min(self.batch_size, rows)
        refuse_sizes(self, batch)
        network = self.network
        layers = network.expand(shape, outputs) if isinstance(network, Architecture) else network
        if not isinstance(layers, Sequential):
            layers = Sequential((layers,))
        found = rehearsed(layers, tuple(shape), batch)
        if found != (outputs,):
            raise PlanError(
                f"plan.network: its last layer gives {found}, expected {(outputs,)} for this target; "
                f"end it with a dense layer of {outputs} units."
            )
        return self.replace(network=layers, input_shape=shape)


def refuse_sizes(plan: Plan, batch: int) -> None:
    """Raise PlanError where batches of so many rows, ghost batches and micro-batches do not fit each other."""
    micro = plan.micro_batch_size
    if micro is not None and micro > plan.batch_size:
        raise PlanError(
            f"plan.micro_batch_size: {micro} is larger than the batch_size of {plan.batch_size}, expected 1 to "
            f"{plan.batch_size}, or none to compute the batch at once."
        )
    for place, norm in named_batch_norms(plan.network, "plan.network"):
        if norm.ghost_size is None or norm.normalizes_by == "memory":
            continue
        if micro is not None:
            raise PlanError(
                f"{place}.ghost_size: {norm.ghost_size} found beside micro_batch_size={micro}, but micro-batches are "
                f"normalized by the moments of the whole batch; set ghost_size=none, or micro_batch_size=none."
            )
        refuse_larger(norm.ghost_size, batch, place)


@lru_cache(maxsize=256)
def rehearsed(network: Layer, shape: Shape, rows: int) -> Shape:
    """The shape of one output, from a training pass over ``rows`` rows that computes no numbers.

    A pass takes 20 ms even of a small network, as long as many epochs of a few rows: it is made once.
    """

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

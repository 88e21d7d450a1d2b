"""Runs that nothing is wrong with, and that look as if something were: no error may be found in them.

Numbers are those of the list of 28 controls that the research proposed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import data_faults as rows
import layers as wrong
import numpy as np
from cells import Cell
from situation import Situation

from gammabeta.data import Dataset
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Convnet,
    Dense,
    Dropout,
    Flatten,
    Frozen,
    GroupNorm,
    Layer,
    RandomBrightness,
    RandomCrop,
    Sequential,
    SigmoidCrossEntropy,
)
from gammabeta.optim import AdamW, Constant, Sgd

Change = Callable[[Situation], Situation]


@dataclass(frozen=True, eq=False)
class Control:
    """A healthy run: the cells it is made of, the change, and whether it is meant to look ill."""

    number: int
    name: str
    cells: tuple[str, ...]
    change: Change = lambda s: s
    hard: bool = False

    def situation(self, cell: Cell, seed: int = 0) -> Situation:
        return self.change(cell.healthy(seed))


def with_plan(s: Situation, **changes: object) -> Situation:
    return replace(s, plan=s.plan.replace(**changes))


def sparse(s: Situation) -> Situation:
    """ReLU outputs of which most are zero, and every unit is alive."""
    return replace(s, plan=wrong.edited(s.plan, wrong.norms(initial_beta=-1.0)))


def edge_of_stability(s: Situation) -> Situation:
    """Plain descent at a rate that lets the loss wiggle."""
    return with_plan(s, optimizer=Sgd(learning_rate=0.3), schedule=Constant())


def large_one_cycle(s: Situation) -> Situation:
    return with_plan(s, optimizer=AdamW(learning_rate=1.2e-2))


def overlapping(s: Situation) -> Situation:
    """Two heaps of which a third lies on the wrong side: nobody can do better."""
    random = np.random.default_rng(17)

    def part(count: int) -> Dataset:
        y = (random.random(count) < 0.45).astype(np.float32)[:, None]
        x = random.normal(0, 1, (count, 5)) + 0.45 * (2 * y - 1) * np.array([1, 0.5, 0, 0.3, 0])
        return Dataset(x=x.astype(np.float32), y=y)

    made = replace(s, train=part(1000), valid=part(400), holdout=part(500))
    return with_plan(made, loss=SigmoidCrossEntropy(), network=mlp((16,), 1), epochs=10, l2=0.01)


def noisy_numbers(s: Situation) -> Situation:
    """Numbers of which a third of the variance is chance, and a penalty that suits: nobody can do better."""
    random = np.random.default_rng(29)

    def part(data: Dataset) -> Dataset:
        assert data.y is not None
        return replace(data, y=(data.y + random.normal(0, 0.7, data.y.shape)).astype(np.float32))

    made = replace(s, train=part(s.train), valid=part(s.valid or s.train), holdout=part(s.holdout))
    return with_plan(made, l2=0.02, network=mlp((16,), 1, norm=True))


def mlp(hidden: tuple[int, ...], outputs: int, norm: bool = False) -> Sequential:
    layers: list[Layer] = []
    for units in hidden:
        layers += [Dense(units), *([BatchNorm()] if norm else []), Activation("relu")]
    return Sequential((*layers, Dense(outputs)))


def mild_imbalance(s: Situation) -> Situation:
    made = rows.imbalanced(s, 5)
    # as many steps as with all rows
    return with_plan(made, epochs=round(s.plan.epochs * s.train.rows / made.train.rows))


def some_dropout(s: Situation) -> Situation:
    """The training loss is above the validation loss, because only training drops units."""
    return replace(s, plan=wrong.edited(s.plan, wrong.on(Activation, lambda layer: (layer, Dropout(0.3)))))


def augmented(s: Situation) -> Situation:
    """Images moved by a pixel and of other brightness, which changes no answer, and the steps that this takes."""
    return with_plan(s, augmentation=(RandomCrop(1), RandomBrightness(0.1)), epochs=3 * s.plan.epochs)


def strong_feature(s: Situation) -> Situation:
    """A feature that nearly decides the target, and is there for new rows too."""
    random = np.random.default_rng(19)

    def column(data: Dataset, _: str) -> np.ndarray:
        y = np.asarray(data.y, np.float64).reshape(data.rows, -1)[:, :1]
        return y + random.normal(0, 0.28, y.shape)

    return rows.with_columns(s, column)


def norm_first(s: Situation) -> Situation:
    """Inputs as they come, and batch norm before everything."""
    assert isinstance(s.plan.network, Sequential)
    made = rows.unscaled(s, 300)
    return with_plan(made, network=Sequential((BatchNorm(), *s.plan.network.layers)))


def frozen_features(s: Situation) -> Situation:
    """A wide first layer of chance weights that is frozen on purpose."""
    assert isinstance(s.plan.network, Sequential)
    _, *rest = s.plan.network.layers
    return with_plan(s, network=Sequential((Frozen(Dense(200, bias=True)), *rest)))


def group_norm(s: Situation) -> Situation:
    made = wrong.edited(s.plan, wrong.on(BatchNorm, lambda layer: (GroupNorm(groups=4),)))
    return replace(s, plan=made.replace(batch_size=8, epochs=s.plan.epochs // 2))


def batches_of_16(s: Situation) -> Situation:
    return with_plan(s, batch_size=16, epochs=max(8, s.plan.epochs // 2))


def long_training(s: Situation) -> Situation:
    """Training goes on when all training rows are right, and the validation loss creeps up."""
    return with_plan(s, epochs=2 * s.plan.epochs)


def sigmoid_outputs(s: Situation) -> Situation:
    """Units at the ends of their range, because the task is solved."""
    return with_plan(s, epochs=2 * s.plan.epochs)


def small_resnet(s: Situation) -> Situation:
    return with_plan(s, network=Convnet(channels=(8, 16)), epochs=max(8, s.plan.epochs // 2))


def zero_borders(s: Situation) -> Situation:
    """Images whose border never changes, as a table of pixels."""
    assert isinstance(s.plan.network, Sequential)
    return with_plan(s, network=Sequential((Flatten(), *mlp((32, 32), 10, norm=True).layers)))


CONTROLS: tuple[Control, ...] = (
    Control(1, "plain network", ("digits/mlp-2", "terraces/mlp-2")),
    Control(2, "network with batch norm", ("digits/mlp-6-bn", "terraces/mlp-6-bn")),
    Control(3, "few rows", ("wine/mlp-2-bn", "clans/mlp-2", "clans/mlp-2-bn")),
    Control(4, "breast cancer", ("breast_cancer/mlp-2-bn",)),
    Control(4, "petals", ("petals/mlp-2-bn",)),
    Control(5, "regression", ("regression/mlp-2-bn", "phase/mlp-2", "phase/mlp-2-bn")),
    Control(6, "circles", ("circles/mlp-8-tanh",)),
    Control(6, "terraces", ("terraces/mlp-8-tanh", "terraces/mlp-4-sigmoid-bn")),
    Control(7, "moons", ("moons/mlp-2", "moons/mlp-8-tanh")),
    Control(7, "deep tanh", ("petals/mlp-8-tanh",)),
    Control(8, "blobs", ("blobs/mlp-2-bn",)),
    Control(9, "convolution", ("glyphs/conv-bn", "marks/conv-bn", "marks/conv")),
    Control(10, "residual convolution", ("digit_images/conv-bn", "marks/conv-bn"), small_resnet),
    Control(11, "sparse ReLU outputs", ("blobs/mlp-2-bn", "petals/mlp-2-bn", "marks/conv-bn"), sparse, True),
    Control(12, "edge of stability", ("moons/mlp-2", "clans/mlp-2"), edge_of_stability, True),
    Control(13, "high peak of one cycle", ("blobs/mlp-2-bn", "terraces/mlp-6-bn"), large_one_cycle, True),
    Control(14, "overlapping classes", ("blobs/mlp-2-bn", "circles/mlp-8-tanh"), overlapping, True),
    Control(15, "diabetes", ("diabetes/mlp-2",), hard=True),
    Control(15, "numbers at their limit", ("phase/mlp-2-bn",), noisy_numbers, True),
    Control(16, "classes of 1 to 5", ("blobs/mlp-2-bn", "marks/conv"), mild_imbalance, True),
    Control(17, "validation above training", ("digits/mlp-2", "clans/mlp-2"), some_dropout, True),
    Control(17, "augmented images", ("digit_images/conv-bn", "marks/conv-bn"), augmented, True),
    Control(18, "nearly all right", ("breast_cancer/mlp-2-bn", "marks/conv-bn", "marks/conv"), hard=True),
    Control(19, "a strong feature", ("breast_cancer/mlp-2-bn", "petals/mlp-2-bn"), strong_feature, True),
    Control(20, "pixels that never change", ("digit_images/conv-bn",), zero_borders, True),
    Control(21, "unscaled before batch norm", ("blobs/mlp-2-bn", "terraces/mlp-6-bn"), norm_first, True),
    Control(22, "frozen features on purpose", ("moons/mlp-2", "petals/mlp-2-bn"), frozen_features, True),
    Control(23, "small batches, group norm", ("digits/mlp-6-bn", "marks/conv-bn"), group_norm, True),
    Control(24, "small batches of images", ("digit_images/conv-bn", "marks/conv-bn"), batches_of_16, True),
    Control(25, "a small gap", ("digits/mlp-2", "marks/conv"), long_training, True),
    Control(26, "saturated when solved", ("digits/mlp-4-sigmoid-bn", "clans/mlp-2-bn"), sigmoid_outputs, True),
    Control(27, "no gradient left at the end", ("moons/mlp-8-tanh", "petals/mlp-8-tanh"), long_training, True),
)

NOT_POSSIBLE = {28: "bfloat16: a plan has no switch for the type it computes in"}
FULL = ("mnist/mlp-2", "mnist/mlp-6-bn", "mnist/conv-bn", "cifar10/conv-bn", "cifar10/resnet-bn", "cifar10/mlp-2")

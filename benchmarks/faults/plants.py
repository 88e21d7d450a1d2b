"""Every fault that is planted, as data: which cells can have it, what names it rightly, and how it is made.

Numbers are those of the list of 52 faults that the research proposed, so that none is forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import data_faults as rows
import layers as wrong
import numpy as np
import plan_faults as plans
from cells import Cell
from plan_faults import Make, edit, planned
from situation import Situation

from gammabeta.nn import Activation, ScaledNormal


@dataclass(frozen=True, eq=False)
class Plant:
    """A fault: a name, the codes that name its cause, the cells that can have it, and a degree for each severity."""

    number: int
    name: str
    accepted: frozenset[str]
    where: Callable[[Cell], bool]
    make: Make
    degrees: Mapping[str, float]

    def situation(self, cell: Cell, severity: str, seed: int = 0) -> Situation:
        made = self.make(cell.healthy(seed), self.degrees[severity])
        return replace(made, accepted=self.accepted, severity=severity)  # type: ignore[arg-type]


def plant(number: int, name: str, codes: str, where: Callable[[Cell], bool], make: Make, **degrees: float) -> Plant:
    return Plant(number, name, frozenset(f"GB{code}" for code in codes.split()), where, make, degrees)


def has(*words: str) -> Callable[[Cell], bool]:
    return lambda cell: cell.has(*words)


def lacks(word: str, *words: str) -> Callable[[Cell], bool]:
    return lambda cell: not cell.has(word) and cell.has(*words)


def labeled(cell: Cell) -> bool:
    return not cell.has("numbers")


def relu_without_norm(cell: Cell) -> bool:
    return cell.has("relu") and not cell.has("bn")


NOISY = {"classification", "diabetes", "blobs", "regression", "digits", "quantiles", "friedman", "circuit", "roll"}
BENT = {"moons", "circles", "classification", "regression", "friedman", "quantiles", "hastie", "circuit"}
BENT |= {"roll", "petals"}


def noisy(cell: Cell) -> bool:
    return cell.data in NOISY


def bent(cell: Cell) -> bool:
    """Whether no line can do it."""
    return cell.data in BENT


def by_momentum(cell: Cell) -> bool:
    return cell.architecture == "mlp-2"


def few(units: float) -> Make:
    """Few rows, a wide network, many epochs."""

    def make(s: Situation, count: float) -> Situation:
        found = rows.few_rows(s, count)
        # as many steps as with all rows
        epochs = round(s.plan.epochs * np.ceil(s.train.rows / s.plan.batch_size) / np.ceil(found.train.rows / 16))
        return replace(found, plan=plans.wide(found.plan.replace(batch_size=16, epochs=epochs), units))

    return make


def unguarded(s: Situation, times: float) -> Situation:
    """A loss with a logarithm of what may be 0, and steps long enough to get there."""
    binary = s.train.y is not None and s.train.y.ndim == 2
    loss = wrong.UnguardedLabelLoss() if binary else wrong.UnguardedClassLoss()
    return replace(s, plan=plans.rate(s.plan.replace(loss=loss), times), same_loss=False)


ANY: Callable[[Cell], bool] = lambda cell: True  # noqa: E731
TABLE, CLASSES, NUMBERS, IMAGES, BN = has("table"), has("classes"), has("numbers"), has("images"), has("bn")
DENSE = lacks("images")
DEEP_BN = has("mlp", "6", "bn")

PLANTS: tuple[Plant, ...] = (
    plant(1, "unscaled features", "102 114", lacks("images"), rows.unscaled, mild=30, clear=1e3, gross=1e5),
    plant(1, "unscaled images", "102", IMAGES, rows.unscaled, clear=100, gross=1000),
    plant(2, "unscaled target", "113", NUMBERS, rows.unscaled_target, mild=30, clear=1e3, gross=1e4),
    plant(3, "missing values", "101 701", TABLE, rows.non_finite, mild=0.001, clear=0.01, gross=0.05),
    plant(4, "outliers", "114 102", TABLE, rows.outliers, mild=1e2, clear=1e4, gross=1e6),
    plant(5, "columns became constant", "103", TABLE, rows.constants, mild=0.3, clear=0.6, gross=0.8),
    plant(5, "columns of noise", "111 601 112", TABLE, rows.junk, mild=3, clear=8, gross=20),
    plant(6, "target as a feature", "105 109", TABLE, rows.leak, mild=0.1, clear=0.03, gross=0.01),
    plant(7, "target in a corner of the image", "105 109", IMAGES, rows.pixel_leak, clear=0.6, gross=1),
    plant(8, "rows in train and validation", "104", noisy, rows.duplicates, mild=0.3, clear=0.6, gross=1),
    plant(9, "row number of a sorted file", "105 109", TABLE, rows.numbered, clear=0.5, gross=0.0),
    plant(10, "rare classes", "106", labeled, rows.imbalanced, mild=10, clear=30, gross=200),
    plant(11, "wrong labels", "107", ANY, rows.noisy_labels, mild=0.1, clear=0.25, gross=0.45),
    plant(12, "labels of other rows", "108 107", ANY, rows.misaligned, clear=0.5, gross=1),
    plant(13, "new rows from elsewhere", "109 507", ANY, rows.shifted, mild=0.3, clear=0.6, gross=1),
    plant(14, "new rows prepared otherwise", "110 109 507", ANY, rows.prepared_otherwise, clear=2, gross=0),
    plant(16, "harmful augmentation", "308 307", IMAGES, plans.augmented, mild=0.3, clear=0.6, gross=1),
    plant(17, "equal weights", "201", ANY, plans.initialized(plans.constant_initial), clear=0.1, gross=0),
    plant(
        18,
        "initial weights too small",
        "202 403",
        lacks("bn", "mlp"),
        plans.initialized(ScaledNormal),
        mild=0.05,
        clear=3e-3,
        gross=1e-4,
    ),
    plant(
        18, "initial weights too large", "202 404 402", lacks("bn", "mlp"), plans.scaled_initial(1), clear=6, gross=25
    ),
    plant(
        19,
        "softmax in hidden layers",
        "405 403 402",
        has("mlp"),
        edit(lambda _: wrong.on(Activation, lambda layer: (wrong.SoftmaxUnits(),))),
        clear=1,
    ),
    plant(
        20,
        "no activations",
        "205",
        bent,
        edit(lambda _: wrong.on(Activation, lambda layer: (Activation("identity"),))),
        gross=1,
    ),
    plant(21, "softmax twice", "204", CLASSES, plans.appended(lambda _: wrong.SoftmaxUnits()), clear=1),
    plant(21, "sigmoid twice", "204", has("binary"), plans.appended(lambda _: Activation("sigmoid")), clear=1),
    plant(
        22,
        "class numbers as amounts",
        "204 605",
        CLASSES,
        planned(lambda plan, _: plan.replace(loss=wrong.ClassNumberError()), same_loss=False),
        clear=1,
    ),
    plant(23, "ReLU at the end of a regression", "204", NUMBERS, plans.appended(lambda _: Activation("relu")), clear=1),
    plant(23, "sigmoid at the end", "204", NUMBERS, plans.appended(lambda _: Activation("sigmoid")), gross=1),
    plant(
        24,
        "loss summed",
        "301 404 204 701",
        lambda cell: by_momentum(cell) and not cell.has("binary"),
        plans.summed_loss,
        mild=0.25,
        clear=1,
        gross=4,
    ),
    plant(25, "sign turned", "204 605", lacks("binary"), plans.uphill, gross=1),
    plant(26, "no gradient in the middle", "206", has("mlp"), planned(plans.stopped), mild=0.5, clear=0.8, gross=1),
    plant(26, "frozen narrow layers", "206 602", has("mlp"), planned(plans.frozen), clear=4, gross=2),
    plant(
        27,
        "softmax over the rows",
        "207 405 403",
        has("mlp"),
        edit(lambda _: wrong.on(Activation, lambda layer: (wrong.BatchSoftmax(),))),
        gross=1,
    ),
    plant(
        27,
        "rows mixed by a reshape",
        "207",
        has("mlp"),
        edit(lambda _: wrong.on(Activation, lambda layer: (layer, wrong.MixedRows()))),
        gross=1,
    ),
    plant(28, "learning rate too high", "301 701", ANY, planned(plans.rate), mild=10, clear=30, gross=100),
    plant(
        29,
        "learning rate too low",
        "302 603",
        ANY,
        planned(lambda p, t: plans.rate(p, 1 / t)),
        mild=30,
        clear=200,
        gross=2e3,
    ),
    plant(30, "schedule ends early", "304 302 603", ANY, planned(plans.early_end), mild=0.15, clear=0.07, gross=0.02),
    plant(31, "no warm-up", "301 303 508", DEEP_BN, planned(plans.no_warm_up), clear=0.1, gross=0.5),
    plant(
        32,
        "many sigmoid layers",
        "403 402 508",
        lacks("images", "mlp"),
        planned(lambda plan, depth: plans.stack(int(depth), "sigmoid")(plan)),
        mild=5,
        clear=8,
        gross=12,
    ),
    plant(
        33,
        "exploding weights",
        "404 202 701",
        lacks("images", "mlp"),
        planned(lambda plan, gain: plans.stack(10, "relu", initializer=ScaledNormal(gain * (2 / 24) ** 0.5))(plan)),
        mild=1.5,
        clear=2,
        gross=4,
    ),
    plant(34, "dead ReLU", "401", relu_without_norm, plans.shifted_units, mild=-3, clear=-8, gross=-20),
    plant(
        34,
        "dead ReLU behind batch norm",
        "401 506",
        lambda cell: cell.has("bn", "relu"),
        edit(lambda beta: wrong.norms(initial_beta=beta)),
        mild=-3,
        clear=-6,
        gross=-15,
    ),
    plant(35, "saturated tanh", "402 202", has("tanh"), plans.scaled_initial(1), mild=4, clear=10, gross=20),
    plant(36, "Adam's constants", "303 301", BN, planned(plans.adam), mild=0.03, clear=0.1, gross=0.5),
    plant(37, "momentum of 0.999", "303 301", by_momentum, planned(plans.momentum), clear=0.99, gross=0.999),
    plant(
        38,
        "L2 too strong",
        "307",
        ANY,
        planned(lambda plan, l2: plan.replace(l2=l2)),
        mild=0.03,
        clear=0.15,
        gross=1,
    ),
    # where batch norm follows, its variance shift is the same fault
    plant(39, "too much dropout", "307 503", ANY, planned(plans.dropped), mild=0.6, clear=0.8, gross=0.95),
    plant(
        40, "batches of one or two rows", "306 301", by_momentum, planned(plans.small_batches), mild=4, clear=2, gross=1
    ),
    plant(41, "batch norm on tiny batches", "501 306", has("mlp", "bn"), planned(plans.small_batches), mild=4, clear=2),
    plant(
        42,
        "memory that hardly moves",
        "502",
        BN,
        edit(lambda rate: wrong.norms(estimator="ema", update_rate=rate)),
        mild=1e-2,
        clear=1e-4,
    ),
    plant(42, "statistics not carried over", "502 504", BN, plans.forgotten_statistics, gross=1),
    plant(
        44,
        "batch norm by its initial memory",
        "504 502",
        BN,
        edit(lambda _: wrong.norms(normalizes_by="memory", update=False)),
        clear=1,
    ),
    plant(
        44,
        "batch norm by its moving memory",
        "504 502",
        BN,
        edit(lambda _: wrong.norms(normalizes_by="memory", estimator="ema")),
        clear=1,
    ),
    plant(
        45,
        "dropout before batch norm",
        "503 307 502",
        BN,
        planned(plans.dropped_before_norm("ema")),
        mild=0.3,
        clear=0.5,
        gross=0.8,
    ),
    plant(
        45, "dropout before exact batch norm", "503 307 502", BN, planned(plans.dropped_before_norm("exact")), clear=0.5
    ),
    plant(46, "statistics of other rows", "502 507", BN, plans.foreign_statistics, mild=0.3, clear=0.6, gross=1),
    plant(
        47,
        "batch norm's epsilon",
        "506",
        BN,
        edit(lambda epsilon: wrong.norms(epsilon=epsilon)),
        mild=1,
        clear=100,
        gross=1e4,
    ),
    plant(
        48,
        "deep batch norm without skips",
        "508 404 403",
        lacks("images", "mlp"),
        planned(lambda plan, depth: plans.stack(int(depth), "relu", norm=True)(plan)),
        clear=20,
        gross=32,
    ),
    plant(49, "overfitting", "601 112", DENSE, few(128), mild=100, clear=60, gross=30),
    plant(50, "too small a network", "602", ANY, planned(plans.narrow), mild=3, clear=2, gross=1),
    plant(51, "too few epochs", "603 302", ANY, planned(plans.short), mild=0.1, clear=0.05, gross=0.01),
    plant(52, "logarithm of zero", "701 301", labeled, unguarded, mild=3, clear=10, gross=30),
)


@dataclass(frozen=True)
class Pair:
    """Two faults at once, the second planted on top of the first: names, severities, and the cell."""

    first: tuple[str, str]
    second: tuple[str, str]
    cell: str

    @property
    def name(self) -> str:
        return f"{self.first[0]} + {self.second[0]}"

    def situation(self, cell: Cell, seed: int = 0) -> Situation:
        one, other = (next(plant for plant in PLANTS if plant.name == name) for name, _ in (self.first, self.second))
        made = other.make(one.make(cell.healthy(seed), one.degrees[self.first[1]]), other.degrees[self.second[1]])
        both = (one.accepted, other.accepted)
        alone = (one.situation(cell, self.first[1], seed), other.situation(cell, self.second[1], seed))
        # two faults together are judged by what they cost, also where one of them alone only promises too much
        return replace(made, accepted=one.accepted | other.accepted, both=both, alone=alone, optimism=False)


DOUBLE: tuple[Pair, ...] = (
    Pair(("target as a feature", "clear"), ("L2 too strong", "gross"), "digits/mlp-2"),
    Pair(("wrong labels", "clear"), ("learning rate too low", "gross"), "digits/mlp-6-bn"),
    Pair(("equal weights", "clear"), ("learning rate too low", "clear"), "moons/mlp-2"),
    Pair(("unscaled features", "gross"), ("rows in train and validation", "gross"), "digits/mlp-2"),
    Pair(("unscaled target", "clear"), ("L2 too strong", "gross"), "friedman/mlp-2"),
    Pair(("softmax twice", "clear"), ("too few epochs", "gross"), "quantiles/mlp-4-sigmoid-bn"),
    Pair(("rare classes", "gross"), ("learning rate too low", "clear"), "terraces/mlp-6-bn"),
    Pair(("unscaled target", "clear"), ("too much dropout", "clear"), "phase/mlp-2"),
    Pair(("softmax twice", "clear"), ("learning rate too low", "gross"), "terraces/mlp-4-sigmoid-bn"),
    Pair(("statistics of other rows", "gross"), ("L2 too strong", "gross"), "clans/mlp-2-bn"),
    Pair(("saturated tanh", "gross"), ("new rows from elsewhere", "gross"), "petals/mlp-8-tanh"),
    Pair(("dead ReLU", "gross"), ("too few epochs", "gross"), "marks/conv"),
    Pair(("target as a feature", "clear"), ("too small a network", "gross"), "phase/mlp-2-bn"),
    Pair(("wrong labels", "clear"), ("L2 too strong", "gross"), "terraces/mlp-2"),
    Pair(("outliers", "clear"), ("learning rate too low", "gross"), "petals/mlp-2-bn"),
    Pair(("wrong labels", "clear"), ("too much dropout", "gross"), "marks/conv-bn"),
)
"""Pairs that people make: of data and plan, of two layers, of start and rate."""

NOT_POSSIBLE = {
    15: "batches in the order of the file: every epoch is shuffled anew from the seed, there is no switch",
    43: "batch norm by the batch when predicting: predictions are always made by memory",
}
"""Faults that this system cannot have, by their number, and why."""

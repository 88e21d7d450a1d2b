"""Healthy bases: a data set and an architecture, with a plan that trains well.

Whole data sets are for calibration or held out; nothing that is tuned may look at the held-out ones.
"""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from situation import Situation
from sklearn import datasets as sk

from gammabeta.data import Dataset
from gammabeta.nn import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    Loss,
    MaxPool,
    Residual,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from gammabeta.optim import AdamW, Momentum, Optimizer
from gammabeta.plan import Plan

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "images"
Task = Literal["classes", "binary", "numbers"]
HELD_OUT = ("phase", "terraces", "petals", "clans", "marks", "cifar10")
"""Data sets that calibration never sees; all others may be looked at."""

STEPS = 450
MANY = 3_000
"""Rows of the large sets: the first ones."""


@dataclass(frozen=True, eq=False)
class Rows:
    """A data set, split and scaled by its training rows."""

    task: Task
    train: Dataset
    valid: Dataset
    holdout: Dataset

    @property
    def outputs(self) -> int:
        assert self.train.y is not None
        return int(self.train.y.max()) + 1 if self.task == "classes" else 1

    @property
    def images(self) -> bool:
        return self.train.x.ndim == 4


@dataclass(frozen=True)
class Cell:
    """A data set and an architecture: "digits/mlp-2-bn"."""

    data: str
    architecture: str

    @property
    def name(self) -> str:
        return f"{self.data}/{self.architecture}"

    @property
    def held_out(self) -> bool:
        return self.data in HELD_OUT

    @property
    def rows(self) -> Rows:
        return rows(self.data)

    def has(self, *words: str) -> bool:
        """Whether the architecture's name or the task holds all of them: "bn", "conv", "classes", "relu" ..."""
        found = {*self.architecture.split("-"), self.rows.task, "images" if self.rows.images else "table"}
        found |= {"relu"} if not found & {"tanh", "sigmoid"} else set()
        return found.issuperset(words)

    def healthy(self, seed: int = 0) -> Situation:
        """The run that nothing is wrong with."""
        found = self.rows
        loss: dict[Task, Loss] = {
            "classes": SoftmaxCrossEntropy(),
            "binary": SigmoidCrossEntropy(),
            "numbers": SquaredError(),
        }
        batch = 32 if found.train.rows < 2_000 else 64
        plan = Plan(
            network=network(self.architecture, found),
            loss=loss[found.task],
            optimizer=optimizer(self.architecture),
            epochs=max(8, round(STEPS / np.ceil(found.train.rows / batch))),
            batch_size=batch,
            l2=L2.get(self.name),
            seed=seed,
        )
        return Situation(plan, found.train, found.valid, found.holdout)


def optimizer(architecture: str) -> Optimizer:
    """Momentum for the plain shallow network, AdamW for all others, with longer steps for those that bear them."""
    if architecture == "mlp-2":
        return Momentum(learning_rate=0.03)
    return AdamW(learning_rate=1e-2 if "bn" in architecture or "conv" in architecture else 3e-3)


L2 = {"classification/mlp-2": 0.01, "diabetes/mlp-2": 0.1, "iris/mlp-2": 0.01}
L2 |= {"mnist/mlp-2": 0.01, "cifar10/mlp-2": 0.03}
"""Where a network without it would overfit, and not be healthy."""


# ---- architectures


def network(architecture: str, found: Rows) -> Sequential:
    """ "mlp-6-bn": six hidden layers of relu; "mlp-8-tanh"; "mlp-4-sigmoid-bn"; "conv", "conv-bn", "resnet-bn"."""
    parts = architecture.split("-")
    norm: list[Layer] = [BatchNorm()] if "bn" in parts else []
    if parts[0] == "mlp":
        function = next((part for part in parts if part in ("tanh", "sigmoid")), "relu")
        width = 32 if int(parts[1]) <= 2 else 24
        layers: list[Layer] = [Flatten()] if found.images else []
        for _ in range(int(parts[1])):
            layers += [Dense(width), *norm, Activation(function)]
        return Sequential((*layers, Dense(found.outputs)))
    large = min(found.train.input_shape[:2]) > 16
    first: list[Layer] = [Conv2D(12 if large else 8, 3, stride=2 if large else 1), *norm, Activation("relu")]
    if parts[0] == "resnet":
        body = Sequential((Conv2D(8 if not large else 12), *norm, Activation("relu"), Conv2D(8 if not large else 12)))
        first += [Residual(body), *norm, Activation("relu")]
    second: list[Layer] = [MaxPool(), Conv2D(24 if large else 16), *norm, Activation("relu")]
    third: list[Layer] = [MaxPool(), Conv2D(32), *norm, Activation("relu")] if large else []
    return Sequential((*first, *second, *third, GlobalAveragePool(), Dense(found.outputs)))


# ---- data


@cache
def rows(name: str) -> Rows:
    """A data set by its name."""
    return SOURCES[name]()


def split(task: Task, x: np.ndarray, y: np.ndarray, holdout: int, train: float = 0.67) -> Rows:
    """Shuffled, split into train, valid and hold-out, and tables scaled by the training rows."""
    order = np.random.default_rng(5).permutation(len(x))
    x, y = x[order], y[order]
    rest = len(x) - holdout
    first = round(train * rest)
    target = y.astype(np.int32) if task == "classes" else y.astype(np.float64).reshape(len(y), -1)
    if task == "numbers":
        target = (target - target[:first].mean()) / target[:first].std()
    if task != "classes":
        target = target.astype(np.float32)
    if x.ndim == 2:
        spread = x[:first].std(axis=0)
        x = (x - x[:first].mean(axis=0)) / np.where(spread > 0, spread, 1)
        whole = Dataset(x=x.astype(np.float32), y=target)
    else:
        pixels = x[:first].reshape(-1, x.shape[-1])
        factor = (1 / pixels.std(axis=0)).astype(np.float32)
        whole = Dataset(x=x, y=target, offset=pixels.mean(axis=0).astype(np.float32), factor=factor)
    # every part is a data set of its own: its rows are numbered from 0
    parts = (whole.take(np.arange(first)), whole.take(np.arange(first, rest)), whole.take(np.arange(rest, len(x))))
    return Rows(task, *(replace(part, kept=None) for part in parts))


def skewed(x: np.ndarray) -> np.ndarray:
    """Columns moved and scaled unequally, as real ones are."""
    k = np.arange(x.shape[1])
    found: np.ndarray = x * (1 + 3 * k) + 7 - 5 * k
    return found


def digits() -> Rows:
    found = sk.load_digits()
    return split("classes", found.data[:1500], found.target[:1500], 500)


def digit_images() -> Rows:
    found = sk.load_digits()
    pixels = (found.images[:1500, :, :, None] * 15).astype(np.uint8)
    return split("classes", pixels, found.target[:1500], 500)


def wine() -> Rows:
    found = sk.load_wine()
    return split("classes", found.data, found.target, 50)


def breast_cancer() -> Rows:
    found = sk.load_breast_cancer()
    return split("binary", found.data, found.target, 150)


def diabetes() -> Rows:
    found = sk.load_diabetes()
    return split("numbers", found.data, found.target, 100)


def moons() -> Rows:
    x, y = sk.make_moons(1400, noise=0.15, random_state=1)
    return split("binary", skewed(x), y, 500)


def circles() -> Rows:
    x, y = sk.make_circles(1400, noise=0.1, factor=0.45, random_state=1)
    return split("binary", skewed(x), y, 500)


def blobs() -> Rows:
    x, y = sk.make_blobs([500, 400, 300, 200], n_features=6, cluster_std=3.2, random_state=3)
    return split("classes", skewed(x), y, 500)


def classification() -> Rows:
    x, y = sk.make_classification(
        1500, 12, n_informative=7, n_redundant=2, n_classes=3, class_sep=1.6, weights=[0.45, 0.3], random_state=2
    )
    return split("classes", skewed(x), y, 500)


def regression() -> Rows:
    x, y = sk.make_regression(1300, 9, n_informative=6, noise=4.0, random_state=4)
    # a bend, so that a line is not enough
    return split("numbers", skewed(x), y + 90 * np.maximum(x[:, 0], 0.3) * x[:, 1], 400)


def glyphs() -> Rows:
    """Five patterns of strokes on 9 x 7 pixels, moved by up to a pixel, of unequal ink, under noise."""
    random = np.random.default_rng(11)
    templates = random.random((5, 7, 5)) < 0.4
    y = random.choice(5, 1400, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    x = np.zeros((len(y), 9, 7))
    for i, kind in enumerate(y):
        top, left = random.integers(0, 3, 2)
        x[i, top : top + 7, left : left + 5] = templates[kind] * random.uniform(90, 200)
    x = np.clip(x + random.normal(20, 30, x.shape), 0, 255)
    return split("classes", x[..., None].astype(np.uint8), y, 500)


def friedman() -> Rows:
    x, y = sk.make_friedman1(1300, n_features=8, noise=1.0, random_state=6)
    return split("numbers", skewed(x), y, 400)


def quantiles() -> Rows:
    """Three shells around each other, in five dimensions."""
    x, y = sk.make_gaussian_quantiles(n_samples=1500, n_features=5, n_classes=3, random_state=8)
    return split("classes", skewed(x), y, 500)


def hastie() -> Rows:
    """The first four of ten columns alone decide, or the task would be out of reach for so few rows."""
    x, _ = sk.make_hastie_10_2(1500, random_state=9)
    y = (x[:, :4] ** 2).sum(axis=1) > 3.36
    return split("binary", skewed(x[:, :6]), y, 500)


def iris() -> Rows:
    found = sk.load_iris()
    return split("classes", found.data, found.target, 40)


def waves() -> Rows:
    """Four directions of stripes on 10 x 8 pixels, of any phase, width and contrast, under noise."""
    random = np.random.default_rng(13)
    y = random.choice(4, 1400, p=[0.35, 0.3, 0.2, 0.15])
    rows, columns = np.mgrid[:10, :8]
    angle = y * np.pi / 4 + random.normal(0, 0.08, len(y))
    turned = rows * np.cos(angle)[:, None, None] + columns * np.sin(angle)[:, None, None]
    width, phase, contrast = (random.uniform(*ends, (len(y), 1, 1)) for ends in ((3, 5), (0, 2 * np.pi), (25, 80)))
    x = 110 + contrast * np.sin(2 * np.pi * turned / width + phase) + random.normal(0, 22, turned.shape)
    return split("classes", np.clip(x, 0, 255)[..., None].astype(np.uint8), y, 500)


def circuit() -> Rows:
    """The impedance of a circuit, of resistance, frequency, inductance and capacity, of unequal size as they come."""
    x, y = sk.make_friedman2(1300, noise=60.0, random_state=14)
    return split("numbers", x, y, 400)


def roll() -> Rows:
    """Three thirds of a rolled sheet, noisy, and two columns that say nothing."""
    x, along = sk.make_swiss_roll(1500, noise=1.5, random_state=15)
    beside = np.random.default_rng(15).normal(0, 1, (len(x), 2))
    return split("classes", skewed(np.hstack([x, beside])), np.digitize(along, (7.5, 11.0)), 500)


def spirals() -> Rows:
    """Two arms around each other, three quarters of a turn long, seen through four columns."""
    random = np.random.default_rng(16)
    y = random.random(1500) < 0.42
    turn = 1.5 * np.pi * np.sqrt(random.random(len(y))) + 0.5
    arm = turn[:, None] * np.c_[np.cos(turn + np.pi * y), np.sin(turn + np.pi * y)] + random.normal(
        0, 0.45, (len(y), 2)
    )
    return split("binary", skewed(arm @ random.normal(0, 1, (2, 4)) + random.normal(0, 0.1, (len(y), 4))), y, 500)


def lobes() -> Rows:
    """Three long clouds that lie across each other, of few rows."""
    random = np.random.default_rng(17)
    y = random.choice(3, 170, p=[0.42, 0.33, 0.25])
    long = random.normal(0, 1, (3, 7, 7)) * np.linspace(0.3, 1.4, 7)
    x = random.normal(0, 0.8, (3, 7))[y] + np.einsum("nk,nkj->nj", random.normal(0, 0.6, (170, 7)), long[y])
    return split("classes", skewed(x), y, 45)


def shapes() -> Rows:
    """A disc, a ring, a cross and a frame on 10 x 9 pixels, of any place, size and brightness, under noise."""
    random = np.random.default_rng(18)
    y = random.choice(4, 1400, p=[0.33, 0.28, 0.22, 0.17])
    rows, columns = np.mgrid[:10, :9]
    down, right, size, ink = (
        random.uniform(*ends, (len(y), 1, 1)) for ends in ((4, 5.5), (3.5, 5), (2.2, 3.4), (70, 150))
    )
    up, across = np.abs(rows - down), np.abs(columns - right)
    far, most = np.hypot(up, across), np.maximum(up, across)
    cross = (np.minimum(up, across) < 0.8) & (most < size)
    drawn = np.choose(y[:, None, None], [far < size, np.abs(far - size) < 0.8, cross, np.abs(most - size) < 0.7])
    x = 60 + ink * drawn + random.normal(0, 20, drawn.shape)
    return split("classes", np.clip(x, 0, 255)[..., None].astype(np.uint8), y, 500)


def phase() -> Rows:
    """The phase of a circuit, of a resistance that is not small, frequency, inductance and capacity."""
    x, y = sk.make_friedman3(1900, noise=0.15, random_state=19)
    resists = x[:, 0] > 30
    return split("numbers", x[resists], y[resists], 400)


def terraces() -> Rows:
    """Four steps of a hill with two tops, seen through six columns, one of which is the mean of two others."""
    random = np.random.default_rng(20)
    at = random.uniform(-2, 2, (1500, 3))
    tops = 1.4 * np.exp(-((at - [0.8, 0.4, 0]) ** 2).sum(axis=1)) + np.exp(-((at - [-0.9, -0.6, 0.5]) ** 2).sum(axis=1))
    height = tops + 0.25 * at[:, 0] + random.normal(0, 0.04, len(at))
    beside = random.normal(0, 1, (len(at), 2))
    x = np.hstack([at, beside, at[:, :2].mean(axis=1, keepdims=True) + random.normal(0, 0.3, (len(at), 1))])
    return split("classes", skewed(x), np.digitize(height, np.quantile(height, (0.34, 0.62, 0.84))), 500)


def petals() -> Rows:
    """Inside or outside of a flower of three petals, seen through two columns and a third that says less."""
    random = np.random.default_rng(21)
    at = random.normal(0, 1, (1500, 2))
    far, turn = np.hypot(*at.T), np.arctan2(at[:, 1], at[:, 0])
    y = far + random.normal(0, 0.1, len(at)) < 1.1 + 0.45 * np.cos(3 * turn)
    beside = 0.4 * at @ random.normal(0, 1, (2, 1)) + random.normal(0, 1, (len(at), 1))
    return split("binary", skewed(np.hstack([at, beside])), y, 500)


def clans() -> Rows:
    """Four classes of two or three heaps each, of few rows."""
    random = np.random.default_rng(22)
    heaps = random.normal(0, 1.9, (10, 6))
    heap = random.choice(10, 260, p=np.array([14, 13, 12, 11, 10, 10, 9, 8, 7, 6]) / 100)
    clan = np.array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
    return split("classes", skewed(heaps[heap] + random.normal(0, 1.15, (260, 6))), clan[heap], 80)


def marks() -> Rows:
    """A bar, a corner, a tee and two dots on 9 x 10 pixels, in any place and of any brightness, under noise."""
    random = np.random.default_rng(23)
    mark = np.zeros((4, 6, 6))
    mark[0, 2:4] = 1
    mark[1, :, :2] = mark[1, 4:] = 1
    mark[2, :2] = mark[2, :, 2:4] = 1
    mark[3, :3, :3] = mark[3, 4:, 3:] = 1
    y = random.choice(4, 1400, p=[0.3, 0.28, 0.24, 0.18])
    x = np.zeros((len(y), 9, 10))
    for i, kind in enumerate(y):
        top, left = random.integers(0, 4), random.integers(0, 5)
        x[i, top : top + 6, left : left + 6] = mark[kind] * random.uniform(50, 130)
    return split("classes", np.clip(x + random.normal(50, 24, x.shape), 0, 255)[..., None].astype(np.uint8), y, 500)


def mnist() -> Rows:
    folder = SHARED / "mnist"
    x = np.frombuffer(gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    y = np.frombuffer(gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return split("classes", x.reshape(-1, 28, 28, 1)[:MANY], y[:MANY], MANY // 3)


def cifar10() -> Rows:
    import pyarrow.parquet as pq
    from PIL import Image

    table = pq.read_table(SHARED / "cifar10_jpeg" / "train.parquet").slice(0, MANY).to_pydict()
    first = table["image"][0]
    encoded = [image["bytes"] for image in table["image"]] if isinstance(first, dict) else table["image"]
    x = np.stack([np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in encoded])
    return split("classes", x, np.asarray(table["label"]), MANY // 3)


SOURCES: dict[str, Callable[[], Rows]] = {
    "digits": digits,
    "digit_images": digit_images,
    "wine": wine,
    "breast_cancer": breast_cancer,
    "diabetes": diabetes,
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
    "classification": classification,
    "regression": regression,
    "glyphs": glyphs,
    "friedman": friedman,
    "quantiles": quantiles,
    "hastie": hastie,
    "iris": iris,
    "waves": waves,
    "circuit": circuit,
    "roll": roll,
    "spirals": spirals,
    "lobes": lobes,
    "shapes": shapes,
    "phase": phase,
    "terraces": terraces,
    "petals": petals,
    "clans": clans,
    "marks": marks,
    "mnist": mnist,
    "cifar10": cifar10,
}

CORE = tuple(
    Cell(*name.split("/"))
    for name in (
        "digits/mlp-2",
        "digits/mlp-6-bn",
        "digits/mlp-4-sigmoid-bn",
        "digit_images/conv-bn",
        "digit_images/conv",
        "breast_cancer/mlp-2-bn",
        "moons/mlp-2",
        "moons/mlp-8-tanh",
        "blobs/mlp-2-bn",
        "regression/mlp-2-bn",
        "wine/mlp-2-bn",
        "circles/mlp-8-tanh",
        "classification/mlp-2",
        "classification/mlp-6-bn",
        "diabetes/mlp-2",
        "glyphs/conv-bn",
        "friedman/mlp-2",
        "quantiles/mlp-2",
        "quantiles/mlp-4-sigmoid-bn",
        "hastie/mlp-2-bn",
        "hastie/mlp-8-tanh",
        "iris/mlp-2",
        "waves/conv-bn",
        "waves/conv",
        "circuit/mlp-2",
        "circuit/mlp-2-bn",
        "roll/mlp-2",
        "roll/mlp-6-bn",
        "roll/mlp-8-tanh",
        "roll/mlp-4-sigmoid-bn",
        "spirals/mlp-2-bn",
        "spirals/mlp-8-tanh",
        "lobes/mlp-2",
        "lobes/mlp-2-bn",
        "shapes/conv-bn",
        "shapes/conv",
        "phase/mlp-2",
        "phase/mlp-2-bn",
        "terraces/mlp-2",
        "terraces/mlp-6-bn",
        "terraces/mlp-8-tanh",
        "terraces/mlp-4-sigmoid-bn",
        "petals/mlp-2-bn",
        "petals/mlp-8-tanh",
        "clans/mlp-2",
        "clans/mlp-2-bn",
        "marks/conv-bn",
        "marks/conv",
    )
)
FULL = tuple(
    Cell(data, architecture)
    for data in ("mnist", "cifar10")
    for architecture in ("mlp-2", "mlp-6-bn" if data == "mnist" else "resnet-bn", "conv-bn")
)

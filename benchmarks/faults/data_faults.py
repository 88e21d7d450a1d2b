"""Things that go wrong with the rows: functions of a situation and a degree."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from situation import Situation

from gammabeta.data import Dataset

PARTS = ("train", "valid", "holdout")


def on_parts(s: Situation, change: Callable[[Dataset, str], Dataset], *parts: str) -> Situation:
    """Some parts of the data changed; test too where it is the hold-out."""
    made = {name: change(getattr(s, name), name) for name in parts or PARTS}
    if s.test is s.holdout and "holdout" in made:
        made["test"] = made["holdout"]
    return replace(s, **made)


def chance(salt: int = 0) -> np.random.Generator:
    return np.random.default_rng([23, salt])


def with_columns(s: Situation, columns: Callable[[Dataset, str], np.ndarray]) -> Situation:
    """Columns added, scaled by the training rows."""
    added = {name: columns(getattr(s, name), name) for name in PARTS}
    center, spread = added["train"].mean(axis=0), added["train"].std(axis=0)

    def wider(data: Dataset, name: str) -> Dataset:
        new = ((added[name] - center) / np.where(spread > 0, spread, 1)).astype(np.float32)
        return replace(data, x=np.concatenate([data.x, new], axis=1))

    return on_parts(s, wider)


def unscaled(s: Situation, times: float) -> Situation:
    """A third of the columns in another unit; images as they come, moved by an offset."""
    if s.train.offset is not None:
        k = len(s.train.offset)
        raw = {"offset": np.full(k, -5 * times, np.float32), "factor": np.ones(k, np.float32)}
        return on_parts(s, lambda data, _: replace(data, **raw))
    chosen = chance().permutation(s.train.x.shape[1])[: max(1, s.train.x.shape[1] // 3)]
    factor = np.ones(s.train.x.shape[1], np.float32)
    factor[chosen] = times
    return on_parts(s, lambda data, _: replace(data, x=data.x * factor))


def unscaled_target(s: Situation, times: float) -> Situation:
    made = on_parts(s, lambda data, _: replace(data, y=data.y * np.float32(times) + np.float32(2 * times)))
    return replace(made, same_loss=False)


def non_finite(s: Situation, share: float) -> Situation:
    """Missing cells in the training rows."""

    def holes(data: Dataset, _: str) -> Dataset:
        x = data.x.copy()
        x[chance().random(x.shape) < share] = np.nan
        return replace(data, x=x)

    return on_parts(s, holes, "train")


def outliers(s: Situation, times: float) -> Situation:
    """Five training rows far away, and everything scaled by the spread that they make."""
    x = s.train.x.copy()
    rows = chance().permutation(len(x))[:5]
    x[rows] = (x[rows] + 1) * times
    center, spread = x.mean(axis=0), x.std(axis=0)
    made = replace(s, train=replace(s.train, x=x))
    return on_parts(made, lambda data, _: replace(data, x=((data.x - center) / spread).astype(np.float32)))


def constants(s: Situation, share: float) -> Situation:
    """The columns that say most are the same value in every row."""
    y = np.asarray(s.train.y, np.float64).reshape(s.train.rows, -1)[:, 0]
    x = s.train.x - s.train.x.mean(axis=0)
    strength = np.abs(x.T @ (y - y.mean())) / (1e-9 + np.sqrt((x**2).sum(axis=0)))
    chosen = np.argsort(-strength)[: max(1, round(share * len(strength)))]

    def same(data: Dataset, _: str) -> Dataset:
        x = data.x.copy()
        x[:, chosen] = 0.7
        return replace(data, x=x)

    return on_parts(s, same)


def junk(s: Situation, times: float) -> Situation:
    """Columns of noise, many times as many as there are, and few rows."""
    k = round(times * s.train.x.shape[1])
    salt = {name: index for index, name in enumerate(PARTS)}
    made = replace(s, train=s.train.take(np.arange(min(s.train.rows, 90))))
    return with_columns(made, lambda data, name: chance(salt[name]).normal(3, 4, (data.rows, k)))


def leak(s: Situation, noise: float) -> Situation:
    """A column that holds the target, and noise where the target is not yet known."""

    def column(data: Dataset, name: str) -> np.ndarray:
        y = np.asarray(data.y, np.float64).reshape(data.rows, -1)[:, :1]
        if name == "holdout":
            y = chance(3).permutation(y)
        return y + chance(4).normal(0, noise, y.shape)

    return with_columns(s, column)


def pixel_leak(s: Situation, contrast: float) -> Situation:
    """A corner of every image whose gray says the class."""
    assert s.train.y is not None
    classes = int(s.train.y.max()) + 1

    def marked(data: Dataset, name: str) -> Dataset:
        y = np.asarray(data.y) if name != "holdout" else chance(5).permutation(np.asarray(data.y))
        x = data.x.copy()
        x[:, :3, :3] = (contrast * 255 * (y + 1) / classes).astype(np.uint8)[:, None, None, None]
        return replace(data, x=x)

    return on_parts(s, marked)


def duplicates(s: Situation, share: float) -> Situation:
    """Validation rows that stand among the training rows too."""
    assert s.valid is not None
    copied = s.valid.take(chance().permutation(s.valid.rows)[: round(share * s.valid.rows)])
    x, y = (np.concatenate([getattr(s.train, name), getattr(copied, name)]) for name in ("x", "y"))
    order = chance(1).permutation(len(x))
    train = Dataset(x=x[order], y=y[order], offset=s.train.offset, factor=s.train.factor)
    return replace(s, train=train, optimism=True)


def numbered(s: Situation, disorder: float) -> Situation:
    """The row's number as a column, of a file sorted by the target; new rows are numbered on."""

    def column(data: Dataset, name: str) -> np.ndarray:
        y = np.asarray(data.y, np.float64).reshape(data.rows, -1)[:, 0]
        place = np.argsort(np.argsort(y + chance(6).random(data.rows) * disorder)) / data.rows
        return (place + 1.05 if name == "holdout" else place)[:, None]

    return with_columns(s, column)


def imbalanced(s: Situation, ratio: float) -> Situation:
    """Every second class thinned out in the labeled rows; the hold-out keeps the true shares."""

    def thinned(data: Dataset, _: str) -> Dataset:
        y = np.asarray(data.y).reshape(-1).astype(int)
        keep = np.ones(len(y), bool)
        for kind in range(0, y.max() + 1, 2):
            where = np.flatnonzero(y == kind)
            keep[where[max(2, round(len(where) / ratio)) :]] = False
        return data.take(np.flatnonzero(keep))

    return on_parts(s, thinned, "train", "valid")


def noisy_labels(s: Situation, share: float) -> Situation:
    """Wrong targets in the labeled rows."""

    def wrong(data: Dataset, name: str) -> Dataset:
        assert data.y is not None
        y = np.array(data.y)
        random = chance(len(name))
        chosen = np.flatnonzero(random.random(len(y)) < share)
        if y.ndim == 1:
            y[chosen] = (y[chosen] + random.integers(1, y.max() + 1, len(chosen))) % (y.max() + 1)
        elif set(np.unique(y)) <= {0.0, 1.0}:
            y[chosen] = 1 - y[chosen]
        else:
            y[chosen] = y[random.permutation(chosen)]
        return replace(data, y=y)

    return on_parts(s, wrong, "train", "valid")


def misaligned(s: Situation, share: float) -> Situation:
    """Targets that belong to other rows."""

    def moved(data: Dataset, name: str) -> Dataset:
        assert data.y is not None
        y = np.array(data.y)
        chosen = np.arange(round(share * len(y)))
        y[chosen] = np.roll(y[chosen], len(chosen) // 3 + 1, axis=0)
        return replace(data, y=y)

    return on_parts(s, moved, "train", "valid")


def shifted(s: Situation, amount: float) -> Situation:
    """New rows from elsewhere: darker and inverted images; half of the columns moved."""

    def elsewhere(data: Dataset, _: str) -> Dataset:
        if data.offset is not None:
            return replace(data, x=np.clip(data.x * (1 - amount) + 255 * amount * (data.x < 60), 0, 255).astype("u1"))
        move = np.zeros(data.x.shape[1], np.float32)
        move[::2] = 3 * amount
        return replace(data, x=data.x + move)

    return on_parts(replace(s, test=s.holdout), elsewhere, "holdout")


def prepared_otherwise(s: Situation, mode: float) -> Situation:
    """New rows scaled twice (mode 2) or not at all (mode 0)."""

    def other(data: Dataset, _: str) -> Dataset:
        if data.offset is not None:
            assert data.factor is not None
            twice = {"offset": data.offset * (1 + 1 / data.factor), "factor": data.factor**2}
            raw = {"offset": np.zeros_like(data.offset), "factor": np.full_like(data.factor, 1 / 255)}
            return replace(data, **(twice if mode == 2 else raw))
        k = np.arange(data.x.shape[1])
        center, spread = 7 - 5.0 * k, 1 + 3.0 * k
        x = (data.x - center) / spread if mode == 2 else data.x * spread + center
        return replace(data, x=x.astype(np.float32))

    return on_parts(replace(s, test=s.holdout), other, "holdout")


def few_rows(s: Situation, rows: float) -> Situation:
    return replace(s, train=s.train.take(np.arange(min(int(rows), s.train.rows))))

"""How much a single feature, or a small patch of an image, says of the target."""

from dataclasses import dataclass

import numpy as np

MOST_FEATURES = 4_096
FIRST_LOOK = 600
"""Rows by which the most telling patches are picked."""

BINS = 64


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be predicted: y, (rows,) class numbers, or (rows, targets) numbers with None classes."""

    y: np.ndarray
    classes: int | None

    def take(self, rows: np.ndarray) -> "Target":
        return Target(self.y[rows], self.classes)


def rows_won(target: Target, predicted: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Skill of every row, (rows,): its mean is 0 for the constant answer ``base`` and 1 without a mistake."""
    if target.classes is not None:
        wrong, constant = predicted != target.y, float(np.mean(base != target.y))
        return np.asarray(1 - wrong / max(constant, 1e-9))
    error = (predicted.reshape(target.y.shape) - target.y) ** 2
    spread = np.mean((target.y - base) ** 2, axis=0)
    return np.asarray(np.mean(1 - error / np.maximum(spread, 1e-30), axis=1))


def constant(target: Target) -> np.ndarray:
    if target.classes is not None:
        return np.asarray(np.argmax(np.bincount(target.y, minlength=target.classes)))
    return np.asarray(np.mean(target.y, axis=0))


def halves(rows: int) -> tuple[np.ndarray, np.ndarray]:
    mixed = np.random.default_rng(1).permutation(rows)
    return np.sort(mixed[: rows // 2]), np.sort(mixed[rows // 2 :])


def by_bins(x: np.ndarray, target: Target) -> np.ndarray:
    """Skill of every feature by itself, (features,): learned on one half of the rows by bins, measured on the other."""
    learn, measure = halves(len(x))
    known, new = target.take(learn), target.take(measure)
    base = constant(known)
    found = np.zeros(x.shape[1])
    shares = np.linspace(0, 1, min(BINS, max(2, len(learn) // 5)) + 1)[1:-1]
    for column in range(x.shape[1]):
        values = x[learn, column]
        edges = np.unique(np.quantile(values, shares))
        bin_of, bin_new = np.searchsorted(edges, values), np.searchsorted(edges, x[measure, column])
        size = len(edges) + 1
        if known.classes is not None:
            counts = np.bincount(bin_of * known.classes + known.y, minlength=size * known.classes)
            counts = counts.reshape(size, known.classes)
            answer = np.where(counts.sum(axis=1) > 0, np.argmax(counts, axis=1), base)
        else:
            rows = np.maximum(np.bincount(bin_of, minlength=size), 1)
            sums = [
                np.bincount(bin_of, part - mean, minlength=size) for part, mean in zip(known.y.T, base, strict=True)
            ]
            answer = np.stack(sums, axis=1) / rows[:, None] + base
        found[column] = rows_won(new, answer[bin_new], base).mean()
    return found


def by_tree(x: np.ndarray, target: Target, x_new: np.ndarray | None = None, new: Target | None = None) -> np.ndarray:
    """Skill of every row of a decision tree on these columns: on the new rows, or of each half by the other."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    def won(x: np.ndarray, target: Target, x_new: np.ndarray, new: Target) -> np.ndarray:
        kind = DecisionTreeRegressor if target.classes is None else DecisionTreeClassifier
        tree = kind(max_leaf_nodes=256, min_samples_leaf=2, random_state=0).fit(x, target.y)
        return rows_won(new, np.asarray(tree.predict(x_new)), constant(target))

    if x_new is not None and new is not None:
        return won(x, target, x_new, new)
    one, other = halves(len(x))
    pairs = ((one, other), (other, one))
    return np.concatenate([won(x[a], target.take(a), x[b], target.take(b)) for a, b in pairs])


def by_forest(x: np.ndarray, target: Target, x_new: np.ndarray, new: Target) -> np.ndarray:
    """Skill of every new row of a forest on these columns."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesRegressor if target.classes is None else ExtraTreesClassifier
    y = target.y[:, 0] if target.y.ndim == 2 and target.y.shape[1] == 1 else target.y
    forest = kind(50, min_samples_leaf=2, random_state=0).fit(x, y)
    return rows_won(new, np.asarray(forest.predict(x_new)), constant(target))


def patches(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Windows of 4 by 4 pixels, every 2 pixels: any 3 by 3 pixels lie in one; wider steps in images above 32 pixels."""
    height, width, channels = shape
    places = np.arange(height * width * channels).reshape(shape)
    found = []
    size = 4 if max(height, width) <= 36 else max(4, max(height, width) // 8)
    for top in starts(height, size):
        found += [places[top : top + size, left : left + size].ravel() for left in starts(width, size)]
    return found


def starts(length: int, size: int) -> list[int]:
    last = max(length - size, 0)
    return sorted({*range(0, last, max(size // 2, 1)), last})


def most_telling(
    x: np.ndarray, target: Target, shape: tuple[int, ...], origin: np.ndarray | None = None, most: int = 6
) -> list[np.ndarray]:
    """What says most of the target: columns of a table, or patches of an image, as one array of inputs each.

    origin: (inputs,), which column of the file an input comes from; None: each is a column
    """
    if len(shape) == 3:
        rows = np.sort(np.random.default_rng(2).permutation(len(x))[:FIRST_LOOK])
        groups = patches(shape)
        found = np.array([by_tree(x[np.ix_(rows, group)], target.take(rows)).mean() for group in groups])
    else:
        columns = np.sort(np.random.default_rng(2).permutation(x.shape[1])[:MOST_FEATURES])
        columns = columns[x[:, columns].std(axis=0) > 0]
        groups = [columns[i : i + 1] for i in range(len(columns))]
        found = by_bins(x[:, columns], target)
    order = [i for i in np.argsort(-found, kind="stable") if found[i] > 0.3]
    if origin is not None and len(shape) != 3:
        # a category is several inputs, which tell together
        columns_of = dict.fromkeys(int(origin[groups[i][0]]) for i in order)
        return [np.flatnonzero(origin == column) for column in columns_of][:most]
    return [groups[i] for i in order[:most]]

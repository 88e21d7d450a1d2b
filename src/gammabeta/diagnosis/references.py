"""What others reach on the same rows: the best constant answer, a linear model, neighbors, trees."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gammabeta.data import Dataset
from gammabeta.nn import ClassLoss, LabelLoss, Loss
from gammabeta.train.metrics import headline, headline_name

MOST_ROWS = 4_000
MOST_FEATURES = 256
"""What the references learn from, at most: they are a yardstick, not a competition."""


@dataclass(frozen=True)
class References:
    """The headline metric on the validation rows of every reference, by name, and of the best constant answer.

    answers: of every reference for the validation rows, (rows, outputs), the constant's under "constant"
    """

    metric: str
    constant: float
    scores: dict[str, float]
    answers: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def best(self) -> float:
        """Of the references that learn from the inputs."""
        low = self.metric == "hamming_loss"
        return (min if low else max)(self.scores.values(), default=self.constant)


def flat(data: Dataset, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
    """float64 (rows, features): images as the network sees their pixels; of these features alone."""
    x = np.asarray(data.x).reshape(data.rows, -1)[:, columns].astype(np.float64)
    if data.offset is None or data.factor is None:
        return x
    offset, factor = (np.broadcast_to(part, data.input_shape).ravel()[columns] for part in (data.offset, data.factor))
    scaled: np.ndarray = (x - offset) * factor
    return scaled


def few(data: Dataset) -> np.ndarray:
    """As flat, at most 256 of the features, chosen by chance, the same ones of as many."""
    return flat(data, few_columns(int(np.prod(data.input_shape))))


def few_columns(count: int) -> np.ndarray:
    """At most 256 of so many."""
    return np.sort(np.random.default_rng(0).permutation(count)[:MOST_FEATURES])


def references(loss: Loss, train: Dataset, valid: Dataset, boosted: bool = False) -> References:
    """Fit scikit-learn's on at most 4,000 rows and 256 features (chosen by chance), measure on the validation rows.

    train, valid: at the weights at which they count; those of training rows make the constant answer, the models learn
        from all rows alike

    boosted: gradient-boosted trees as well, which take seconds; of one target only
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    assert train.y is not None
    assert valid.y is not None
    rows = np.sort(np.random.default_rng(0).permutation(train.rows)[:MOST_ROWS])
    x, x_valid = cleaned(few(train.take(rows)), few(valid))
    y = np.asarray(train.y)[rows]
    scores = {}
    base = np.repeat(constant_answer(loss, y, np.asarray(train.weights)[rows]), valid.rows, axis=0)
    given = {"constant": base}
    for name, model in models(loss, y, boosted).items():
        try:
            # boosting 178 rows on two busy cores: 41 s with a thread each, which wait for each other, 0.2 s with one
            with threadpool_limits(1):
                model.fit(x, y if y.ndim == 1 or y.shape[1] > 1 else y[:, 0])
            given[name] = answers(model, x_valid, loss, y)
            scores[name] = score(loss, given[name], valid)
        except ValueError:  # a single class among the rows, or the like
            continue
    return References(headline_name(loss, outputs_of(y)), score(loss, base, valid), scores, given)


def cleaned(x: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both standardized by the first; what is not finite is 0, what is far away is cut at 10 standard deviations."""
    with np.errstate(all="ignore"):
        known = np.where(np.isfinite(x), x, np.nan)
        center = np.nan_to_num(np.nanmedian(known, axis=0)) if len(x) else np.zeros(x.shape[1])
        spread = np.nan_to_num(np.nanstd(np.clip(known, *np.nanpercentile(known, [0.5, 99.5], axis=0)), axis=0))
    spread = np.where(spread > 0, spread, 1.0)

    def standardized(values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.clip(np.nan_to_num((values - center) / spread, posinf=10, neginf=-10), -10, 10)
        return found

    return standardized(x), standardized(other)


def models(loss: Loss, y: np.ndarray, boosted: bool = False) -> dict[str, Any]:
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    neighbors = max(1, min(10, len(y) // 10))
    if isinstance(loss, ClassLoss | LabelLoss):
        found: dict[str, Any] = {
            "neighbors": KNeighborsClassifier(neighbors),
            "trees": ExtraTreesClassifier(60, random_state=0, min_samples_leaf=2),
        }
        if y.ndim == 1 or y.shape[1] == 1:
            found["linear"] = LogisticRegression(max_iter=200, tol=1e-3)
            found |= {"boosted trees": HistGradientBoostingClassifier(random_state=0)} if boosted else {}
        return found
    trees = {"boosted trees": HistGradientBoostingRegressor(random_state=0)} if boosted and y.shape[1] == 1 else {}
    return trees | {
        "linear": RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)),
        "neighbors": KNeighborsRegressor(neighbors),
        "trees": ExtraTreesRegressor(60, random_state=0, min_samples_leaf=2),
    }


def answers(model: Any, x: np.ndarray, loss: Loss, y: np.ndarray) -> np.ndarray:
    """What the network would give for the same answers: (rows, outputs)."""
    predicted = np.asarray(model.predict(x))
    if isinstance(loss, ClassLoss):
        chosen: np.ndarray = np.eye(outputs_of(y))[predicted.astype(int)]
        return chosen
    return predicted.reshape(len(x), -1)


def constant_answer(loss: Loss, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The best answer that looks at no input, the weighted shares or means: (1, outputs)."""
    w = np.asarray(weights, np.float64)
    w = w / w.sum() if w.sum() > 0 else np.full(len(y), 1 / len(y))
    if isinstance(loss, ClassLoss):
        return np.bincount(y, weights=w, minlength=outputs_of(y))[None]
    mean: np.ndarray = (w @ y.astype(np.float64))[None]
    return mean


def outputs_of(y: np.ndarray) -> int:
    return int(y.max()) + 1 if y.ndim == 1 else y.shape[1]


def score(loss: Loss, predicted: np.ndarray, data: Dataset) -> float:
    assert data.y is not None
    if isinstance(loss, ClassLoss) and data.y.max() >= predicted.shape[1]:
        predicted = np.pad(predicted, ((0, 0), (0, int(data.y.max()) + 1 - predicted.shape[1])))
    return headline(loss, predicted, data)[1]

"""GB111: columns that say nothing hide those that do."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import class_numbers, feature, inputs, listed, numbers, some
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import on_rows

PAGE = Page(
    code="GB111",
    name="columns of noise",
    what="Many columns say nothing of the target, and there are too few rows to find out which.",
    why="Every column that says nothing fits some of the rows by chance, about n / rows of the spread with n of them: "
    "with as many columns as rows a network can be right on all it has seen by chance alone. Trees, which choose their "
    "columns, suffer less.",
    evidence="In a table of at least 4 columns and fewer than 20 rows a column, where the network is behind the "
    "references by 2 standard errors, or with fewer than two rows a column ahead of itself on training rows by "
    "0.05 and 3 standard errors: the columns whose importance in a forest is above that of 95 % of shuffled "
    "copies, in each of 3 forests with copies of their own, where they are at most two thirds of all. Proved by"
    " runs with these alone, the others held at their median, that end better.",
    do="Leave out what says nothing, or collect more rows: ten a column are few. More weight decay helps less.",
    ignore="When the columns are known to matter and rows for it will come.",
    sources="Kursa & Rudnicki 2010 (shuffled copies of columns); Grinsztajn 2022 (networks bear such columns badly).",
)

FEW, CROWDED = 20.0, 2.0
"""Rows a column: with more there are enough to find out which say nothing; with fewer there is always one that fits."""

LEAST_COLUMNS, MOST_KEPT = 4, 2 / 3
BY_CHANCE, SHUFFLES = 0.95, 3
LEAST_GAP, ERRORS = 0.05, 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    x = np.asarray(case.train.x)
    if not case.trained or x.ndim != 2 or len(x) < LEAST_COLUMNS:
        return
    varying = np.any(x != x[:1], axis=0)
    columns = int(varying.sum())
    if columns < LEAST_COLUMNS or len(x) >= FEW * columns:
        return
    gap = case.skill(case.train_score) - case.skill(case.valid_score)
    crowded = len(x) < CROWDED * columns and gap > max(LEAST_GAP, ERRORS * case.chance)
    if not crowded and not case.shortfall > 2 * case.chance:
        return
    keep = telling(case)
    if keep is None or not 0 < keep.sum() <= MOST_KEPT * columns:
        return
    middle = np.median(x, axis=0)
    yield Suspicion(
        code=PAGE.code,
        place=f"all columns but {listed([feature(case, int(i)) for i in np.flatnonzero(keep)])}",
        evidence=f"{int(keep.sum())} of {columns} columns tell more of the target than shuffled ones; there are "
        f"{len(x) / columns:.2g} training rows for a column",
        numbers={"columns": float(columns), "telling": float(keep.sum()), "rows_a_column": len(x) / columns},
        certainty=0.7 if crowded else 0.5,
        treatments=(
            on_rows(
                f"only the {int(keep.sum())} columns that tell more than shuffled ones",
                change_x=lambda values: np.where(keep, values, middle),
            ),
        ),
        advice="leave these columns out, or collect more rows",
    )


def telling(case: Case) -> np.ndarray | None:
    """Which columns are more important to forests than shuffled copies, (columns,) of bool; None for other targets."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    data = some(case.train)
    classes, values = class_numbers(case, data), numbers(case, data)
    y = classes if values is None else values[:, 0] if values.shape[1] == 1 else values
    if y is None or len(np.unique(y)) < 2:
        return None
    x = inputs(data)
    kind = ExtraTreesRegressor if classes is None else ExtraTreesClassifier
    found = []
    for seed in range(SHUFFLES):
        shuffled = np.random.default_rng(seed).permuted(x, axis=0)
        forest = kind(100, min_samples_leaf=2, random_state=seed).fit(np.concatenate([x, shuffled], axis=1), y)
        mine, by_chance = np.split(forest.feature_importances_, 2)
        found.append(mine > np.quantile(by_chance, BY_CHANCE))
    return np.asarray(np.all(found, axis=0))

"""GB601: the network learns its training rows by heart."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.curves import curves
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.noise import label_noise
from gammabeta.diagnosis.rows import class_numbers, inputs, some
from gammabeta.diagnosis.rows import numbers as numbers_of
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import dropout_share, on_rows, setting

PAGE = Page(
    code="GB601",
    name="overfitting",
    what="The network learns its training rows by heart: the training loss falls while the validation loss rises.",
    why="With more freedom than the rows constrain, it fits their chance; what it gains on them it loses on new ones. "
    "The best epoch's weights are kept, which limits the harm to what was never learned by then.",
    evidence="The validation loss stands above its minimum by more than 2 standard deviations of its noise and by 2 % "
    "for the last 3 epochs or more, the training loss fell meanwhile, and the skill on training rows is ahead of that "
    "on validation rows by 0.05 and 3 standard errors. The same gap in a table with fewer than two rows a column, "
    "whatever the curve. Proved by runs with dropout, more weight decay or L2 that end better, and with those columns "
    "alone whose importance in a forest is above that of shuffled copies; without such a gain it is a note.",
    do="Dropout after hidden layers (0.3), ten times the weight decay, fewer units, augmentation, more rows; stop at "
    "the best epoch; leave out columns that say nothing. Wrong labels (GB107) are learned by "
    "heart as well: mend them first.",
    ignore="When the validation metric does not fall: a loss that creeps up because right answers grow too sure is "
    "harmless where only the answer counts.",
    sources="Srivastava 2014 (dropout); Prechelt 1998 (early stopping); Kursa 2010 (shuffled copies of columns).",
)

EPOCHS = 3
LEAST_GAP = 0.05
ERRORS = 3.0
CROWDED = 2.0
"""Rows a column of a table below which there are always columns that fit by chance."""

CHANCE = 0.95
"""Share of the shuffled columns whose importance a column has to exceed."""


def rule(case: Case) -> Iterator[Suspicion]:
    found = curves(case)
    if found is None or not case.trained or case.valid is None:
        return
    risen, crowded = found.overfitted >= EPOCHS, rows_a_column(case) < CROWDED
    if not (risen or crowded):
        return
    gap = case.skill(case.train_score) - case.skill(case.valid_score)
    if not gap > max(LEAST_GAP, ERRORS * case.chance):
        return
    words = (
        f"the {case.metric} is {case.train_score:.3f} on training rows and {case.valid_score:.3f} on validation rows"
    )
    numbers = {"gap": gap, "epochs": float(found.overfitted)}
    place = "columns"
    if crowded:
        numbers["rows_a_column"] = rows_a_column(case)
        words += f"; there are {rows_a_column(case):.2g} training rows for a column"
    if risen:
        lowest = int(np.nanargmin(found.valid))
        place, numbers["minimum"] = f"epoch {lowest + 1}", float(found.valid[lowest])
        words = (
            f"the validation loss was {found.valid[lowest]:.4g} in epoch {lowest + 1} and {found.valid[-1]:.4g} in "
            f"epoch {len(found.valid)}, while the training loss went from {found.train[lowest]:.4g} to "
            f"{found.train[-1]:.4g}; {words}"
        )
    noise = label_noise(case)
    noisy = noise is not None and noise.rate > LEAST_GAP and noise.even > 0.5
    yield Suspicion(
        code=PAGE.code,
        place=place,
        evidence=words,
        numbers=numbers,
        # the curve shows it; what wrong labels do to it is a symptom
        certainty=0.5 if noisy else 0.9 if risen else 0.7,
        treatments=(*regularized(case), *(telling_columns(case) if crowded else ())),
        advice="dropout, more weight decay, fewer units or more rows",
    )


def rows_a_column(case: Case) -> float:
    """Training rows for every column of a table that varies; infinite for images."""
    x = np.asarray(case.train.x)
    varying = int(np.sum(np.any(x != x[:1], axis=0))) if x.ndim == 2 and len(x) else 0
    return len(x) / varying if varying else float("inf")


def telling_columns(case: Case) -> tuple[Treatment, ...]:
    """The columns whose importance in a forest is above that of shuffled copies; () where these are all, or none."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    data = some(case.train)
    y = class_numbers(case, data)
    targets = numbers_of(case, data) if y is None else y
    x = inputs(data)
    if targets is None or len(x) < 2:
        return ()
    random = np.random.default_rng(4)
    kind = ExtraTreesRegressor if y is None else ExtraTreesClassifier
    forest = kind(200, min_samples_leaf=2, random_state=0)
    targets = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    forest.fit(np.concatenate([x, random.permuted(x, axis=0)], axis=1), targets)
    mine, shuffled = np.split(forest.feature_importances_, 2)
    keep = mine > np.quantile(shuffled, CHANCE)
    if keep.all() or not keep.any():
        return ()
    middle = np.median(x, axis=0).astype(np.float32)
    says = f"only the {int(keep.sum())} columns that tell more than shuffled ones"
    return (on_rows(says, change_x=lambda values: np.where(keep, values, middle)),)


def regularized(case: Case) -> tuple[Treatment, ...]:
    made = [dropout_share(0.3), dropout_share(0.5)]
    decay = getattr(case.plan.optimizer, "weight_decay", None)
    if decay:
        made.append(setting("ten times the weight decay", optimizer__weight_decay=10 * decay))
    elif decay is not None:
        made.append(setting("a weight decay of 0.1", optimizer__weight_decay=0.1))
    made.append(setting("L2 of 0.01", l2=max(10 * (case.plan.l2 or 0.0), 0.01)))
    return tuple(made)

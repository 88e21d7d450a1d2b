"""GB601: the network learns its training rows by heart."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.curves import curves
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.noise import label_noise
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import dropout_share, setting

PAGE = Page(
    code="GB601",
    name="overfitting",
    what="The network learns its training rows by heart: the training loss falls while the validation loss rises.",
    why="With more freedom than the rows constrain, it fits their chance; what it gains on them it loses on new ones. "
    "The best epoch's weights are kept, which limits the harm to what was never learned by then.",
    evidence="The validation loss stands above its minimum by more than 2 standard deviations of its noise and by 2 % "
    "for the last 3 epochs or more, the training loss fell meanwhile, and the skill on training rows is ahead of that "
    "on validation rows by 0.05 and 3 standard errors. Proved by runs with dropout, more weight decay or L2 that end "
    "better; without such a gain it is a warning where the gap is above 0.1 and the network behind the references, "
    "for which more rows are the cure, else a note.",
    do="Dropout after hidden layers (0.3), ten times the weight decay, fewer units, augmentation, more rows; stop at "
    "the best epoch. Wrong labels (GB107) are learned by heart as well: mend them first.",
    ignore="When the validation metric does not fall: a loss that creeps up because right answers grow too sure is "
    "harmless where only the answer counts.",
    sources="Srivastava 2014 (dropout); Prechelt 1998 (early stopping).",
)

EPOCHS = 3
LEAST_GAP, WIDE = 0.05, 0.1
ERRORS = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    found = curves(case)
    if found is None or not case.trained or case.valid is None or found.overfitted < EPOCHS:
        return
    gap = case.skill(case.train_score) - case.skill(case.valid_score)
    if not gap > max(LEAST_GAP, ERRORS * case.chance):
        return
    lowest = int(np.nanargmin(found.valid))
    noise = label_noise(case)
    noisy = noise is not None and noise.rate > LEAST_GAP and noise.even > 0.5
    yield Suspicion(
        code=PAGE.code,
        place=f"epoch {lowest + 1}",
        evidence=f"the validation loss was {found.valid[lowest]:.4g} in epoch {lowest + 1} and {found.valid[-1]:.4g} "
        "in "
        f"epoch {len(found.valid)}, while the training loss went from {found.train[lowest]:.4g} to "
        f"{found.train[-1]:.4g}; the {case.metric} is {case.train_score:.3f} on training rows and "
        f"{case.valid_score:.3f} on validation rows",
        numbers={"gap": gap, "epochs": found.overfitted, "minimum": float(found.valid[lowest])},
        # the curve shows it; what wrong labels do to it is a symptom
        certainty=0.5 if noisy else 0.9,
        treatments=regularized(case),
        severity="warning" if not noisy and gap > WIDE and case.shortfall > 2 * case.chance else None,
        costs=f"{gap:.2g} of the skill is not there on new rows",
        advice="dropout, more weight decay, fewer units or more rows",
    )


def regularized(case: Case) -> tuple[Treatment, ...]:
    made = [dropout_share(0.3), dropout_share(0.5)]
    decay = getattr(case.plan.optimizer, "weight_decay", None)
    if decay:
        made.append(setting("ten times the weight decay", optimizer__weight_decay=10 * decay))
    elif decay is not None:
        made.append(setting("a weight decay of 0.1", optimizer__weight_decay=0.1))
    l2 = max(10 * (case.plan.l2 or 0.0), 0.01)
    made.append(setting(f"L2 of {l2:g}", l2=l2))
    return tuple(made)

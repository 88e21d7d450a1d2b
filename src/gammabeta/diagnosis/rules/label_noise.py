"""GB107: labels that are wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page, Severity
from gammabeta.diagnosis.noise import LEAST_ROWS, Noise, label_noise
from gammabeta.diagnosis.references import cleaned, few
from gammabeta.diagnosis.rows import listed, numbers, some
from gammabeta.diagnosis.suspicion import Suspicion

THOROUGH = True

PAGE = Page(
    code="GB107",
    name="label noise",
    what="A part of the training labels is wrong.",
    why="A network first learns what most rows say and then, with the training loss still falling, the mistakes one by "
    "one: probabilities become too sure, the validation loss rises, and with wrong labels in the validation rows as "
    "well no network can score above 1 - rate.",
    evidence="Trees, neighbors and a linear model predict every training row without having seen it. Counted is how "
    "often their most certain third, class by class, disagrees with the label. Classes that overlap disagree at their "
    "border and not where predictions are certain; wrong labels fall anywhere, so that the share is the same there. An "
    "error from 8 % on, with the interval's lower end above 4 %, where the certain rows disagree nearly as often as "
    "all, the more certain half of them no less than the other, and the predictions have at least 30 % skill (with "
    "less the two look alike); a warning from 3 % on. The confident joint's estimate stands beside it. Of a "
    "regression: targets further than 3 robust standard deviations from a forest's prediction for the unseen row, at "
    "least 10 and 3 % of all, whose correlation with the prediction is surely below 0.45, a warning; surely below 0.3 "
    "and 6 % of all, an error. Noise of any size leaves such a correlation, another row's target does not. A few "
    "targets further than 8 are noted.",
    do="Look at the rows named, the surest first: they are the likeliest mistakes. Mend or leave them out; where that "
    "is too much work, stop early, and let the loss give every label a little doubt (label smoothing).",
    ignore="When the noise is known and cannot be mended: then the score is at its limit.",
    sources="Northcutt 2021 (confident learning); Liu & Tao 2016 (anchor points); Arpit 2017 (memorization).",
)

ERROR, WARNING = 0.08, 0.03
EVEN = ((0.8, 0.5), (0.6, 0.7), (0.4, 0.8), (0.3, 0.9))
"""(skill, evenness): from that skill on, that evenness says wrong labels. The less skill the predictions have, the more
do overlapping classes look like wrong labels; below 0.3 the two cannot be told apart."""

LIKELY_EVEN = ((0.6, 0.5), (0.4, 0.7), (0.3, 0.8))
"""The same for a warning. Of 81 samples of overlapping classes with a skill from 0.6 on, 79 stayed below 0.5."""

VERY_EVEN = 0.9
STEEP = 2.6
FAR, APART, BESIDE = 8.0, 3.0, 2.5
"""Robust standard deviations: worth a note, far enough to be another row's, too far to be learned from."""

LEAST_FAR, MANY_FAR = 10, 0.03
UNLIKE, SURELY_UNLIKE = 0.45, 0.3
"""Correlation with what is predicted: healthy regressions kept 0.5 to 0.9 among their far targets, also with noise of
heavy tails or growing with the inputs; a tenth of swapped targets left 0.1 to 0.35, a quarter 0.05 and less."""


def rule(case: Case) -> Iterator[Suspicion]:
    found = label_noise(case)
    if found is None:
        yield from wrong_targets(case)
        return
    severity = severity_of(found)
    if severity is None:
        return
    pairs = zip(found.suspects, found.given, found.rather, strict=True)
    rows = [f"{row} (says {given}, rather {rather})" for row, given, rather in list(pairs)[:5]]
    yield Suspicion(
        code=PAGE.code,
        place=f"training rows {listed([str(row) for row in found.suspects[:20]])}",
        evidence=f"about {found.rate:.1%} ({found.low:.1%} to {found.high:.1%}) of the training labels are wrong: so "
        "often does the most certain third of predictions for unseen rows disagree with the label, and "
        f"{found.error:.1%} of all; the surest rows: {', '.join(rows)}",
        numbers={
            "rate": found.rate,
            "low": found.low,
            "high": found.high,
            "disagreement": found.error,
            "confident_joint": found.joint,
        },
        certainty=0.95 if severity == "error" else 0.4,
        severity=severity,
        costs=f"where these labels judge, no network gets above {1 - found.low:.3f}" if severity == "error" else "",
        advice="look at these rows and mend their labels or leave them out; else stop early",
    )


def severity_of(found: Noise) -> Severity | None:
    # overlap: certain rows are right, and the more certain the more so
    if found.steepness > STEEP and found.even < VERY_EVEN:
        return None
    if found.rate >= ERROR and found.low > ERROR / 2 and reached(found, EVEN):
        return "error"
    likely = found.rate >= WARNING and found.low > WARNING / 3 and reached(found, LIKELY_EVEN)
    return "warning" if likely else None


def reached(found: Noise, levels: tuple[tuple[float, float], ...]) -> bool:
    return any(found.skill >= skill and found.even >= least for skill, least in levels)


def wrong_targets(case: Case) -> Iterator[Suspicion]:
    """Of a regression: targets that belong to other rows, or that lie far from what unseen predictions say."""
    data = some(case.train)
    y = numbers(case, data)
    if y is None or y.shape[1] != 1 or len(y) < LEAST_ROWS or y.std() == 0:
        return
    x = few(data)
    x, _ = cleaned(x, x[:1])
    y = y[:, 0]
    first = y - predicted_unseen(x, y, np.ones(len(y), bool))
    if spread_of(first) == 0:
        return
    # what is far is not learned from: the other rows' predictions are pulled less
    predicted = predicted_unseen(x, y, np.abs(first) < BESIDE * spread_of(first))
    swapped = of_other_rows(y, predicted)
    if swapped is not None:
        yield swapped.suspicion(np.asarray(data.kept))
        return
    far = np.flatnonzero(np.abs(first) > FAR * spread_of(first))
    if not len(far) or len(far) > 0.1 * len(y):
        return
    far = far[np.argsort(-np.abs(first[far]))]
    yield Suspicion(
        code=PAGE.code,
        place=f"training rows {listed([str(int(data.kept[row])) for row in far])}",
        evidence=f"{len(far)} of {len(y)} training targets lie more than {FAR:g} robust standard deviations from "
        "what a forest that has not seen them predicts",
        numbers={"rows": len(far), "share": len(far) / len(y)},
        certainty=0.2,
        severity="note",
        advice="look at these targets; Huber's loss bears them better than squared error",
    )


def predicted_unseen(x: np.ndarray, y: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """A forest's prediction of every row from other rows, of which only some are learned from."""
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.model_selection import KFold

    found = np.empty(len(y))
    for train, rest in KFold(3, shuffle=True, random_state=0).split(x):
        rows = train[learned[train]]
        found[rest] = ExtraTreesRegressor(50, min_samples_leaf=3, random_state=0).fit(x[rows], y[rows]).predict(x[rest])
    return found


def spread_of(residuals: np.ndarray) -> float:
    """Their standard deviation, robustly."""
    return 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))


@dataclass(frozen=True, eq=False)
class Swapped:
    """Targets that have nothing to do with what is predicted for their rows.

    far: their positions, the farthest first; share: of all rows; likeness, most: the correlation of these targets with
    the predictions, and the upper end of its 95 % interval; rate: the share of wrong targets that makes so many far
    """

    far: np.ndarray
    share: float
    likeness: float
    most: float
    rate: float

    def suspicion(self, ids: np.ndarray) -> Suspicion:
        surely = self.most < SURELY_UNLIKE and self.share > 2 * MANY_FAR
        return Suspicion(
            code=PAGE.code,
            place=f"training rows {listed([str(int(ids[row])) for row in self.far[:20]])}",
            evidence=f"{len(self.far)} training targets ({self.share:.1%}) lie more than {APART:g} robust standard "
            "deviations from what a forest that has not seen them predicts, and their correlation with it is "
            f"{self.likeness:.2f} (at most {self.most:.2f}), where noise of any size would leave one: they could as "
            f"well belong to other rows, about {self.rate:.0%} of all",
            numbers={"far": self.share, "correlation": self.likeness, "at_most": self.most, "rate": self.rate},
            certainty=0.95 if surely else 0.6,
            severity="error" if surely else "warning",
            costs=f"about {self.rate:.0%} of the rows teach and judge wrongly",
            advice="look at these rows and mend their targets or leave them out; Huber's loss bears them better",
        )


def of_other_rows(y: np.ndarray, predicted: np.ndarray) -> Swapped | None:
    """Whether targets far from their predictions are like those of any row; noise, however large, keeps a likeness."""
    left = np.abs(y - predicted)
    spread = spread_of(y - predicted)
    far = np.flatnonzero(left > APART * spread)
    share = len(far) / len(y)
    if len(far) < LEAST_FAR or share < MANY_FAR or np.ptp(y[far]) == 0 or np.ptp(predicted[far]) == 0:
        return None
    likeness = float(np.corrcoef(y[far], predicted[far])[0, 1])
    most = float(np.tanh(np.arctanh(np.clip(likeness, -0.999, 0.999)) + 1.96 / np.sqrt(len(far) - 3)))
    if most > UNLIKE:
        return None
    # how often the target of any row would lie so far
    others = np.abs(np.random.default_rng(0).permutation(y) - predicted) > APART * spread
    rate = min(share / max(float(np.mean(others)), share), 1.0)
    return Swapped(far[np.argsort(-left[far])], share, likeness, most, rate)

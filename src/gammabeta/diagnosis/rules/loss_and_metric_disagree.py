"""GB605: the epoch with the best loss is not the one with the best metric."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.curves import Curves, curves
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.train.metrics import LOWER_IS_BETTER

PAGE = Page(
    code="GB605",
    name="loss and metric disagree",
    what="From epoch to epoch the validation loss and the metric do not move together, so that the epoch that is kept "
    "for its loss is not the best by what counts.",
    why="The loss also pays for how sure a right answer is. A network that grows too sure has a rising loss and a "
    "steady "
    "or rising accuracy; one that is kept for its loss is then kept too early.",
    evidence="Spearman's rank correlation of loss and metric (its sign turned so that 1 is agreement) below 0.3 over "
    "at "
    "least 8 epochs: a note. A warning where the best epoch by the metric is ahead of the kept one by more than 0.02 "
    "and 3 standard errors, on the median of 3 epochs.",
    do="Choose the epoch by what counts: early_stopping.metric=accuracy. Label smoothing, or a temperature learned on "
    "validation rows, brings the probabilities back in line.",
    ignore="When probabilities count more than answers: then the loss is right.",
    sources="Guo 2017 (calibration).",
)

LEAST_EPOCHS = 8
AGREEING = 0.3
WORTH = 0.02
ERRORS = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    found = curves(case)
    if found is None or len(found.valid) < LEAST_EPOCHS:
        return
    if not (np.isfinite(found.valid).all() and np.isfinite(found.metric).all()):
        return
    metric = -found.metric if case.metric in LOWER_IS_BETTER else found.metric
    agreement = rank_correlation(-found.valid, metric)
    if not agreement < AGREEING:
        return
    lost, error = given_away(case, found, metric)
    harm = lost > max(WORTH, ERRORS * error)
    watched = case.plan.early_stopping.metric if case.plan.early_stopping else "loss"
    yield Suspicion(
        code=PAGE.code,
        place="validation rows",
        evidence=f"over {len(metric)} epochs the rank correlation of loss and {case.metric} is {agreement:.2f} (1: "
        "they "
        f"agree); the kept epoch's {case.metric} is {found.metric[found.best]:.3f}, {lost:.3f} behind the best epochs'",
        numbers={"agreement": agreement, "lost": lost, "error": error},
        certainty=0.5 if harm else 0.1,
        severity="warning" if harm else "note",
        fix={"early_stopping.metric": case.metric} if watched == "loss" else {},
        costs=f"{lost:.3f} of {case.metric}" if harm else "",
        advice=f"keep the epoch with the best {case.metric}" if watched == "loss" else "look at the probabilities",
    )


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; 1 where either never changes, which is no disagreement."""
    from scipy.stats import rankdata

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 1.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def given_away(case: Case, found: Curves, metric: np.ndarray) -> tuple[float, float]:
    """How far the kept epoch is behind the best one by the metric, each the median of 3 epochs, and a standard error.

    Of shares, by the number of judging rows; of r2 by the noise of its curve.
    """
    smooth = np.array([np.median(metric[max(i - 1, 0) : i + 2]) for i in range(len(metric))])
    lost = float(smooth.max() - smooth[found.best])
    if case.metric == "r2":
        return lost, float(np.std(np.diff(metric)) / np.sqrt(2))
    # both epochs are judged by the same rows, of which only those count that changed
    return lost, float(np.sqrt(max(lost, 1e-4) / case.judged_on.rows))

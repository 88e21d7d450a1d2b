"""GB502: what batch norm remembers is not what the training rows show."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import place_of, setting_of, with_layers
from gammabeta.diagnosis.rows import error_of, good_rows, some
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.nn import BatchNorm, Layer, places
from gammabeta.nn.memories import memories
from gammabeta.train.evaluate import evaluate
from gammabeta.train.statistics import settled
from gammabeta.train.step import program_of

PAGE = Page(
    code="GB502",
    name="stale batch norm statistics",
    what="The mean and variance that normalize when the network predicts are not those of the training rows under the "
    "finished weights.",
    why="An exponential mean with update rate r remembers about 1 / r batches, of weights that have moved since; "
    "with a tiny rate it is mostly its start. The network was trained with other statistics than it predicts with.",
    evidence="The finished network with its statistics and with those of all training rows (weights frozen, layer by "
    "layer): the validation loss 5 % lower or the metric a point better with the exact ones, an error where the"
    " answers that change exceed 2 standard errors. Or an exponential mean that remembers more than a tenth of "
    "the run; proved by runs with exact statistics, which also choose the epoch.",
    do="Set the estimator of batch norm to exact (the default), which re-estimates them when training ends.",
    ignore="Never: re-estimating costs one pass over the rows.",
    sources="Ioffe & Szegedy 2015, algorithm 2; Wu & Johnson 2021 (PreciseBN).",
)

LOSS, SKILL, SHIFT = 0.05, 0.01, 0.5
ERROR_GAIN, ERRORS = 0.03, 2.0
"""Skill, and standard errors of the rows whose answer changes, that make it an error."""

ROWS = 4096
"""Training rows whose statistics are taken, at most: chosen by chance."""

LONG = 0.1
"""Of the run's steps: a memory of more batches than that holds weights of another time."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or not case.norms or case.on_valid is None:
        return

    def exact(layer: Layer) -> tuple[Layer, ...]:
        return (layer.replace(estimator="exact", update=True),) if isinstance(layer, BatchNorm) else (layer,)

    plan = with_layers(case.plan, exact)
    fresh = settled(plan.layers, case.params, case.stats, some(case.counted, ROWS), case.plan.batch_size)
    shifts = [
        np.abs(np.asarray(old.mean) - np.asarray(new.mean)) / np.sqrt(np.asarray(new.var) + 1e-12)
        for old, new in zip(memories(case.stats), memories(fresh), strict=True)
    ]
    shifted = float(np.mean(np.concatenate(shifts) > SHIFT))
    after = evaluate(program_of(plan), case.params, fresh, case.judged_on)
    before = case.on_valid
    better = case.score(after, case.judged_on)
    gain = case.skill(better) - case.skill(case.valid_score)
    fall = (before.loss - after.loss) / before.loss if before.loss > 0 else 0.0
    proved = (fall > LOSS and gain >= 0) or gain >= max(SKILL, case.chance / 2)
    good = [good_rows(case, found.predicted, case.judged_on) for found in (before, after)]
    # of few rows a single one that changes sides is chance
    won = None if good[0] is None or good[1] is None else good[1] - good[0]
    sure = won is None or float(won.mean()) > ERRORS * error_of(won)
    slow = [norm.update_rate for norm in case.norms if norm.estimator == "ema" and norm.update]
    long = bool(slow) and 1 / max(min(slow), 1e-12) > LONG * (case.steps_made or case.steps)
    if not proved and not long:
        return
    found = [place for place in places(case.network) if isinstance(place.layer, BatchNorm)]
    known = zip(found, case.norms, strict=True)
    stale = [place for place, norm in known if norm.estimator != "exact" or not norm.update]
    yield Suspicion(
        code=PAGE.code,
        place=", ".join(place_of(place) for place in found),
        evidence=f"with the statistics of the training rows, the {case.metric} on the validation rows goes from "
        f"{case.valid_score:.4g} to {better:.4g} and the loss from {before.loss:.4g} to {after.loss:.4g}; "
        f"{shifted:.0%} of "
        f"the channels are off by more than {SHIFT:g} standard deviations"
        + (f"; an update rate of {min(slow):g} remembers {1 / min(slow):.0f} batches" if long else ""),
        numbers={"metric_after": better, "loss_after": after.loss, "shifted_channels": shifted},
        certainty=1.0 if proved else 0.8,
        treatments=(Treatment("exact batch norm statistics", lambda plan: with_layers(plan, exact)),) if slow else (),
        # where training itself remembers badly, a fork that does not says what that costs
        severity=None if slow or not proved else "error" if gain > max(ERROR_GAIN, case.chance) and sure else "warning",
        costs=f"{abs(better - case.valid_score):.3g} of {case.metric}" if proved else "",
        fix={f"{setting_of(case.network, place.path)}.estimator": "exact" for place in stale},
        advice="re-estimate the statistics: estimator = exact"
        if stale
        else "re-estimate the statistics on the training rows; the plan does so when training ends, so that what the "
        "model holds was changed, or lost, afterwards",
    )

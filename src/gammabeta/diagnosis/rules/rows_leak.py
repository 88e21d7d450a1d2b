"""GB207: an answer depends on the other rows of the batch."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every, own
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.nn import PREDICTING
from gammabeta.train.step import ingested, scale_of

PAGE = Page(
    code="GB207",
    name="rows leak across the batch",
    what="What the network predicts for a row changes with the rows that stand beside it.",
    why="An operation runs over the batch axis: a softmax or mean over axis 0, a reshape that mixes rows, or batch "
    "norm by the batch while predicting.",
    evidence="The same rows predicted with other rows beside them, in predicting mode, before and after training; a "
    "difference above 1e-3 of the outputs' spread over the rows, and above 1e-5 of their size.",
    do="Mend the axis; batch norm has to normalize by its memory when it predicts.",
    ignore="Never.",
    sources="Karpathy 2019 (backprop to chart dependencies); TheDeepChecker 2022.",
)

APART, ROUNDING = 1e-3, 1e-5


def rule(case: Case) -> Iterator[Suspicion]:
    if not any(own(layer) for layer in every(case.network)):
        return  # none of ours does
    x = np.asarray(ingested(jnp.asarray(case.probe.x[:24]), scale_of(case.probe)), np.float32)
    if len(x) < 12 or not np.isfinite(x).all():
        return
    # one that has collapsed answers every row alike
    moments = [(case.start.params, case.start.stats), *([(case.params, case.stats)] if case.trained else [])]
    apart = max(difference(case, x, *moment) for moment in moments)
    if apart > APART:
        yield Suspicion(
            code=PAGE.code,
            place="network",
            evidence=f"the same rows beside others are answered differently, by {apart:.2g} of the outputs' spread",
            numbers={"difference": apart},
            certainty=1.0,
            severity="error",
            costs="answers depend on chance",
            advice="find the operation that runs over the batch axis",
        )


def difference(case: Case, x: np.ndarray, params: Any, stats: Any) -> float:
    """How far the answers for a third of the rows differ with each of the others beside them, by their spread.

    0 where nothing finite comes out, or where it is rounding
    """
    few = len(x) // 3
    first, last = [
        np.asarray(case.network.apply(params, stats, jnp.asarray(rows), PREDICTING)[0])[:few]
        for rows in (x[: 2 * few], np.concatenate([x[:few], x[2 * few : 3 * few]]))
    ]
    if not (np.isfinite(first).all() and np.isfinite(last).all()) or first.shape[0] != few:
        return 0.0
    found, size = float(np.max(np.abs(first - last))), float(np.max(np.abs(first)))
    return found / max(float(np.sqrt(np.mean(np.var(first, axis=0)))), 1e-30) if found > ROUNDING * size else 0.0

"""GB507: what batch norm remembers is not what new rows show."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import could_fall, difference, goodness, goodness_name
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.nn import Call
from gammabeta.nn.memories import memories, observed_in
from gammabeta.train.step import ingested, scale_of

THOROUGH = True

PAGE = Page(
    code="GB507",
    name="batch norm statistics against new rows",
    what="New rows reach the batch norms with other means and variances than those that normalize them.",
    why="Batch norm predicts with the training rows' statistics: rows from elsewhere come out shifted and stretched, "
    "layer after layer, although the relation to the answer may be the same.",
    evidence="The mean of every channel on the new rows against the memory, in the memory's standard deviations: "
    "above 0.5 for more than 20 % of a layer's channels, and beyond what the number of rows explains. A note where "
    "the score there is known and not lower than on the judging rows by 2 standard errors.",
    do="Look at the columns that drift (GB109, GB110); re-estimate the statistics on rows from there (`gammabeta "
    "transfer --batch-norm re-estimate`), or train on such rows.",
    ignore="When the scores on the new rows are as good as on the old ones.",
    sources="Wu & Johnson 2021; Schneider 2020 (covariate shift adaptation).",
)

SHIFT, SHARE, MOST_ROWS = 0.5, 0.2, 4096
ERRORS = 2.0


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.trained or not case.norms or case.test is None or case.test.rows < 30:
        return
    x = ingested(jnp.asarray(case.test.x[:MOST_ROWS]), scale_of(case.test))
    _, seen = case.network.apply(case.params, case.stats, x, Call(observing=True))
    worst, share = 0, 0.0
    for index, (memory, found) in enumerate(zip(memories(case.stats), observed_in(seen), strict=True)):
        spread = np.sqrt(np.asarray(memory.var) + 1e-12)
        if float(memory.weight) == 0 or not np.isfinite(spread).all():
            continue
        shifts = np.abs(np.asarray(found.mean) - np.asarray(memory.mean)) / spread
        far = float(np.mean(shifts > SHIFT + 3 / np.sqrt(case.test.rows)))
        if far > share:
            worst, share = index, far
    if share <= SHARE:
        return
    # where only new rows are known, they stand for the others
    others = case.test is not case.judging
    here, there = (goodness(case, data) if others else None for data in (case.judged_on, case.test))
    fall, error = difference(here, there) if here is not None and there is not None else (float("nan"), 0.0)
    harmless = fall <= ERRORS * error and could_fall(case)
    score = "" if np.isnan(fall) else f"; the {goodness_name(case)} is lower there by {fall:.3f} +- {error:.3f}"
    yield Suspicion(
        code=PAGE.code,
        place=f"batch norm {worst + 1} of {len(case.norms)}",
        evidence=f"{share:.0%} of its channels show means more than {SHIFT:g} standard deviations away from what they "
        f"remember, on {case.test.rows:,} new rows{score}",
        numbers={"shifted_share": share, "rows": float(case.test.rows)},
        certainty=0.6,
        severity="note" if harmless else "warning",
        advice="re-estimate the statistics on such rows, or train on them",
    )

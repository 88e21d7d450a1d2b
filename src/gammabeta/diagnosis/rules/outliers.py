"""GB114: a few values far away from all others."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import feature, listed
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import on_rows

PAGE = Page(
    code="GB114",
    name="outliers",
    what="A few rows hold values far away from all others of their column.",
    why="Their gradient is as much larger as they are, and the mean and standard deviation that scale the column, in "
    "preparation and in batch norm, are theirs: a value of 1e6 in a hundred rows of size 1 leaves the rest a spread "
    "of 1e-5, in which the network sees nothing.",
    evidence="Values more than 50 interquartile ranges from the column's median, in at most 1 % of the training rows "
    "(columns whose interquartile range is 0 are left out); proved by runs with these columns scaled "
    "by median and interquartile range, (x - median) / (IQR / 1.349), and cut at 10.",
    do="Look at the rows: typing errors, a unit, -999 for missing. Mend or leave them out, scale the column by "
    "its median and interquartile range and cut it at 10, or take the logarithm of a column with a long tail.",
    ignore="When the values are real and matter, or when the fork gained nothing.",
    sources="Tukey 1977 (fences at quartiles).",
)

FAR, CUT = 50.0, 10.0
NORMAL = 1.349
"""Standard deviations between the quartiles of a normal distribution."""

FEW = 0.01
GROSS = 100.0
"""Interquartile ranges: no column of one kind of rows has such values."""


def rule(case: Case) -> Iterator[Suspicion]:
    x = np.asarray(case.train.x)
    if x.ndim != 2 or not np.issubdtype(x.dtype, np.floating) or len(x) < 20:
        return
    x = x.astype(np.float64)
    # an infinite value is another finding
    known = np.where(np.isfinite(x), x, np.nan)
    full = ~np.isnan(known).all(axis=0)
    low, middle, high = np.zeros((3, x.shape[1]))
    low[full], middle[full], high[full] = np.nanpercentile(known[:, full], [25, 50, 75], axis=0)
    spread = high - low
    away = np.abs(np.nan_to_num(known - middle)) / np.where(spread > 0, spread, np.inf)
    far = away > FAR
    rows, columns = np.flatnonzero(far.any(axis=1)), np.flatnonzero(far.any(axis=0))
    if not len(rows) or len(rows) > max(FEW * len(x), 5):
        return
    worst = float(away.max())
    names = [feature(case, int(i)) for i in columns]
    # what the far values scaled is scaled anew: cutting alone leaves the rest the spread that they gave it
    odd = far.any(axis=0)
    center, scale = np.where(odd, middle, 0.0), np.where(odd, spread / NORMAL, 1.0)
    most = np.where(odd, CUT, np.inf)
    yield Suspicion(
        code=PAGE.code,
        place=listed(names),
        evidence=f"{len(rows)} of {len(x)} training rows ({listed([str(int(case.train.kept[i])) for i in rows])}) hold "
        f"values up to {worst:.3g} interquartile ranges from their column's median",
        numbers={"rows": len(rows), "columns": len(columns), "ranges": worst},
        certainty=0.8 if worst > GROSS else 0.5,
        treatments=(
            on_rows(
                "columns with outliers scaled by median and interquartile range, and cut at 10",
                change_x=lambda values: np.clip((values - center) / scale, -most, most),
            ),
        ),
        advice="look at these rows; mend them, leave them out, or scale by quartiles and cut",
    )

"""GB501: batch norm sees too few values."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import batches_of, layer_norm_instead

PAGE = Page(
    code="GB501",
    name="batch too small for batch norm",
    what="Batch norm estimates mean and variance from so few values that a row's output depends on its neighbors.",
    why="The relative spread of a batch variance is sqrt(2 / (m - 1)) for m values: 141 % for 2, 82 % for 4, 53 % "
    "for 8, 25 % for 32. With two rows a normalized unit is exactly -1 or 1, whatever went in.",
    evidence="m, the values per channel of a batch (or of a ghost batch): rows x height x width; suspected from a "
    "spread of 50 % on (m <= 8); proved by runs with 32 rows, and with layer norm.",
    do="Larger batches (micro_batch_size computes them piece by piece), or layer_norm or group_norm.",
    ignore="When only a note. Small images count every pixel: a batch of 4 with 8 x 8 pixels has 256 values.",
    sources="Ioffe 2017; Wu & He 2018 (group norm).",
)

SPREAD = 0.5


def rule(case: Case) -> Iterator[Suspicion]:
    normed = [norm for norm in case.norms if norm.normalizes_by == "batch"]
    if not normed:
        return
    rows = min(case.plan.batch_size, case.train.rows)
    rows = min([rows, *(norm.ghost_size for norm in normed if norm.ghost_size)])
    pixels = least_pixels(case)
    m = rows * pixels
    spread = float(np.sqrt(2 / (m - 1))) if m > 1 else float("inf")
    if spread < SPREAD:
        return
    yield Suspicion(
        code=PAGE.code,
        place="batch_size",
        evidence=f"batch norm sees {m} values per channel: the batch variance scatters by sqrt(2 / {m - 1}) = "
        f"{spread:.0%}",
        numbers={"values": float(m), "spread": spread},
        certainty=0.95 if m <= 2 else 0.85,
        treatments=(
            batches_of(32),
            layer_norm_instead(),
        ),
        advice="larger batches, or layer norm",
    )


def least_pixels(case: Case) -> int:
    """Height x width where the smallest image reaches a batch norm of the first level; 1 in tables."""
    from gammabeta.model.summary import summary
    from gammabeta.nn import BatchNorm
    from gammabeta.serial import kind_name

    name = kind_name(BatchNorm)
    shapes = [line.shape for line in summary(case.network, case.train.input_shape) if line.name.endswith(name)]
    return min((int(np.prod(shape[:-1])) for shape in shapes), default=1)

"""GB401: units that are zero for every row."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.noise import wilson
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import activation, batch_norm_added
from gammabeta.nn import Activation

PAGE = Page(
    code="GB401",
    name="dead ReLU units",
    what="Units whose ReLU gives zero for every row: no gradient passes through them, and they never come back.",
    why="relu'(z) = 0 for z < 0. A step too long, or a bias far below zero, puts all rows there. A unit that is zero "
    "for many rows but not for all is sparse, not dead.",
    evidence="The largest output of every unit (channel: over all pixels) on the 512 probe rows, at the start and at "
    "the end; a layer of which surely more than 40 % of the units (the lower end of the share's 95 % interval, so that "
    "1 of 2 is not taken as half) are at zero for all of them, or at the start for 98 of 100. Units that were born "
    "alive died of something else, so that these convict less. Proved by runs with batch norm or leaky ReLU; "
    "where other initial weights alone cure them, GB202 is the cause.",
    do="Lower the learning rate, let the initial weights suit the activation and the biases start at zero, or use "
    "batch norm, leaky_relu or gelu.",
    ignore="When only a note: a wide layer can spare units.",
    sources="cs231n notes; He 2015.",
)

DEAD, MANY = 0.1, 0.4
HARDLY = 0.98
"""Share of the rows for which a unit is at zero from which it was hardly born alive."""


def rule(case: Case) -> Iterator[Suspicion]:
    worst, share, least, when, born = "", 0.0, 0.0, "", 0.0
    for view, moment in ((case.at_start, "at the start"), (case.at_end, "at the end")):
        for layer in view.leaves if view else ():
            if isinstance(layer.layer, Activation) and layer.layer.function == "relu":
                dead = layer.zero >= HARDLY if moment == "at the start" else layer.most <= 0
                surely = wilson(int(dead.sum()), len(dead))[0]
                born = max(born, float(np.mean(dead))) if moment == "at the start" else born
                if surely > least:
                    worst, share, least, when = layer.place, float(np.mean(dead)), surely, moment
    if least <= DEAD or (least <= MANY and case.shortfall < 2 * case.chance):
        return
    yield Suspicion(
        code=PAGE.code,
        place=worst,
        evidence=f"{share:.0%} of the units of {worst} are zero for {'nearly ' if when == 'at the start' else ''}all "
        f"{case.probe.rows} probe rows {when} ({born:.0%} were born so)",
        numbers={"dead_share": share, "born_dead": born},
        certainty=0.4 if least <= MANY else 0.8 if born > MANY else 0.55,
        treatments=(batch_norm_added(), activation("leaky_relu")),
        advice="lower the learning rate, or let the initial weights suit the activation",
    )

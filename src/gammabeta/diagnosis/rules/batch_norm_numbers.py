"""GB506: epsilon or gamma of batch norm switch it off."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import batch_norm_as_usual
from gammabeta.nn.memories import memories

PAGE = Page(
    code="GB506",
    name="batch norm switched off by its numbers",
    what="An epsilon as large as the variance, or gammas that start near zero or are decayed to it, take the effect of "
    "batch norm away.",
    why="The output's variance is gamma^2 var / (var + epsilon): with var = epsilon it is half, with var = epsilon / "
    "100 a hundredth, and gradients shrink alike.",
    evidence="Epsilon against the variances of the memories (more than 10 % of the channels with var < 10 epsilon) "
    "where epsilon is above 1e-4, an initial gamma below 0.05 or above 20, or weight decay on gamma and beta. Proved "
    "by runs with the default numbers.",
    do="epsilon 1e-5, gamma from 1, no decay on gamma and beta.",
    ignore="When only a note; a gamma of 0 at the end of a residual branch is meant.",
    sources="Ioffe & Szegedy 2015; Goyal 2017 (gamma 0 in residual blocks).",
)


MOST_OFF = 0.9
"""Share of the channels with a variance below epsilon from which nothing else could be meant."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.norms:
        return
    stats = case.stats if case.trained else None
    found = []
    numbers = {}
    off = False
    epsilon = max(norm.epsilon for norm in case.norms)
    if epsilon > 1e-4:
        known = [np.asarray(memory.var) for memory in memories(stats) if float(memory.weight) > 0] if stats else []
        variances = np.concatenate(known) if known else np.zeros(1)
        low = float(np.mean(variances < 10 * epsilon))
        off = float(np.mean(variances < epsilon)) >= MOST_OFF
        if low > 0.1:
            found.append(f"epsilon is {epsilon:g}, and {low:.0%} of the channels have a variance below ten times that")
            numbers["share_below"] = low
    gammas = [norm.initial_gamma for norm in case.norms if norm.scale]
    odd = [gamma for gamma in gammas if not 0.05 <= abs(gamma) <= 20]
    if odd:
        found.append(f"gamma starts at {odd[0]:g}")
        numbers["initial_gamma"] = odd[0]
    if not found:
        return
    yield Suspicion(
        code=PAGE.code,
        place="batch_norm",
        evidence="; ".join(found),
        numbers=numbers,
        certainty=0.95 if off else 0.85,
        treatments=(batch_norm_as_usual(),),
        advice="epsilon 1e-5, gamma from 1",
    )

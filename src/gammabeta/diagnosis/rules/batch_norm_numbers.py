"""GB506: epsilon or gamma of batch norm switch it off."""

from collections.abc import Iterator

import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import batch_norm_as_usual
from gammabeta.nn import BatchNorm, places
from gammabeta.nn.memories import memories
from gammabeta.nn.places import part_at
from gammabeta.plan import Plan

PAGE = Page(
    code="GB506",
    name="batch norm switched off by its numbers",
    what="An epsilon as large as the variance, or gammas that start near zero or are decayed to it, take the effect of "
    "batch norm away.",
    why="The output's variance is gamma^2 var / (var + epsilon): with var = epsilon it is half, with var = epsilon / "
    "100 a hundredth, and gradients shrink alike.",
    evidence="Epsilon against the variances of the memories (more than 10 % of the channels with var < 10 epsilon; "
    "with an epsilon of 1e-4 or less only a note: such channels are constant), an initial gamma below 0.05 or above "
    "20, more than 10 % of the trained gammas below 0.001, or weight decay or L2 on gamma and beta. Proved by runs "
    "with the default numbers, and without decay on them.",
    do="epsilon 1e-5, gamma from 1, no decay on gamma and beta.",
    ignore="When only a note; a gamma of 0 at the end of a residual branch is meant.",
    sources="Ioffe & Szegedy 2015; Goyal 2017 (gamma 0 in residual blocks).",
)


SHARE, GONE, USUAL_EPSILON = 0.1, 1e-3, 1e-4
MOST_OFF = 0.9
"""Share of the channels with a variance below epsilon from which nothing else could be meant."""


def rule(case: Case) -> Iterator[Suspicion]:
    if not case.norms:
        return
    found: list[str] = []
    numbers: dict[str, float] = {}
    treatments: list[Treatment] = []
    epsilon, ratios = max(norm.epsilon for norm in case.norms), variances_by_epsilon(case)
    # before anything is remembered an epsilon is judged by itself
    low = float(np.mean(ratios < 10)) if len(ratios) else float(epsilon > USUAL_EPSILON)
    off = len(ratios) > 0 and bool(np.mean(ratios < 1) >= MOST_OFF)
    if low > SHARE and not len(ratios):
        found.append(
            f"epsilon is {epsilon:g}, above {USUAL_EPSILON:g}, and no variance is known yet to hold it against"
        )
        numbers["epsilon"] = epsilon
    elif low > SHARE:
        found.append(f"epsilon is {epsilon:g}, and {low:.0%} of the channels have a variance below ten times that")
        numbers["share_below"] = low
    gammas = [norm.initial_gamma for norm in case.norms if norm.scale]
    odd = [gamma for gamma in gammas if not 0.05 <= abs(gamma) <= 20]
    if odd:
        found.append(f"gamma starts at {odd[0]:g}")
        numbers["initial_gamma"] = odd[0]
    gone = share_gone(case)
    if gone > SHARE:
        found.append(f"{gone:.0%} of the trained gammas are below {GONE:g}: these channels say nothing")
        numbers["share_of_gammas_gone"] = gone
    odd_numbers = bool(odd) or (low > SHARE and epsilon > USUAL_EPSILON)
    treatments += [batch_norm_as_usual()] if odd_numbers else []
    decayed = decays_all(case)
    if decayed:
        found.append("weight decay or L2 pulls gamma and beta to 0, too")
        treatments.append(weights_decay_only())
    if not found:
        return
    suspicious = odd_numbers or decayed
    yield Suspicion(
        code=PAGE.code,
        place="batch_norm",
        evidence="; ".join(found),
        numbers=numbers,
        certainty=0.95 if off else 0.85 if odd_numbers else 0.5,
        treatments=tuple(treatments),
        severity=None if suspicious else "note",
        advice="epsilon 1e-5, gamma from 1, no decay on gamma and beta",
    )


def variances_by_epsilon(case: Case) -> np.ndarray:
    """The remembered variance of every channel over its epsilon; () where nothing is remembered."""
    pairs = zip(case.norms, memories(case.stats) if case.trained else (), strict=False)
    known = [np.asarray(memory.var) / norm.epsilon for norm, memory in pairs if float(memory.weight) > 0]
    return np.concatenate(known) if known else np.zeros(0)


def share_gone(case: Case) -> float:
    """Share of the trained gammas that are nearly 0; 0 without training."""
    layers = places(case.network)
    norms = [part_at(case.params, one.path) for one in layers if case.trained and isinstance(one.layer, BatchNorm)]
    gammas = [np.abs(np.asarray(params["gamma"])) for params in norms if "gamma" in params]
    return float(np.mean(np.concatenate(gammas) < GONE)) if gammas else 0.0


def decays_all(case: Case) -> bool:
    """Whether gamma and beta are decayed, by the optimizer or by L2."""
    optimizer = case.plan.optimizer
    by_optimizer = getattr(optimizer, "decay_all", False) and getattr(optimizer, "weight_decay", 0.0) > 0
    return bool(by_optimizer or (case.plan.l2_all and case.plan.l2))


def weights_decay_only() -> Treatment:
    """No decay on gamma, beta and biases."""

    def changed(plan: Plan) -> Plan:
        optimizer = plan.optimizer
        if getattr(optimizer, "decay_all", False):
            optimizer = optimizer.replace(decay_all=False)
        return plan.replace(optimizer=optimizer, l2_all=False)

    return Treatment("no decay on gamma, beta and biases", changed)

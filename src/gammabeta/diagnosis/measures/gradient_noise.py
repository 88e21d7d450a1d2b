"""The gradient noise scale."""

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.measures.batch_loss import BatchLoss, dot
from gammabeta.plan import Plan
from gammabeta.types import Tree


def gradient_noise_scale(
    plan: Plan, params: Tree, stats: Tree, rows: Dataset, *, small: int = 32, seed: int = 0
) -> float:
    """tr(Sigma) / |G|^2: about the batch size, in rows, from which on larger batches help little.

    Estimated without bias from the squared length of the gradient on batches of ``small`` rows and on all ``rows``:
    |G|^2 = (B |g_B|^2 - b |g_b|^2) / (B - b), tr(Sigma) = (|g_b|^2 - |g_B|^2) / (1 / b - 1 / B). Infinite where the
    true gradient cannot be told from 0.

    Source: McCandlish 2018 (An empirical model of large-batch training), appendix A.1.
    """
    order = np.random.default_rng(seed).permutation(rows.rows)
    pieces = [order[i : i + small] for i in range(0, len(order) - small + 1, small)]
    big = len(pieces) * small

    def squared(index: np.ndarray) -> float:
        gradient = BatchLoss(plan, stats, rows.take(index)).gradient(params)
        return dot(gradient, gradient)

    of_all = squared(order[:big])
    of_small = float(np.mean([squared(index) for index in pieces]))
    length = (big * of_all - small * of_small) / (big - small) if big > small else 0.0
    noise = (of_small - of_all) / (1 / small - 1 / big) if big > small else float("inf")
    return float("inf") if length <= 0 else float(noise / length)

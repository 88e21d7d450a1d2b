"""How much dropout and noise enlarge the variance that a batch norm sees."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.networks import place_of
from gammabeta.nn import BatchNorm, Call, Dropout, GaussianNoise, places
from gammabeta.nn.memories import observed_in
from gammabeta.plan import Plan
from gammabeta.train.step import ingested, scale_of
from gammabeta.types import Tree


class VarianceShift(NamedTuple):
    """Of one batch norm: its place; the variance of its input with dropout over that without, median of the features"""

    place: str
    ratio: float


def variance_shift(plan: Plan, params: Tree, stats: Tree, rows: Dataset, *, seed: int = 0) -> list[VarianceShift]:
    """The shift at every batch norm that stands behind dropout or noise, one draw over ``rows``; [] without any.

    Source: Li 2019 (Understanding the disharmony between dropout and batch normalization by variance shift).
    """
    order = list(places(plan.layers))
    first = next((i for i, place in enumerate(order) if isinstance(place.layer, Dropout | GaussianNoise)), len(order))
    norms = [(i, place) for i, place in enumerate(order) if isinstance(place.layer, BatchNorm)]
    if not any(i > first for i, _ in norms):
        return []
    x = ingested(jnp.asarray(rows.x), scale_of(rows))

    def variances(key: jax.Array | None) -> list[np.ndarray]:
        call = Call(key=key, weights=jnp.asarray(rows.weights), by_batch=True, observing=True)
        return [np.asarray(seen.var) for seen in observed_in(plan.layers.apply(params, stats, x, call)[1])]

    found = []
    for (i, place), dropped, plain in zip(norms, variances(jax.random.key(seed)), variances(None), strict=True):
        if i > first:
            ratio = float(np.median((dropped + 1e-12) / (plain + 1e-12)))
            found.append(VarianceShift(f"{place_of(place)} (batch_norm)", ratio))
    return found

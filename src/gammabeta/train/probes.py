"""The default probes: a few scalars per layer, from inside the compiled step."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gammabeta.nn import Seen
from gammabeta.types import Array, Tree

PROBE_EVERY = 50
"""Steps between two probed ones. A probed step is computed twice, so probing costs about one step in fifty: 2 %."""

Signals = Any
"""Nested tuples and dicts of scalars."""


def default_probe(y: Array, weights: Array | None) -> Mapping[str, Array]:
    """Mean, spread and share at exactly zero of a layer's output (rows, ...), padding left out."""
    per_row = y.reshape(y.shape[0], -1)
    shares = jnp.ones(y.shape[0]) if weights is None else weights
    shares = shares / jnp.maximum(jnp.sum(shares), 1e-12)
    mean = jnp.sum(shares * jnp.mean(per_row, axis=1))
    var = jnp.sum(shares * jnp.mean((per_row - mean) ** 2, axis=1))
    return {"mean": mean, "spread": jnp.sqrt(var), "zero": jnp.sum(shares * jnp.mean(per_row == 0, axis=1))}


def signals_of(seen: Any, params: Tree, grads: Tree, direction: Tree, rate: Array) -> Signals:
    """What every layer showed, and for every parameter its norm, its gradient's and its step's."""

    def norms(weight: Array, gradient: Array, towards: Array) -> Mapping[str, Array]:
        return {"weight": norm(weight), "gradient": norm(gradient), "update": rate * norm(towards)}

    probes = jax.tree.map(lambda part: part.probes, seen, is_leaf=lambda part: isinstance(part, Seen))
    return {"layers": probes, "params": jax.tree.map(norms, params, grads, direction)}


def norm(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(x.astype(jnp.float32) ** 2))


def flattened(signals: Signals) -> dict[str, float]:
    """Signals as ``{"layers.2.spread": 0.98, ...}``, for the history."""

    def name(path: Any) -> str:
        return ".".join(str(getattr(part, "key", getattr(part, "idx", part))) for part in path)

    leaves, _ = jax.tree_util.tree_flatten_with_path(signals)
    return {name(path): float(leaf) for path, leaf in leaves}

"""Every layer that is looked at, also inside residual blocks, and a pass through a network with a visit to each."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gammabeta.nn import Call, Ensemble, Frozen, Layer, Residual, Sequential, Wrapper
from gammabeta.nn.layer import bare
from gammabeta.types import Array, Tree


class Stop(NamedTuple):
    """A layer that is looked at: it holds no others, or stands in the first level; number: its position there."""

    place: str
    number: int
    layer: Layer
    first_level: bool
    leaf: bool


def stops(network: Sequential) -> Iterator[Stop]:
    """In the order in which rows pass through them; what holds others comes after these."""
    for index, layer in enumerate(network.layers):
        yield from stops_in(layer, f"layers.{index}", index, True)


def stops_in(layer: Layer, place: str, index: int, first_level: bool) -> Iterator[Stop]:
    inner = bare(layer)
    parts: Sequence[tuple[str, Layer]] = ()
    if isinstance(inner, Sequential):
        parts = [(str(at), part) for at, part in enumerate(inner.layers)]
    elif isinstance(inner, Residual):
        parts = [("body", inner.body)] + ([("shortcut", inner.shortcut)] if inner.shortcut is not None else [])
    elif isinstance(inner, Ensemble):
        parts = [(f"members.{at}", member) for at, member in enumerate(inner.members)]
    for name, part in parts:
        yield from stops_in(part, f"{place}.{name}", index, False)
    if first_level or not parts:
        yield Stop(place, index, layer, first_level, not parts)


Visit = Callable[[Array, Array], Array]
"""What is done with the input and the output of a layer that is looked at; gives the output that goes on."""


def passed(layer: Layer, params: Tree, stats: Tree, x: Array, call: Call, visit: Visit, first_level: bool) -> Array:
    """The layer's output, with a visit to every one of its :func:`stops`, in their order."""
    if isinstance(layer, Wrapper) and isinstance(bare(layer), Sequential | Residual | Ensemble):
        if isinstance(layer, Frozen):
            params, call = jax.lax.stop_gradient(params), Call(weights=call.weights)
        return passed(layer.layer, params, stats, x, call, visit, first_level)
    here = x
    if isinstance(layer, Sequential):
        for part, own, memory in zip(layer.layers, params, stats, strict=True):
            here = passed(part, own, memory, here, call, visit, False)
    elif isinstance(layer, Residual):
        here = passed(layer.body, params[0], stats[0], x, call, visit, False)
        around = layer.shortcut
        here = here + (x if around is None else passed(around, params[1], stats[1], x, call, visit, False))
    elif isinstance(layer, Ensemble):
        parts = zip(layer.members, params, stats, strict=True)
        made = jnp.stack([passed(member, own, memory, x, call, visit, False) for member, own, memory in parts])
        here = layer.averaged(made).astype(made.dtype)
    else:
        return visit(x, layer.apply(params, stats, x, call)[0])
    return visit(x, here) if first_level else here

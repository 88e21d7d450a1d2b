"""The memories inside a network's statistics, and what the network's batch norms saw: lists in one order."""

from collections.abc import Iterator
from typing import Any

import jax

from gammabeta.moments import BatchMoments, RunningMoments
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.frozen import Frozen
from gammabeta.serial import Description, fields
from gammabeta.types import Tree

STILL = {"update": False, "train": False, "normalizes_by": "memory"}
"""What a batch norm is inside a frozen layer."""


def observed_in(seen: Any) -> list[BatchMoments]:
    """Every batch norm's moments in what a network saw, in order."""
    return [leaf for leaf in jax.tree.leaves(seen, is_leaf=is_seen) if is_seen(leaf)]


def is_seen(node: Any) -> bool:
    return isinstance(node, BatchMoments)


def is_memory(node: Any) -> bool:
    return isinstance(node, RunningMoments)


def memories(stats: Tree) -> list[RunningMoments]:
    """Every memory in the statistics, in the order of the network."""
    return [leaf for leaf in jax.tree.leaves(stats, is_leaf=is_memory) if is_memory(leaf)]


def with_memories(stats: Tree, new: list[RunningMoments], chosen: list[bool]) -> Tree:
    """The statistics with the chosen memories replaced; what is no memory stays."""
    leaves, shape = jax.tree.flatten(stats, is_leaf=is_memory)
    fresh = iter(zip(new, chosen, strict=True))

    def after(leaf: Any) -> Any:
        if not is_memory(leaf):
            return leaf
        replacement, take = next(fresh)
        return replacement if take else leaf

    return jax.tree.unflatten(shape, [after(leaf) for leaf in leaves])


def batch_norms(network: Description) -> list[BatchNorm]:
    """Every batch norm of a network, in the order of its memories in the statistics; frozen ones as such."""
    return [norm for _, norm in named_batch_norms(network)]


def named_batch_norms(network: Description, place: str = "") -> Iterator[tuple[str, BatchNorm]]:
    """The same, each with the name under which a plan's ``change`` finds it: "layers.1"; place: stands before it."""
    if isinstance(network, BatchNorm):
        yield place, network
        return
    for name in fields(type(network)):
        part = getattr(network, name)
        several = part if isinstance(part, tuple) else (part,)
        for index, item in enumerate(several):
            if isinstance(item, Description):
                path = f"{place}.{name}.{index}" if isinstance(part, tuple) else f"{place}.{name}"
                for inner, norm in named_batch_norms(item, path.lstrip(".")):
                    yield inner, norm.replace(**STILL) if isinstance(network, Frozen) else norm

"""Every layer of a network with its name and its place: one naming for summary, reports and choices of layers."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gammabeta.nn.ensemble import Ensemble
from gammabeta.nn.layer import Layer, Wrapper, bare
from gammabeta.nn.residual import Residual
from gammabeta.nn.sequential import Sequential
from gammabeta.serial import kind_name
from gammabeta.types import Tree


class Place(NamedTuple):
    """One layer that holds no others.

    name: "0.dense", "3.body.1.batch_norm": positions, then the kind, an activation's function; without wrappers
    layer: without its wrappers
    path: where its params and stats are in the network's trees
    """

    name: str
    layer: Layer
    path: tuple[int, ...]


def places(network: Layer, name: str = "", path: tuple[int, ...] = ()) -> Iterator[Place]:
    """The layers of a network, in order."""
    network = bare(network)
    if isinstance(network, Sequential):
        for index, layer in enumerate(network.layers):
            yield from places(layer, f"{name}{index}.", (*path, index))
    elif isinstance(network, Residual):
        yield from places(network.body, f"{name}body.", (*path, 0))
        if network.shortcut is not None:
            yield from places(network.shortcut, f"{name}shortcut.", (*path, 1))
    elif isinstance(network, Ensemble):
        for index, member in enumerate(network.members):
            yield from places(member, f"{name}members.{index}.", (*path, index))
    else:
        yield Place(f"{name}{label(network)}", network, path)


def label(layer: Layer) -> str:
    """What a layer is called: its kind, an activation by its function."""
    return str(getattr(layer, "function", kind_name(type(layer))))


def part_at(tree: Tree, path: tuple[int, ...]) -> Any:
    """What a tree of params or stats holds at a place."""
    for index in path:
        tree = tree[index]
    return tree


def rewritten(network: Layer, change: Callable[[Place], Layer]) -> Layer:
    """The network with every layer that holds no others replaced by ``change`` of its place, wrappers kept around it.

    The trees of params and stats keep their structure where ``change`` keeps each layer's.
    """

    def visit(layer: Layer, name: str, path: tuple[int, ...]) -> Layer:
        if isinstance(layer, Wrapper):
            return layer.replace(layer=visit(layer.layer, name, path))
        if isinstance(layer, Sequential):
            parts = enumerate(layer.layers)
            return layer.replace(layers=tuple(visit(part, f"{name}{index}.", (*path, index)) for index, part in parts))
        if isinstance(layer, Residual):
            body = visit(layer.body, f"{name}body.", (*path, 0))
            through = layer.shortcut and visit(layer.shortcut, f"{name}shortcut.", (*path, 1))
            return layer.replace(body=body, shortcut=through)
        if isinstance(layer, Ensemble):
            parts = enumerate(layer.members)
            found = tuple(visit(part, f"{name}members.{index}.", (*path, index)) for index, part in parts)
            return layer.replace(members=found)
        return change(Place(f"{name}{label(layer)}", layer, path))

    return visit(network, "", ())


def unwrapped(network: Layer) -> Layer:
    """The network without any wrapper, at the same places."""
    network = bare(network)
    if isinstance(network, Sequential):
        return network.replace(layers=tuple(unwrapped(layer) for layer in network.layers))
    if isinstance(network, Residual):
        through = network.shortcut and unwrapped(network.shortcut)
        return network.replace(body=unwrapped(network.body), shortcut=through)
    if isinstance(network, Ensemble):
        return network.replace(members=tuple(unwrapped(member) for member in network.members))
    return network

"""Networks with some layers exchanged."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gammabeta.nn import Conv2D, Dense, Ensemble, Layer, Residual, Sequential, Wrapper, places
from gammabeta.nn.places import Place
from gammabeta.plan import Plan

Edit = Callable[[Layer], tuple[Layer, ...]]


def edited(network: Sequential, edit: Edit) -> Sequential:
    """Every layer that holds no others, replaced by what ``edit`` makes of it: none, one or several."""
    made: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Sequential):
            made.append(edited(layer, edit))
        elif isinstance(layer, Residual):
            shortcut = None if layer.shortcut is None else edited(layer.shortcut, edit)
            made.append(replace(layer, body=edited(layer.body, edit), shortcut=shortcut))
        elif isinstance(layer, Ensemble):
            members = [member if isinstance(member, Sequential) else Sequential((member,)) for member in layer.members]
            made.append(layer.replace(members=tuple(edited(member, edit) for member in members)))
        else:
            made += edit(layer)
    return Sequential(tuple(made))


def with_layers(plan: Plan, edit: Edit) -> Plan:
    """The plan with its layers edited."""
    layers = plan.layers
    assert isinstance(layers, Sequential)
    return plan.replace(network=edited(layers, edit))


def own(layer: Layer) -> bool:
    """Whether a layer is somebody's own: nothing is known of what it does."""
    return not type(layer).__module__.startswith("gammabeta.")


def every(network: Layer) -> Iterator[Layer]:
    """All layers that hold no others, without their wrappers, in order."""
    return (place.layer for place in places(network))


def weighted(network: Layer) -> list[Place]:
    """The dense and convolution layers, in order."""
    return [place for place in places(network) if isinstance(place.layer, Dense | Conv2D)]


def setting_of(layer: Layer, path: tuple[int, ...], name: str = "network") -> str:
    """What plan.change calls the layer at a path of nn.places: "network.layers.3.body.layers.1"."""
    if isinstance(layer, Wrapper):
        return setting_of(layer.layer, path, f"{name}.layer")
    if not path:
        return name
    first, rest = path[0], path[1:]
    if isinstance(layer, Residual):
        part = layer.body if first == 0 else layer.shortcut
        assert part is not None
        return setting_of(part, rest, f"{name}.{'shortcut' if first else 'body'}")
    if isinstance(layer, Ensemble):
        return setting_of(layer.members[first], rest, f"{name}.members.{first}")
    assert isinstance(layer, Sequential)
    return setting_of(layer.layers[first], rest, f"{name}.layers.{first}")


def place_of(place: Place) -> str:
    """ "layers.3.body.1" """
    return f"layers.{place.name.rpartition('.')[0]}"

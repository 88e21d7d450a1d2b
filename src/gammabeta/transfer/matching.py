"""Along which axes the arrays of a network are about inputs and outputs that have names."""

from collections.abc import Mapping
from typing import NamedTuple

from gammabeta.nn import Conv2D, Dense, Layer, Place, Whitening, places
from gammabeta.transfer.names import Along


class Way(NamedTuple):
    """How the arrays of one layer are matched.

    inputs, outputs: where they are matched by name, None where position says all; lost: where neither can be done
    """

    layer: Layer
    inputs: Along | None = None
    outputs: Along | None = None
    lost: bool = False

    def axes(self, parameter: str, dimensions: int) -> Mapping[int, Along]:
        """Axis -> matching, for an array of this layer."""
        found: dict[int, Along | None] = {0: self.inputs or self.outputs}
        if isinstance(self.layer, Dense | Conv2D):
            found = {0: self.inputs, dimensions - 1: self.outputs} if parameter == "weight" else {0: self.outputs}
            if parameter == "weight" and dimensions == 1:
                found = {0: self.outputs}
        if isinstance(self.layer, Whitening) and self.layer.method == "zca":
            found = dict.fromkeys(range(dimensions), self.inputs)
        return {axis: way for axis, way in found.items() if way is not None and axis < dimensions}


def ways(network: Layer, inputs: Along | None, outputs: Along | None) -> dict[str, Way]:
    """Name of a layer -> how its arrays are matched, for a network whose inputs or outputs have other names.

    Up to the first dense layer every number is about one input, so normalizations go along by name. Whitening mixes
    inputs: it is matched where all of them are the same in another order, and learned anew otherwise. What stands in a
    residual connection at the beginning cannot be told apart. From the last dense layer on every number is about one
    output.
    """
    everything = list(places(network))
    head = max((index for index, place in enumerate(everything) if weighs(place)), default=len(everything))
    found, lost = {}, False
    for index, place in enumerate(everything):
        whitens = isinstance(place.layer, Whitening)
        mixed = inputs is not None and (nested(place) or (whitens and not inputs.complete))
        last = outputs if index >= head else None
        found[place.name] = Way(place.layer, inputs, last, mixed or (lost and weighs(place)))
        if inputs is not None and (
            nested(place) or (isinstance(place.layer, Whitening) and place.layer.method == "pca")
        ):
            lost, inputs = lost or mixed, None
        if weighs(place) and not nested(place):
            lost, inputs = False, None
    return found


def weighs(place: Place) -> bool:
    """Whether a layer's outputs are sums over its inputs."""
    return isinstance(place.layer, Dense | Conv2D)


def nested(place: Place) -> bool:
    """Whether a layer stands in a residual connection."""
    return not {"body", "shortcut"}.isdisjoint(place.name.split("."))

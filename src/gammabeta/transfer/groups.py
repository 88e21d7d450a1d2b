"""The groups of a network that are frozen, thawed and slowed down together."""

from gammabeta.nn import Conv2D, Dense, Layer, Residual, Sequential, bare
from gammabeta.plan import Plan


def groups(plan: Plan) -> list[list[int]]:
    """Positions of the layers of each group, from the input to the head.

    A group is a dense or convolution layer, or a residual connection as one, with all that follows it up to the next
    one; what stands before the first of them belongs to it. The last group is the head.
    """
    found: list[list[int]] = [[]]
    begun = False
    for index, layer in enumerate(parts(plan)):
        if isinstance(bare(layer), Dense | Conv2D | Residual | Sequential):
            if begun:
                found.append([])
            begun = True
        found[-1].append(index)
    return found


def parts(plan: Plan) -> tuple[Layer, ...]:
    """The layers at the top of a plan's network."""
    network = bare(plan.layers)
    return network.layers if isinstance(network, Sequential) else (network,)

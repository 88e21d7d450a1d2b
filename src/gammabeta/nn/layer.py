"""What a layer is: a frozen description with four verbs over plain trees.

    init(key, shape)                 -> Fresh(params, stats, shape)    what it starts from
    apply(params, stats, x, call)    -> (y, Seen)                      what it computes, and what it saw
    remember(stats, seen)            -> stats                          what it keeps of what it saw
    pace(params, progress)           -> factors                        how fast it learns

``params`` is what it learns, ``stats`` what it remembers; gradients see only params. A layer decides nothing
about memory while it computes: it returns what it saw, and the trainer decides what is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax

from gammabeta.moments import BatchMoments
from gammabeta.serial import Description
from gammabeta.types import Array, Shape, Tree


class Fresh(NamedTuple):
    """What :meth:`Layer.init` gives."""

    params: Tree
    stats: Tree
    shape: Shape  # of one output example


class Seen(NamedTuple):
    """What one layer saw in one pass."""

    moments: BatchMoments | None = None  # of its input, from layers that normalize by it
    probes: Mapping[str, Array] | None = None  # scalars about its output, when asked for


class Passage(NamedTuple):
    """What passed through one layer: what a probe looks at.

    layer: its description; x (rows, ...), y (rows, ...): its input and output
    weights: (rows,), 0 for padding; None counts every row once
    """

    layer: "Layer"
    x: Array
    y: Array
    weights: Array | None


Probe = Callable[[Passage], Mapping[str, Array]]
"""A pure function from what passed through a layer to named scalars."""


@dataclass(frozen=True)
class Call:
    """How a network is being called.

    key: randomness for dropout and noise; None switches all of it off
    weights: (rows,), the rows' weights in every statistic; 0 for padding, None counts every row once
    by_batch: whether batch norm normalizes by this batch's moments, or by its memory
    observing: whether batch norm reports the moments of its input although it normalizes by memory
    probe: computed on what passes through every layer; None computes nothing
    taps: a zero for every layer whose output's gradient is asked for, as train.probes.taps gives them: the derivative
        by it is what :func:`gammabeta.nn.tap.tapped` says; None asks for none
    """

    key: Array | None = None
    weights: Array | None = None
    by_batch: bool = False
    observing: bool = False
    probe: Probe | None = None
    taps: Any = None

    def at(self, index: int) -> "Call":
        """The call as the index-th part of a container sees it: with a key and taps of its own."""
        if self.key is None and self.taps is None:
            return self
        key = None if self.key is None else jax.random.fold_in(self.key, index)
        # a single tap belongs to a layer whose inside is not known
        return replace(self, key=key, taps=self.taps[index] if isinstance(self.taps, tuple) else None)


PREDICTING = Call()
"""Nothing random, memory normalizes, nothing is reported."""


class Layer(Description):
    """The root of every layer; ``params`` and ``stats`` are () where there is nothing to learn or remember."""

    def init(self, key: Array, shape: Shape) -> Fresh:
        """Fresh parameters and statistics for inputs of ``shape``; the default learns and remembers nothing."""
        return Fresh((), (), shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Any]:
        """y (rows, *shape) for x (rows, *shape), and what was seen."""
        raise TypeError(f"{type(self).__name__} does not define apply")

    def remember(self, stats: Tree, seen: Any) -> Tree:
        """The statistics after ``seen``; the default keeps nothing."""
        return stats

    def pace(self, params: Tree, progress: Array) -> Tree:
        """How fast each parameter learns: a tree of the same structure of factors >= 0 on the learning rate.

        progress: the share of the run's steps that were made, in [0, 1)

        The Python float 0.0 says that a parameter does not train, 1.0 that it does: both are known when the step is
        compiled. Anything else may depend on progress and on dynamic numbers. The default is 1.0 for all.
        """
        return jax.tree.map(lambda _: 1.0, params)


class Wrapper(Layer):
    """A layer around another one, with its parameters, statistics and place in the network."""

    layer: Layer

    def init(self, key: Array, shape: Shape) -> Fresh:
        return self.layer.init(key, shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Any]:
        return self.layer.apply(params, stats, x, call)

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return self.layer.remember(stats, seen)


def bare(layer: Layer) -> Layer:
    """The layer inside all its wrappers."""
    return bare(layer.layer) if isinstance(layer, Wrapper) else layer


class Normalization(Layer):
    """A layer that brings its input to mean 0 and spread 1."""

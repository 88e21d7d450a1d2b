"""A frozen layer."""

from dataclasses import dataclass
from typing import Any

import jax

from gammabeta.nn.layer import Call, Fresh, Layer
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Frozen(Layer):
    """The layer as it is: nothing in it trains, and nothing in it is updated.

    Batch norm inside normalizes by its memory, also while training (as Keras does with trainable=False, and
    torch with eval() and requires_grad_(False)). Dropout inside is off.
    """

    layer: Layer

    def init(self, key: Array, shape: Shape) -> Fresh:
        return self.layer.init(key, shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Any]:
        still = Call(weights=call.weights, observing=call.observing, probe=call.probe)
        return self.layer.apply(jax.lax.stop_gradient(params), stats, x, still)

    def trains(self, params: Tree) -> Tree:
        return jax.tree.map(lambda _: False, params)

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return stats

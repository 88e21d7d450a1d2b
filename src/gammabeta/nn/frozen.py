"""A frozen layer."""

from dataclasses import dataclass
from typing import Any

import jax

from gammabeta.nn.layer import Call, Layer, Wrapper
from gammabeta.types import Array, Tree


@dataclass(frozen=True)
class Frozen(Wrapper):
    """The layer as it is: nothing in it trains, and nothing in it is updated.

    Batch norm inside normalizes by its memory, also while training (as Keras does with trainable=False, and
    torch with eval() and requires_grad_(False)). Dropout inside is off: y = layer(x) as in prediction.

    layer: any layer, also a sequence of them

    Source: Yosinski et al. 2014, https://arxiv.org/abs/1411.1792
    """

    layer: Layer

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Any]:
        still = Call(weights=call.weights, observing=call.observing, probe=call.probe)
        return self.layer.apply(jax.lax.stop_gradient(params), stats, x, still)

    def pace(self, params: Tree, progress: Array) -> Tree:
        return jax.tree.map(lambda _: 0.0, params)

    def remember(self, stats: Tree, seen: Any) -> Tree:
        return stats

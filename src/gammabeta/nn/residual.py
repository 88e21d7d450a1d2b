"""The residual connection (He 2016)."""

from dataclasses import dataclass
from typing import Any

import jax

from gammabeta.errors import PlanError
from gammabeta.nn.layer import Call, Fresh, Layer
from gammabeta.nn.sequential import Sequential
from gammabeta.types import Array, Shape, Tree


@dataclass(frozen=True)
class Residual(Layer):
    """y = shortcut(x) + body(x); without a shortcut y = x + body(x).

    x and y of any shapes that its parts take and give.

    body: layers whose output is added; shortcut: layers on the way around it, None for none

    Raises PlanError where the two shapes differ: no silent broadcasting. Source: He et al. 2016,
    https://arxiv.org/abs/1512.03385
    """

    body: Sequential
    shortcut: Sequential | None = None

    def init(self, key: Array, shape: Shape) -> Fresh:
        body = self.body.init(jax.random.fold_in(key, 0), shape)
        through = self.shortcut.init(jax.random.fold_in(key, 1), shape) if self.shortcut else Fresh((), (), shape)
        if body.shape != through.shape:
            remedy = "make them equal" if self.shortcut else "give it a shortcut, such as a dense layer of that size"
            raise PlanError(
                f"residual: its body gives {body.shape} and its shortcut {through.shape}, expected one shape; {remedy}."
            )
        return Fresh((body.params, through.params), (body.stats, through.stats), body.shape)

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, tuple[Any, Any]]:
        y, seen = self.body.apply(params[0], stats[0], x, call.at(0))
        if self.shortcut is None:
            return x + y, (seen, ())
        through, seen_through = self.shortcut.apply(params[1], stats[1], x, call.at(1))
        return through + y, (seen, seen_through)

    def pace(self, params: Tree, progress: Array) -> Tree:
        through = self.shortcut.pace(params[1], progress) if self.shortcut else params[1]
        return self.body.pace(params[0], progress), through

    def remember(self, stats: Tree, seen: Any) -> Tree:
        through = self.shortcut.remember(stats[1], seen[1]) if self.shortcut else stats[1]
        return self.body.remember(stats[0], seen[0]), through

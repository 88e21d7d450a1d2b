"""Adam (Kingma & Ba 2015) and Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

from dataclasses import dataclass
from typing import Annotated

import optax

from gammabeta.optim.optimizer import Optimizer, decays
from gammabeta.serial import DYNAMIC, Within


@dataclass(frozen=True)
class Adam(Optimizer):
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - learning_rate * mhat / (sqrt(vhat) + epsilon)

    mhat = m / (1 - b1^t), vhat = v / (1 - b2^t), t counting from 1; epsilon stands outside the root.
    learning_rate: > 0; b1, b2: in [0, 1); epsilon: > 0
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-3
    b1: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    b2: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.999
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.epsilon)


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam's step and, apart from it, w <- w - learning_rate * weight_decay * w on weights alone.

    The decay never touches bias, gamma or beta. weight_decay: >= 0, the rest as in :class:`Adam`.
    """

    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 2e-3
    weight_decay: Annotated[float, Within("[0, inf)"), DYNAMIC] = 0.01
    b1: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.9
    b2: Annotated[float, Within("[0, 1)"), DYNAMIC] = 0.999
    epsilon: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-8

    def direction(self) -> optax.GradientTransformation:
        return optax.chain(
            optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.epsilon),
            optax.add_decayed_weights(self.weight_decay, mask=decays),
        )

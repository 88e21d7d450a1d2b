"""Mirrored images."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp

from gammabeta.nn.augmentation.augmentation import Augmentation
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Left and right exchanged, with a chance: y[i, j] = x[i, width - 1 - j] where u < chance, u ~ U(0, 1).

    chance: in [0, 1]; at 0.5 an image and its mirror image come equally often

    As torchvision's RandomHorizontalFlip. Source: Krizhevsky et al. 2012, ImageNet classification with deep
    convolutional neural networks, https://doi.org/10.1145/3065386
    """

    chance: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.5

    draws: ClassVar[int] = 1

    def changed(self, x: Array, u: Array) -> Array:
        return jnp.where((u[:, 0] < self.chance)[:, None, None, None], x[:, :, ::-1], x)

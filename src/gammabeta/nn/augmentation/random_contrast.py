"""Images with more or less contrast."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp

from gammabeta.nn.augmentation.augmentation import Augmentation, as_pixels
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class RandomContrast(Augmentation):
    """The image nearer to its mean, or farther from it: y = m + f (x - m), f ~ U(1 - strength, 1 + strength), cut at 0
    and 255; m is the mean of its own pixels and channels.

    strength: by how much the factor may differ from 1, in [0, 1]

    As the contrast of torchvision's ColorJitter, whose m is the mean of the gray image. Source: Howard 2013, Some
    improvements on deep convolutional neural network based image classification, https://arxiv.org/abs/1312.5402
    """

    strength: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.2

    draws: ClassVar[int] = 1

    def changed(self, x: Array, u: Array) -> Array:
        factor = (1 + (2 * u[:, 0] - 1) * self.strength)[:, None, None, None]
        mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True, dtype=jnp.float32)
        return as_pixels(mean + factor * (x - mean), x)

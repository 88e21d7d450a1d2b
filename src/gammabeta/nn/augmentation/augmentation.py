"""What all augmentations share."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from gammabeta.nn.random_bits import uniform
from gammabeta.serial import Description
from gammabeta.types import Array


class Augmentation(Description):
    """The root of what makes another training image of an image, by chance, and leaves its label as it is.

    In a plan they stand in a list, ``plan.augmentation``, and are done one after another inside the compiled step, on
    training batches only: what is measured, predicted, or settled as a statistic of batch norm is images as they are.
    A strength is only a number, and a strength of 0 changes nothing.

    draws: how many numbers an image draws
    """

    draws: ClassVar[int]

    def apply(self, key: Array, x: Array) -> Array:
        """Other images for x (rows, height, width, channels), of the same shape and dtype."""
        return self.changed(x, uniform(key, (x.shape[0], self.draws)))

    def changed(self, x: Array, u: Array) -> Array:
        """What becomes of each image with its draws, u (rows, draws) in [0, 1)."""
        raise TypeError(f"{type(self).__name__} does not define changed")


def augmented(augmentations: tuple[Augmentation, ...], key: Array, x: Array) -> Array:
    """Images after all augmentations, in their order."""
    for index, each in enumerate(augmentations):
        x = each.apply(jax.random.fold_in(key, index), x)
    return x


def as_pixels(y: Array, like: Array) -> Array:
    """Numbers as ``like`` holds them: of bytes the nearest one in 0 to 255."""
    return jnp.clip(jnp.round(y), 0, 255).astype(like.dtype) if like.dtype == jnp.uint8 else y.astype(like.dtype)

"""Turned images."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp

from gammabeta.nn.augmentation.augmentation import Augmentation, as_pixels
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """The image turned about its center by an angle t ~ U(-degrees, degrees), t > 0 counterclockwise.

        y[i, j] = x[c + cos t (i - c) + sin t (j - d),  d + cos t (j - d) - sin t (i - c)],  center (c, d)

    Between pixels the values of the four around are interpolated (bilinear); past an edge stands the nearest pixel of
    the edge.

    degrees: the largest angle, in [0, 180]

    As torchvision's RandomRotation, which takes the nearest pixel and fills with black. Source: Simard et al. 2003,
    Best practices for convolutional neural networks, https://doi.org/10.1109/ICDAR.2003.1227801
    """

    degrees: Annotated[float, Within("[0, 180]"), DYNAMIC] = 10.0

    draws: ClassVar[int] = 1

    def changed(self, x: Array, u: Array) -> Array:
        angle = jnp.deg2rad((2 * u[:, 0] - 1) * self.degrees)[:, None, None]
        rows, height, width, _ = x.shape
        middle, center = (height - 1) / 2, (width - 1) / 2
        i, j = (jnp.arange(height) - middle)[:, None], (jnp.arange(width) - center)[None]
        down = jnp.clip(jnp.cos(angle) * i + jnp.sin(angle) * j + middle, 0, height - 1)
        right = jnp.clip(jnp.cos(angle) * j - jnp.sin(angle) * i + center, 0, width - 1)
        top, left = (jnp.floor(place).astype(jnp.int32) for place in (down, right))
        below, beside = jnp.minimum(top + 1, height - 1), jnp.minimum(left + 1, width - 1)
        by_row, by_column = (down - top)[..., None], (right - left)[..., None]
        image = jnp.arange(rows)[:, None, None]
        upper = x[image, top, left] * (1 - by_column) + x[image, top, beside] * by_column
        lower = x[image, below, left] * (1 - by_column) + x[image, below, beside] * by_column
        return as_pixels(upper * (1 - by_row) + lower * by_row, x)

"""Images in other light."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from gammabeta.nn.augmentation.augmentation import Augmentation, as_pixels
from gammabeta.serial import DYNAMIC, Within
from gammabeta.types import Array


@dataclass(frozen=True)
class RandomBrightness(Augmentation):
    """All pixels multiplied by one factor: y = f x, f ~ U(1 - strength, 1 + strength), cut at 0 and 255.

    strength: by how much the factor may differ from 1, in [0, 1]

    As the brightness of torchvision's ColorJitter. Source: Howard 2013, Some improvements on deep convolutional neural
    network based image classification, https://arxiv.org/abs/1312.5402
    """

    strength: Annotated[float, Within("[0, 1]"), DYNAMIC] = 0.2

    draws: ClassVar[int] = 1

    def changed(self, x: Array, u: Array) -> Array:
        factor = 1 + (2 * u[:, 0] - 1) * self.strength
        return as_pixels(x * factor[:, None, None, None], x)

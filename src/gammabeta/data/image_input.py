"""Images as the network's input: their size, and the offset and factor of each channel."""

from dataclasses import dataclass

import numpy as np

from gammabeta.data.images import Images
from gammabeta.errors import DataError
from gammabeta.serial import Description
from gammabeta.types import Array

CHUNK = 4096
"""Images counted at a time; it bounds the memory."""


@dataclass(frozen=True)
class ImageInput(Description):
    """Pixels stay uint8; the network sees (pixel - mean) / std, per channel, of the training pixels.

    mean, std: one per channel, in pixel values 0 to 255; std is 1 where a channel is constant
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def check(self, images: Images) -> None:
        """Refuse images of another size or another number of channels."""
        found, expected = images.pixels.shape[1:], self.shape
        if tuple(found) != expected:
            raise DataError(
                f"{images.source}: found images of {size(found)}, expected {size(expected)} as at training; "
                f"resize or convert them."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)

    @property
    def offset(self) -> Array:
        """float32 (channels,)."""
        return np.asarray(self.mean, dtype=np.float32)

    @property
    def factor(self) -> Array:
        """float32 (channels,)."""
        return 1 / np.asarray(self.std, dtype=np.float32)


def fit_image_input(images: Images) -> ImageInput:
    """Learn size, mean and standard deviation from training images, exactly, by counting pixel values."""
    rows, height, width, channels = images.pixels.shape
    levels = np.arange(256.0)
    means, stds = [], []
    for channel in range(channels):
        counts = np.zeros(256, dtype=np.int64)
        for start in range(0, rows, CHUNK):
            counts += np.bincount(images.pixels[start : start + CHUNK, ..., channel].ravel(), minlength=256)
        shares = counts / max(counts.sum(), 1)
        mean = float(shares @ levels)
        means.append(mean)
        stds.append(float(np.sqrt(shares @ (levels - mean) ** 2)) or 1.0)
    return ImageInput(height, width, channels, tuple(means), tuple(stds))


def size(shape: tuple[int, ...]) -> str:
    """A shape in words: ``28 x 28 pixels and 1 channel``."""
    height, width, channels = shape
    return f"{height} x {width} pixels and {channels} channel{'s' if channels != 1 else ''}"

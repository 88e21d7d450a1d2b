"""Encoded images as pixels of one size."""

import io
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image

from gammabeta.errors import FileError
from gammabeta.types import Array

Encoded = Path | bytes
GRAY_MODES = ("1", "L", "LA", "La", "I", "F")
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    OverflowError,
)
"""What Pillow raises on damaged files."""


def decode(encoded: Sequence[Encoded], name: Callable[[int], str]) -> tuple[Array, tuple[str, ...]]:
    """(uint8 (rows, height, width, channels), notes): all brought to the most common size.

    encoded: paths or bytes; name: how to call the i-th in a message
    One channel where all are gray, else three. 16-bit gray is brought to 8 bits. Raises FileError naming the
    image.
    """
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as threads:
        headers = list(threads.map(lambda i: header(encoded[i], name(i)), range(len(encoded)), chunksize=64))
        sizes = Counter(found for found, _ in headers)
        (width, height), _ = sizes.most_common(1)[0]
        gray = all(mode in GRAY_MODES or mode.startswith("I;16") for _, mode in headers)
        pixels = np.empty((len(encoded), height, width, 1 if gray else 3), dtype=np.uint8)

        def fill(i: int) -> None:
            pixels[i] = one(encoded[i], (width, height), gray, name(i))

        list(threads.map(fill, range(len(encoded)), chunksize=64))
    others = len(encoded) - sizes[width, height]
    if not others:
        return pixels, ()
    note = f"{others:,} of {len(encoded):,} images had another size and were resized to {width} x {height} pixels."
    return pixels, (note,)


def header(encoded: Encoded, name: str) -> tuple[tuple[int, int], str]:
    """((width, height), mode), without decoding."""
    try:
        with Image.open(stream(encoded)) as image:
            return image.size, image.mode
    except BROKEN as error:
        raise unreadable(name, error) from None


def one(encoded: Encoded, size: tuple[int, int], gray: bool, name: str) -> Array:
    """uint8 (height, width, channels) of one image."""
    try:
        with Image.open(stream(encoded)) as image:
            if image.mode.startswith("I") or image.mode == "F":
                image = eight_bits(image)
            if image.mode != ("L" if gray else "RGB"):
                image = image.convert("L" if gray else "RGB")
            if image.size != size:
                image = image.resize(size, Image.Resampling.BILINEAR)
            pixels = np.asarray(image)
    except BROKEN as error:
        raise unreadable(name, error) from None
    return pixels[..., None] if gray else pixels


def eight_bits(image: Image.Image) -> Image.Image:
    """Gray of 16 or more bits as 8 bits: 65535 becomes 255; Pillow's own conversion would cut at 255."""
    values = np.asarray(image, dtype=np.float64)
    scale = 257.0 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 1.0
    return Image.fromarray(np.clip(values / scale, 0, 255).astype(np.uint8))


def stream(encoded: Encoded) -> Path | io.BytesIO:
    """What Pillow opens."""
    return io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded


def unreadable(name: str, error: BaseException) -> FileError:
    """What to say about an image that Pillow refuses."""
    said = "it is no image that can be read" if "cannot identify" in str(error) else str(error).rstrip(".")
    return FileError(f"{name}: found a broken image ({said}), expected a whole one; replace or remove it.")

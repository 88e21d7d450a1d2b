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
Size = tuple[int, int]
"""(width, height)"""
Header = tuple[Size, str]
"""((width, height), Pillow's mode)"""

LARGE = 20_000
"""Encoded bytes from which on threads pay; below, they wait for each other: two took 1.6 times as long as one on
JPEGs of 1 kB."""

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
    first = header(encoded[0], name(0))
    like_first = same_as_first(encoded, first, name)
    if like_first is not None:
        return like_first, ()
    headers = [first, *(header(one, name(i)) for i, one in enumerate(encoded[1:], start=1))]
    sizes = Counter(size for size, _ in headers)
    (width, height), _ = sizes.most_common(1)[0]
    pixels = filled(encoded, (width, height), all(is_gray(mode) for _, mode in headers), name)
    others = len(encoded) - sizes[width, height]
    if not others:
        return pixels, ()
    count = f"{others:,} of {len(encoded):,} images"
    return pixels, (f"{count} had another size and were resized to {width} x {height} pixels.",)


class Differs(Exception):
    """An image has another size or another number of channels than the first."""


def same_as_first(encoded: Sequence[Encoded], first: Header, name: Callable[[int], str]) -> Array | None:
    """The pixels in one pass where all images are like the first, else None: most data sets are uniform."""
    try:
        return filled(encoded, first[0], is_gray(first[1]), name, strict=True)
    except Differs:
        return None


def filled(
    encoded: Sequence[Encoded], size: Size, gray: bool, name: Callable[[int], str], strict: bool = False
) -> Array:
    """uint8 (rows, height, width, channels), on several threads where the images are large."""
    pixels = np.empty((len(encoded), size[1], size[0], 1 if gray else 3), dtype=np.uint8)

    def fill(i: int) -> None:
        pixels[i] = one(encoded[i], size, gray, name(i), strict)

    if weight(encoded[0]) < LARGE:
        for i in range(len(encoded)):
            fill(i)
    else:
        with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as threads:
            for _ in threads.map(fill, range(len(encoded))):
                pass
    return pixels


def weight(encoded: Encoded) -> int:
    """The size of an encoded image in bytes."""
    return len(encoded) if isinstance(encoded, bytes) else encoded.stat().st_size


def is_gray(mode: str) -> bool:
    """Whether a Pillow mode has no color."""
    return mode in GRAY_MODES or mode.startswith("I;16")


def header(encoded: Encoded, name: str) -> Header:
    """((width, height), mode), without decoding."""
    try:
        with Image.open(stream(encoded)) as image:
            return image.size, image.mode
    except BROKEN as error:
        raise unreadable(name, error) from None


def one(encoded: Encoded, size: Size, gray: bool, name: str, strict: bool) -> Array:
    """uint8 (height, width, channels) of one image. Raises Differs if strict and it must change."""
    try:
        with Image.open(stream(encoded)) as opened:
            if strict and (opened.size != size or is_gray(opened.mode) != gray):
                raise Differs
            image: Image.Image = opened
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

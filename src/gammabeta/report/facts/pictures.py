"""Sample images with their predictions, as PNG inside the page."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from gammabeta.data import Images

MOST = 16
LARGEST = 96
"""Pixels of the longer side; larger images are made smaller."""


def picture_facts(images: Images, true: Sequence[str], predicted: Sequence[str], losses: np.ndarray) -> dict[str, Any]:
    """At most 16 images by chance, and the 16 with the worst answers, each with its answer."""
    random = np.sort(np.random.default_rng(0).permutation(images.rows)[:MOST])
    worst = np.argsort(-losses, kind="stable")[:MOST]

    def shown(position: int) -> dict[str, Any]:
        row = position if images.order is None else int(images.order[position])
        return {
            "png": png(images.pixels[position]),
            "row": row + 1,
            "true": true[position],
            "predicted": predicted[position],
        }

    return {"random": [shown(int(i)) for i in random], "worst": [shown(int(i)) for i in worst]}


def png(pixels: np.ndarray) -> str:
    """An image, uint8 (height, width, channels), as base64 of a PNG; the first channel unless there are three."""
    from PIL import Image

    shown = pixels if pixels.shape[2] == 3 else pixels[:, :, 0]
    picture = Image.fromarray(np.ascontiguousarray(shown))
    picture.thumbnail((LARGEST, LARGEST))
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()

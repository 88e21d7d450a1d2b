"""Pooling: each channel summed up over a window, or over the whole image."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.nn.conv import Padding, Pair, Window, around, make_pairs, places, refuse_flat, slid, window_of
from gammabeta.nn.layer import Call, Fresh, Layer, Seen
from gammabeta.serial import kind_name
from gammabeta.types import Array, Shape, Tree


class Pool(Layer):
    """A pooling over a window: its fields are size, stride and padding."""

    def __post_init__(self) -> None:
        make_pairs(self, "size", "stride")
        super().__post_init__()

    def init(self, key: Array, shape: Shape) -> Fresh:
        return Fresh((), (), (*slid(shape, window_of(self), kind_name(type(self))), shape[-1]))


@dataclass(frozen=True)
class MaxPool(Pool):
    """y[r, i, j, c] = the largest of x[r, :, :, c] under the window at (i, j).

    x (rows, height, width, channels); nothing is learned

    size: of the window, in pixels: (height, width), or one number for both, >= 1. Default 2
    stride: how far the window moves, likewise; None: by its size, so that windows touch and do not overlap
    padding: "valid": the window stays inside the image, and pixels that fill no window are left out;
        "same": it may stand over the edge, where it sees only the pixels that are there. See :class:`Conv2D` for
        where it stands and the output's height and width

    The gradient goes to the largest pixel, the first one of equals. As in Keras; torch pads both sides alike.

    Raises PlanError for inputs that are no images, and for a "valid" window larger than the image.

    Source: Riesenhuber & Poggio 1999, Hierarchical models of object recognition in cortex, Nature Neuroscience 2
    """

    size: Pair = (2, 2)
    stride: Pair | None = None
    padding: Padding = "valid"

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        return swept(window_of(self), x, -jnp.inf, jax.lax.max), Seen()


@dataclass(frozen=True)
class AveragePool(Pool):
    """y[r, i, j, c] = the mean of x[r, :, :, c] under the window at (i, j), over the pixels that are there.

    Padding does not count, as in Keras: the weights of every mean sum to 1 (torch counts zeros unless told
    count_include_pad=False). Summed in float32 or wider.

    size, stride, padding: as in :class:`MaxPool`

    Source: LeCun et al. 1998, Gradient-based learning applied to document recognition, Proceedings of the IEEE 86
    """

    size: Pair = (2, 2)
    stride: Pair | None = None
    padding: Padding = "valid"

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        window = window_of(self)
        total = swept(window, x.astype(jnp.promote_types(x.dtype, jnp.float32)), 0.0, jax.lax.add)
        counts = (pixels_seen(window, axis, length) for axis, length in enumerate(x.shape[1:3]))
        return (total / np.multiply.outer(*counts)[:, :, None].astype(total.dtype)).astype(x.dtype), Seen()


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """y[r, c] = mean over all pixels of x[r, :, :, c]: (rows, height, width, channels) -> (rows, channels).

    As GlobalAveragePooling2D of Keras, AdaptiveAvgPool2d(1) and a flatten of torch. Summed in float32 or wider.

    Raises PlanError for inputs that are no images.

    Source: Lin, Chen & Yan 2013, https://arxiv.org/abs/1312.4400
    """

    def init(self, key: Array, shape: Shape) -> Fresh:
        refuse_flat(shape, "global_average_pool")
        return Fresh((), (), shape[-1:])

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        return jnp.mean(wide, axis=(1, 2)).astype(x.dtype), Seen()


def swept(window: Window, x: Array, start: float, combine: Callable[..., Array]) -> Array:
    """The pixels under the window combined, at each of its places, beginning with ``start``."""
    size, stride = (1, *window.size, 1), (1, *window.stride, 1)
    y: Array = jax.lax.reduce_window(x, np.asarray(start, x.dtype), combine, size, stride, window.padding.upper())
    return y


def pixels_seen(window: Window, axis: int, length: int) -> np.ndarray:
    """How many pixels of an axis of ``length`` stand under the window, at each of its places."""
    before = around(window, axis, length)[0] if window.padding == "same" else 0
    first = np.arange(places(window, axis, length)) * window.stride[axis] - before
    return np.minimum(first + window.size[axis], length) - np.maximum(first, 0)

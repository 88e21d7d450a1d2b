"""The convolution layer, and the sliding window that it shares with pooling."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import jax
import jax.numpy as jnp

from gammabeta.errors import PlanError
from gammabeta.nn.centered_weights import centered_weights
from gammabeta.nn.initializers import Initializer, XavierNormal
from gammabeta.nn.layer import Call, Fresh, Layer, Seen
from gammabeta.serial import Within
from gammabeta.types import Array, Shape, Tree

Length = Annotated[int, Within("[1, inf)")]
# the pair first: whole numbers are made pairs before they are checked, so that a message names the axis
Pair = tuple[Length, Length] | Length
Padding = Literal["same", "valid"]

ROWS_AT_ONCE = 512
"""Of images whose windows are written out on a CPU, each pixel once for each window it is in; it bounds the memory."""

VALUES_AT_ONCE = 1 << 27
"""Numbers in those windows, for images so large that 512 of them would not fit: 256 x 256 pixels, 16 channels, 14."""


class Window(NamedTuple):
    """A window that slides over an image: (height, width) of itself and of its steps, and what is around the image."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding


@dataclass(frozen=True)
class Conv2D(Layer):
    """Each filter slides over the image and gives one channel: y = W * x + b.

    y[r, i, j, f] = b[f] + sum over u, v, c of W[u, v, c, f] x[r, i stride_h + u - top, j stride_w + v - left, c]

    x (rows, height, width, channels), W (size_h, size_w, channels, filters), b (filters,); x is 0 outside the image.
    It is the cross-correlation that every framework calls convolution: W is not flipped.

    filters: how many output channels, >= 1
    size: of the window, in pixels: (height, width), or one number for both. Default 3
    stride: how far the window moves, likewise. Default 1
    padding: "same": zeros around the image, top = (their number) // 2 and left alike, the odd one below and right, so
        that the output has ceil(height / stride) x ceil(width / stride) pixels.
        "valid": none, floor((height - size) / stride) + 1 of them: the window stays inside the image
    bias: whether there is a b; None: yes, unless a batch norm with shift follows directly, which would undo it
    initializer: of W, with fan_in = size_h size_w channels and fan_out = size_h size_w filters; None: He for the ReLU
        family, Xavier otherwise, by the activation that follows. b starts at 0.
    weight_norm: "centered": each filter's weights, over its window and all channels, have mean 0 and a learned length,
        see :func:`centered_weights`

    W is stored as in Keras and Flax; torch stores (filters, channels, size_h, size_w) and images with channels first.
    "same" is Keras's, whose default is "valid"; torch pads both sides alike, which with an even size or a stride above
    1 is another function.

    Raises PlanError for inputs that are no images, and for a "valid" window larger than the image.

    Source: LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition, Neural Computation 1
    """

    filters: Length
    size: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Padding = "same"
    bias: bool | None = None
    initializer: Initializer | None = None
    weight_norm: Literal["none", "centered"] = "none"

    def __post_init__(self) -> None:
        make_pairs(self, "size", "stride")
        super().__post_init__()

    @property
    def pads_nothing(self) -> bool:
        """Whether no zero stands around an image of any size: a window of one pixel never leaves it."""
        return self.padding == "valid" or self.size == (1, 1)

    def init(self, key: Array, shape: Shape) -> Fresh:
        after = slid(shape, window_of(self), "conv2d")
        weight = (self.initializer or XavierNormal()).sample(key, (*pair(self.size), shape[-1], self.filters))
        params = {"weight": weight} if self.bias is False else {"weight": weight, "bias": jnp.zeros(self.filters)}
        if self.weight_norm == "centered":
            params["gain"] = jnp.ones(self.filters)
        return Fresh(params, (), (*after, self.filters))

    def apply(self, params: Tree, stats: Tree, x: Array, call: Call) -> tuple[Array, Seen]:
        y = correlated(x, self.matrix(params), window_of(self))
        return (y + params["bias"] if "bias" in params else y), Seen()

    def matrix(self, params: Tree) -> Array:
        """The weights that multiply x, (size_h, size_w, channels, filters)."""
        weight = params["weight"]
        return weight if self.weight_norm == "none" else centered_weights(weight, params["gain"])


def correlated(x: Array, weight: Array, window: Window) -> Array:
    """The sum over the window of weight (size_h, size_w, channels, filters) times x, at each of its places.

    On a CPU as one product with a matrix of all windows: XLA's own convolution took 8 to 17 times as long there, inside
    the loop over the batches of an epoch (3 x 3, 16 and 32 channels, 8 to 28 pixels, 2 cores).
    """
    kind = jnp.promote_types(x.dtype, weight.dtype)
    x, weight = x.astype(kind), weight.astype(kind)
    if jax.default_backend() == "cpu":
        matrix = weight.reshape(-1, weight.shape[-1])
        pixels = [places(window, axis, length) for axis, length in enumerate(x.shape[1:3])]
        rows = min(ROWS_AT_ONCE, max(1, VALUES_AT_ONCE // (math.prod(pixels) * matrix.shape[0])))
        if x.shape[0] <= rows:
            return windows(x, window) @ matrix

        def one(row: Array) -> Array:
            return (windows(row[None], window) @ matrix)[0]

        # the gradient writes the windows out anew: kept for it, those of all rows would be in memory together
        return jax.lax.map(jax.checkpoint(one), x, batch_size=rows)
    return jax.lax.conv_general_dilated(
        x, weight, window.stride, window.padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def windows(x: Array, window: Window) -> Array:
    """What stands under the window at each of its places: (rows, height, width, size_h size_w channels)."""
    down, right = (places(window, axis, length) for axis, length in enumerate(x.shape[1:3]))
    if window.padding == "same":
        x = jnp.pad(x, [(0, 0), around(window, 0, x.shape[1]), around(window, 1, x.shape[2]), (0, 0)])
    (height, width), (by_height, by_width) = window.size, window.stride
    shifted = [
        x[:, u : u + (down - 1) * by_height + 1 : by_height, v : v + (right - 1) * by_width + 1 : by_width]
        for u in range(height)
        for v in range(width)
    ]
    return shifted[0] if len(shifted) == 1 else jnp.concatenate(shifted, axis=-1)


# ---- the sliding window


def window_of(layer: Layer) -> Window:
    """The window of a layer with the fields size, stride and padding; without a stride it moves by its size."""
    size, stride, padding = (getattr(layer, name) for name in Window._fields)
    return Window(pair(size), pair(size if stride is None else stride), padding)


def pair(value: Pair) -> tuple[int, int]:
    """One number for both axes as (height, width)."""
    return (value, value) if isinstance(value, int) else value


def make_pairs(layer: Layer, *names: str) -> None:
    """Write out one number for both axes, so that equal layers compare equal; anything else is left for the check."""
    for name in names:
        value = getattr(layer, name)
        if value is not None and not isinstance(value, list | tuple):
            object.__setattr__(layer, name, (value, value))


def places(window: Window, axis: int, length: int) -> int:
    """At how many places a window stands along an axis of ``length``."""
    size, stride = window.size[axis], window.stride[axis]
    return -(-length // stride) if window.padding == "same" else (length - size) // stride + 1


def around(window: Window, axis: int, length: int) -> tuple[int, int]:
    """How many zeros "same" puts before and behind an axis of ``length``."""
    size, stride = window.size[axis], window.stride[axis]
    zeros = max((places(window, axis, length) - 1) * stride + size - length, 0)
    return zeros // 2, zeros - zeros // 2


def slid(shape: Shape, window: Window, place: str) -> tuple[int, int]:
    """(height, width) of what a window gives on images of ``shape``; PlanError where it does not fit."""
    refuse_flat(shape, place)
    if window.padding == "valid" and (window.size[0] > shape[0] or window.size[1] > shape[1]):
        height, width = window.size
        raise PlanError(
            f"{place}: its window of {height} x {width} is larger than its input of {shape[0]} x {shape[1]} pixels; "
            f'choose a smaller size, padding="same", or fewer strides and poolings before it.'
        )
    return places(window, 0, shape[0]), places(window, 1, shape[1])


def refuse_flat(shape: Shape, place: str) -> None:
    """Raise PlanError for examples that are no images."""
    if len(shape) != 3:
        raise PlanError(
            f"{place}: its input has shape {shape}, expected (height, width, channels); put it before any flatten, "
            f"and use dense layers for rows that are no images."
        )

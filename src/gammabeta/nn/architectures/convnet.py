"""The small residual convnet."""

from dataclasses import dataclass
from typing import Annotated, Literal

from gammabeta.errors import PlanError
from gammabeta.nn.activation import Activation, ActivationName
from gammabeta.nn.architectures.architecture import Architecture, Position, position_of
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.conv import Conv2D
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.initializers import Initializer
from gammabeta.nn.layer import Layer, Normalization
from gammabeta.nn.noise import GaussianNoise
from gammabeta.nn.pooling import GlobalAveragePool
from gammabeta.nn.residual import Residual
from gammabeta.nn.sequential import Sequential
from gammabeta.serial import Search, Within
from gammabeta.types import Shape

LEAST_PIXELS = 4
"""Along an axis that was halved: below that nearly all that a 3 x 3 window sees is padding."""


@dataclass(frozen=True)
class Convnet(Architecture):
    """A 3 x 3 convolution, stages of residual blocks, the mean over all pixels, and a dense layer at the end.

    A block is y = activation(shortcut(x) + body(x)), the body convolution, normalization, activation, convolution,
    normalization; or, where the normalization stands after the activation, y = norm(activation(shortcut(x) + body(x))),
    the body convolution, activation, normalization, convolution. Each stage after the first begins by halving the
    image, height and width each as long as 4 pixels or more are left of it: 8 x 8 is halved once, 28 x 28 and 32 x 32
    twice. Where a block changes the shape its shortcut is a 1 x 1 convolution, with a normalization where the body ends
    with one, else it is the identity.

    channels: of each stage; one number a stage, each >= 1
    blocks: in each stage, >= 1
    activation: of all blocks
    normalization: which one, for each channel; None for none
    position: of the normalization: "before" the activation, after every convolution, "after" every activation, "first"
        on the pixels only, as the first layer, "auto": after sigmoid and tanh, before all others. Batch norm as the
        first layer replaces the scaling of pixels: fit then leaves them 0 to 255, less their mean
    dropout: share of the pooled channels dropped before the last layer, in [0, 1)
    initializer: of all weights; None: He before the ReLU family, Xavier otherwise
    weight_norm: of all convolutions and the last layer, "none" or "centered"
    input_noise: standard deviation of N(0, 1) noise added to the pixels while training, in units of the encoded pixels

    With channels (16, 32, 64) and blocks n it is He's ResNet of 6 n + 2 layers for CIFAR-10, but for the projection,
    where the paper pads channels with zeros, and the normalization of the shortcut.

    Raises PlanError for inputs that are no images.

    Source: He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385
    """

    channels: Annotated[
        tuple[Annotated[int, Within("[1, inf)")], ...], Search("choice", 8, 16, 32, 64, length=(1, 3), growth=2)
    ] = (16, 32, 64)
    blocks: Annotated[int, Within("[1, inf)"), Search("choice", 1, 2, 3)] = 1
    activation: Annotated[ActivationName, Search("choice", "relu", "gelu", "silu", "tanh")] = "relu"
    normalization: Annotated[Normalization | None, Search("choice", "batch_norm", "group_norm", None)] = BatchNorm()
    position: Annotated[Position, Search("choice", "auto", "after")] = "auto"
    dropout: Annotated[float, Within("[0, 1)"), Search("linear", 0.0, 0.5)] = 0.0
    initializer: Initializer | None = None
    weight_norm: Literal["none", "centered"] = "none"
    input_noise: Annotated[float, Within("[0, inf)")] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.channels:
            raise PlanError("convnet.channels: found no stage, expected one or more, such as [16, 32, 64].")

    def expand(self, shape: Shape, outputs: int) -> Sequential:
        if len(shape) != 3:
            raise PlanError(
                f'convnet: its input has shape {shape}, expected images (height, width, channels); use "mlp" for '
                f"tables and other rows without pixels."
            )
        layers: list[Layer] = [GaussianNoise(self.input_noise)] if self.input_noise else []
        layers += [*self.norm("first"), *self.convolved(self.channels[0]), *self.activated()]
        height, width = shape[:2]
        before = self.channels[0]
        for stage, channels in enumerate(self.channels):
            for block in range(self.blocks):
                stride = (1, 1) if stage == 0 or block > 0 else (halving(height), halving(width))
                layers += [self.block(before, channels, stride), *self.activated()]
                height, width, before = -(-height // stride[0]), -(-width // stride[1]), channels
        layers.append(GlobalAveragePool())
        layers += [Dropout(self.dropout)] if self.dropout else []
        return Sequential((*layers, Dense(outputs, initializer=self.initializer, weight_norm=self.weight_norm)))

    def block(self, before: int, channels: int, stride: tuple[int, int]) -> Residual:
        """One residual block, up to the activation after the sum."""
        body = (*self.convolved(channels, stride), *self.activated(), *self.convolved(channels))
        if before == channels and stride == (1, 1):
            return Residual(Sequential(body))
        return Residual(Sequential(body), Sequential(self.convolved(channels, stride, size=1)))

    def convolved(self, channels: int, stride: tuple[int, int] = (1, 1), size: int = 3) -> tuple[Layer, ...]:
        """A convolution, and the normalization before an activation."""
        layer = Conv2D(channels, size, stride, initializer=self.initializer, weight_norm=self.weight_norm)
        return (layer, *self.norm("before"))

    def activated(self) -> tuple[Layer, ...]:
        """An activation, and the normalization after it."""
        return (Activation(self.activation), *self.norm("after"))

    def norm(self, place: Position) -> tuple[Layer, ...]:
        """The normalization, where it stands at this place."""
        here = position_of(self.position, self.activation) == place
        return (self.normalization,) if self.normalization and here else ()


def halving(length: int) -> int:
    """The stride that halves an axis, or leaves it where too few pixels would be left."""
    return 2 if -(-length // 2) >= LEAST_PIXELS else 1

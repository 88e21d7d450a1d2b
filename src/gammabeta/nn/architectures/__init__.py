"""Named networks that expand to layers before a plan is saved."""

from gammabeta.nn.architectures.architecture import Architecture
from gammabeta.nn.architectures.convnet import Convnet
from gammabeta.nn.architectures.mlp import Mlp

__all__ = ["Architecture", "Convnet", "Mlp"]

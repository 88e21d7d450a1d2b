"""How weights start."""

from gammabeta.nn.initializers.constant_weights import ConstantWeights, Zeros
from gammabeta.nn.initializers.data_dependent import DataDependent
from gammabeta.nn.initializers.dropout_adjusted import DropoutAdjusted
from gammabeta.nn.initializers.he import HeNormal, HeUniform
from gammabeta.nn.initializers.initializer import Initializer
from gammabeta.nn.initializers.lsuv import Lsuv
from gammabeta.nn.initializers.normal import ScaledNormal, StandardNormal
from gammabeta.nn.initializers.orthogonal import Orthogonal
from gammabeta.nn.initializers.uniform_fan_in import UniformFanIn
from gammabeta.nn.initializers.xavier import XavierNormal, XavierUniform

__all__ = [
    "ConstantWeights",
    "DataDependent",
    "DropoutAdjusted",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Lsuv",
    "Orthogonal",
    "ScaledNormal",
    "StandardNormal",
    "UniformFanIn",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
]

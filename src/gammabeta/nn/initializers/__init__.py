"""How weights start."""

from gammabeta.nn.initializers.he import HeNormal, HeUniform
from gammabeta.nn.initializers.initializer import Initializer
from gammabeta.nn.initializers.xavier import XavierNormal, XavierUniform

__all__ = ["HeNormal", "HeUniform", "Initializer", "XavierNormal", "XavierUniform"]

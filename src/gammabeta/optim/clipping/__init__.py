"""How gradients are kept from being too large."""

from gammabeta.optim.clipping.by_norm import ClipByNorm
from gammabeta.optim.clipping.by_value import ClipByValue
from gammabeta.optim.clipping.clipping import Clipping

__all__ = ["ClipByNorm", "ClipByValue", "Clipping"]

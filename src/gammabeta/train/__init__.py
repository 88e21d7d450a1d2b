"""Training: from a plan and encoded rows to epochs."""

from gammabeta.train.fit import Epoch, Progress, fit

__all__ = ["Epoch", "Progress", "fit"]

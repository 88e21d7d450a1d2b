"""Training: from a plan and encoded rows to epochs, and to a run with its best one."""

from gammabeta.train.devices import cache_compilations
from gammabeta.train.fit import Epoch, Progress, fit
from gammabeta.train.range_test import RangeTest, range_test
from gammabeta.train.run import Run, run

__all__ = ["Epoch", "Progress", "RangeTest", "Run", "cache_compilations", "fit", "range_test", "run"]

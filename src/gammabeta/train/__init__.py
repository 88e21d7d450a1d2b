"""Training: from a plan and encoded rows to epochs, and to a run with its best one."""

from gammabeta.train.devices import cache_compilations
from gammabeta.train.fit import Epoch, Progress, fit
from gammabeta.train.range_test import RangeTest, range_test
from gammabeta.train.run import Run, run
from gammabeta.train.step import Start

__all__ = ["Epoch", "Progress", "RangeTest", "Run", "Start", "cache_compilations", "fit", "range_test", "run"]

"""How the learning rate changes over a run."""

from gammabeta.optim.schedules.constant import Constant
from gammabeta.optim.schedules.cosine import Cosine
from gammabeta.optim.schedules.one_cycle import OneCycle
from gammabeta.optim.schedules.schedule import Schedule

__all__ = ["Constant", "Cosine", "OneCycle", "Schedule"]

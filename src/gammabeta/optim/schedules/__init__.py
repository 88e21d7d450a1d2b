"""How the learning rate changes over a run."""

from gammabeta.optim.schedules.constant import Constant
from gammabeta.optim.schedules.cosine import Cosine
from gammabeta.optim.schedules.exponential import Exponential
from gammabeta.optim.schedules.one_cycle import OneCycle
from gammabeta.optim.schedules.reduce_on_plateau import ReduceOnPlateau
from gammabeta.optim.schedules.schedule import Schedule
from gammabeta.optim.schedules.step import Step
from gammabeta.optim.schedules.warm_up import WarmUp

__all__ = ["Constant", "Cosine", "Exponential", "OneCycle", "ReduceOnPlateau", "Schedule", "Step", "WarmUp"]

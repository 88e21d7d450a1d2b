"""Optimizers and learning-rate schedules."""

from gammabeta.optim.adam import Adam, AdamW
from gammabeta.optim.momentum import Momentum
from gammabeta.optim.optimizer import Optimizer
from gammabeta.optim.schedules import Constant, Cosine, OneCycle, Schedule
from gammabeta.optim.sgd import Sgd

__all__ = ["Adam", "AdamW", "Constant", "Cosine", "Momentum", "OneCycle", "Optimizer", "Schedule", "Sgd"]

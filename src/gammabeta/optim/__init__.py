"""Optimizers, weight decay, gradient clipping and learning-rate schedules."""

from gammabeta.optim.adagrad import Adagrad
from gammabeta.optim.adam import Adam, AdamW
from gammabeta.optim.clipping import ClipByNorm, ClipByValue, Clipping
from gammabeta.optim.decay import decays, l2_gradient, l2_penalty
from gammabeta.optim.from_optax import FromOptax
from gammabeta.optim.momentum import Momentum
from gammabeta.optim.nadam import Nadam
from gammabeta.optim.nesterov import Nesterov
from gammabeta.optim.optax_transformation import OptaxTransformation
from gammabeta.optim.optimizer import Optimizer
from gammabeta.optim.rmsprop import RMSProp
from gammabeta.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
)
from gammabeta.optim.sgd import Sgd

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "ClipByNorm",
    "ClipByValue",
    "Clipping",
    "Constant",
    "Cosine",
    "Exponential",
    "FromOptax",
    "Momentum",
    "Nadam",
    "Nesterov",
    "OneCycle",
    "OptaxTransformation",
    "Optimizer",
    "RMSProp",
    "ReduceOnPlateau",
    "Schedule",
    "Sgd",
    "Step",
    "WarmUp",
    "decays",
    "l2_gradient",
    "l2_penalty",
]

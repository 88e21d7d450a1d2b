"""Runs written for other tools to look at, while they train."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from gammabeta.plan import Plan
from gammabeta.train.loggers.log import Log, require
from gammabeta.train.loggers.mlflow import log_mlflow
from gammabeta.train.loggers.tensorboard import log_tensorboard

LOGGERS: Mapping[str, Callable[[Path, Plan], AbstractContextManager[Log]]] = {
    "tensorboard": log_tensorboard,
    "mlflow": log_mlflow,
}

__all__ = ["LOGGERS", "Log", "log_mlflow", "log_tensorboard", "require"]

"""gammabeta trains deep networks the way the recipe says and normalizes them right.

Everything named here is imported on first use, so that ``import gammabeta`` costs nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "gammabeta.data": "Dataset Images Schema Table as_data describe read split",
    "gammabeta.errors": "DataError Defect FileError GammabetaError PlanError TrainingError UsageError",
    "gammabeta.estimators": "NetworkClassifier NetworkRegressor",
    "gammabeta.model": "Model finish fold learn load save summary",
    "gammabeta.nn": (
        "Activation BatchNorm Dense Dropout Flatten Mlp Residual Sequential "
        "SigmoidCrossEntropy SoftmaxCrossEntropy SquaredError"
    ),
    "gammabeta.optim": "Adam AdamW Constant Cosine Momentum OneCycle Sgd",
    "gammabeta.plan": "EarlyStopping Plan advise change read_plan",
    "gammabeta.train": "Epoch Run cache_compilations fit run",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module gammabeta has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

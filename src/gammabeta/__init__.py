"""gammabeta trains deep networks the way the recipe says and normalizes them right.

Everything named here is imported on first use, so that ``import gammabeta`` costs nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "gammabeta.data": "Dataset Images Schema Table as_data describe read split",
    "gammabeta.diagnosis": "Case Finding diagnose",
    "gammabeta.errors": "DataError Defect FileError GammabetaError PlanError TrainingError UsageError",
    "gammabeta.estimators": "NetworkClassifier NetworkRegressor",
    "gammabeta.model": "Model finish fold learn load raw_where_normalized save summary",
    "gammabeta.nn": (
        "AbsoluteError Activation AveragePool BatchNorm BinnedRegression ConstantWeights Conv2D Convnet "
        "DataDependent Dense Dropout DropoutAdjusted Ensemble Flatten Frozen GaussianNoise GlobalAveragePool "
        "GroupNorm HeNormal HeUniform Huber LayerNorm Lsuv MaxPool Mlp MulticlassHinge Orthogonal "
        "Paced PositiveLogLoss RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation Residual "
        "ScaledNormal Sequential SigmoidCrossEntropy SoftmaxCrossEntropy SquaredError StandardNormal UniformFanIn "
        "Whitening XavierNormal XavierUniform Zeros"
    ),
    "gammabeta.optim": (
        "Adagrad Adam AdamW ClipByNorm ClipByValue Constant Cosine Exponential FromOptax Momentum Nadam Nesterov "
        "OneCycle OptaxTransformation RMSProp ReduceOnPlateau Sgd Step WarmUp"
    ),
    "gammabeta.plan": "Combined EarlyStopping Plan advise change read_plan",
    "gammabeta.recipe": "Gate cook",
    "gammabeta.train": "Epoch RangeTest Run Start cache_compilations fit range_test run",
    "gammabeta.tune": "Found Space narrowed read_space ready search",
    "gammabeta.transfer": (
        "continued discriminative fine_tune frozen graft transfer_plan unfrozen_gradually with_batch_norm"
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module gammabeta has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

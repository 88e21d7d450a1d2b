"""What is minimized."""

from gammabeta.nn.losses.absolute_error import AbsoluteError
from gammabeta.nn.losses.binned_regression import BinnedRegression
from gammabeta.nn.losses.class_loss import ClassLoss
from gammabeta.nn.losses.class_weight import class_weights
from gammabeta.nn.losses.huber import Huber
from gammabeta.nn.losses.label_loss import LabelLoss
from gammabeta.nn.losses.loss import Loss
from gammabeta.nn.losses.multiclass_hinge import MulticlassHinge
from gammabeta.nn.losses.positive_log_loss import PositiveLogLoss
from gammabeta.nn.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from gammabeta.nn.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from gammabeta.nn.losses.squared_error import SquaredError

__all__ = [
    "AbsoluteError",
    "BinnedRegression",
    "ClassLoss",
    "Huber",
    "LabelLoss",
    "Loss",
    "MulticlassHinge",
    "PositiveLogLoss",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "class_weights",
]

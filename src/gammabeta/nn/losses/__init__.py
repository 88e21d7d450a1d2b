"""What is minimized."""

from gammabeta.nn.losses.loss import Loss
from gammabeta.nn.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from gammabeta.nn.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from gammabeta.nn.losses.squared_error import SquaredError

__all__ = ["Loss", "SigmoidCrossEntropy", "SoftmaxCrossEntropy", "SquaredError"]

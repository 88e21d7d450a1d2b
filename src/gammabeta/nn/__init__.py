"""Network descriptions: layers, losses, initializers, named architectures."""

from gammabeta.nn.activation import ACTIVATIONS, Activation
from gammabeta.nn.architectures import Architecture, Mlp
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.flatten import Flatten
from gammabeta.nn.frozen import Frozen
from gammabeta.nn.initializers import HeNormal, HeUniform, Initializer, XavierNormal, XavierUniform
from gammabeta.nn.layer import PREDICTING, Call, Fresh, Layer, Normalization, Probe, Seen
from gammabeta.nn.layer_norm import GroupNorm, LayerNorm
from gammabeta.nn.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.nn.noise import GaussianNoise
from gammabeta.nn.residual import Residual
from gammabeta.nn.sequential import Sequential

__all__ = [
    "ACTIVATIONS",
    "PREDICTING",
    "Activation",
    "Architecture",
    "BatchNorm",
    "Call",
    "Dense",
    "Dropout",
    "Flatten",
    "Fresh",
    "Frozen",
    "GaussianNoise",
    "GroupNorm",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Layer",
    "LayerNorm",
    "Loss",
    "Mlp",
    "Normalization",
    "Probe",
    "Residual",
    "Seen",
    "Sequential",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "XavierNormal",
    "XavierUniform",
]

"""Network descriptions: layers, losses, initializers, named architectures."""

from gammabeta.nn.activation import ACTIVATIONS, Activation
from gammabeta.nn.architectures import Architecture, Convnet, Mlp
from gammabeta.nn.augmentation import (
    Augmentation,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    augmented,
)
from gammabeta.nn.batch_norm import BatchNorm
from gammabeta.nn.calibrate import calibrate, prior_bias, waits_for_data, with_prior
from gammabeta.nn.centered_weights import centered_weights
from gammabeta.nn.conv import Conv2D
from gammabeta.nn.dense import Dense
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.ensemble import Ensemble
from gammabeta.nn.flatten import Flatten
from gammabeta.nn.frozen import Frozen
from gammabeta.nn.initializers import (
    ConstantWeights,
    DataDependent,
    DropoutAdjusted,
    HeNormal,
    HeUniform,
    Initializer,
    Lsuv,
    Orthogonal,
    ScaledNormal,
    StandardNormal,
    UniformFanIn,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from gammabeta.nn.layer import PREDICTING, Call, Fresh, Layer, Normalization, Passage, Probe, Seen, Wrapper, bare
from gammabeta.nn.layer_norm import GroupNorm, LayerNorm
from gammabeta.nn.losses import (
    AbsoluteError,
    BinnedRegression,
    ClassLoss,
    Huber,
    LabelLoss,
    Loss,
    MulticlassHinge,
    PositiveLogLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    class_weights,
)
from gammabeta.nn.noise import GaussianNoise
from gammabeta.nn.paced import Paced
from gammabeta.nn.places import Place, part_at, places, rewritten, unwrapped
from gammabeta.nn.pooling import AveragePool, GlobalAveragePool, MaxPool
from gammabeta.nn.residual import Residual
from gammabeta.nn.sequential import Sequential
from gammabeta.nn.whitening import Whitening
from gammabeta.nn.without_initializers import without_initializers

__all__ = [
    "ACTIVATIONS",
    "PREDICTING",
    "AbsoluteError",
    "Activation",
    "Architecture",
    "Augmentation",
    "AveragePool",
    "BatchNorm",
    "BinnedRegression",
    "Call",
    "ClassLoss",
    "ConstantWeights",
    "Conv2D",
    "Convnet",
    "DataDependent",
    "Dense",
    "Dropout",
    "DropoutAdjusted",
    "Ensemble",
    "Flatten",
    "Fresh",
    "Frozen",
    "GaussianNoise",
    "GlobalAveragePool",
    "GroupNorm",
    "HeNormal",
    "HeUniform",
    "Huber",
    "Initializer",
    "LabelLoss",
    "Layer",
    "LayerNorm",
    "Loss",
    "Lsuv",
    "MaxPool",
    "Mlp",
    "MulticlassHinge",
    "Normalization",
    "Orthogonal",
    "Paced",
    "Passage",
    "Place",
    "PositiveLogLoss",
    "Probe",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "Residual",
    "ScaledNormal",
    "Seen",
    "Sequential",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "StandardNormal",
    "UniformFanIn",
    "Whitening",
    "Wrapper",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "augmented",
    "bare",
    "calibrate",
    "centered_weights",
    "class_weights",
    "part_at",
    "places",
    "prior_bias",
    "rewritten",
    "unwrapped",
    "waits_for_data",
    "with_prior",
    "without_initializers",
]

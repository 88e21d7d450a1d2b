"""Augmentations: more training images from those that are there."""

from gammabeta.nn.augmentation.augmentation import Augmentation, augmented
from gammabeta.nn.augmentation.random_brightness import RandomBrightness
from gammabeta.nn.augmentation.random_contrast import RandomContrast
from gammabeta.nn.augmentation.random_crop import RandomCrop
from gammabeta.nn.augmentation.random_flip import RandomFlip
from gammabeta.nn.augmentation.random_rotation import RandomRotation

__all__ = [
    "Augmentation",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "augmented",
]

"""What a network is trained on: numbers, ready to be batched."""

from dataclasses import dataclass, replace

import numpy as np

from gammabeta.types import Array


@dataclass(frozen=True, eq=False)
class Dataset:
    """Encoded rows.

    x: float32 (rows, features), or uint8 (rows, height, width, channels)
    y: None, or int32 (rows,) class numbers (multiclass), float32 (rows, 1) 0 or 1 (binary), float32 (rows,
        labels) 0 or 1 (multilabel), float32 (rows, targets) standardized (regression)
    weights: float32 (rows,), how much each row counts; 1 where nothing else was given
    offset, factor: float32 (channels,) for images: the network sees (x - offset) * factor; None for tables
    kept: int64 (rows,), which rows of the encoded data these are; rows without a target are left out
    notes: sentences about what was found and handled
    feature_names: one name per feature of a table; empty for images
    classes: what the class numbers of y stand for; empty where they are no more than numbers, and for other targets
    """

    x: Array
    y: Array | None = None
    weights: Array = None
    offset: Array | None = None
    factor: Array | None = None
    kept: Array = None
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    classes: tuple[bool | int | float | str, ...] = ()

    def __post_init__(self) -> None:
        if self.weights is None:
            object.__setattr__(self, "weights", np.ones(self.rows, dtype=np.float32))
        if self.kept is None:
            object.__setattr__(self, "kept", np.arange(self.rows, dtype=np.int64))

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.x.shape[0])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example: (features,) or (height, width, channels)."""
        return tuple(self.x.shape[1:])

    def take(self, indices: Array) -> "Dataset":
        """The rows at ``indices``."""
        return replace(
            self,
            x=self.x[indices],
            y=None if self.y is None else self.y[indices],
            weights=self.weights[indices],
            kept=self.kept[indices],
        )

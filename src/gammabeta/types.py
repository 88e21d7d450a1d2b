"""The recurring shapes of the domain, named once."""

from typing import Any

Array = Any
"""A NumPy or JAX array; each function says the shape it wants in its docstring."""

Tree = Any
"""Nested tuples and dicts with arrays at the leaves: parameters, statistics, optimizer state."""

Shape = tuple[int, ...]
"""The shape of one example, without the batch axis: (features,) or (height, width, channels)."""

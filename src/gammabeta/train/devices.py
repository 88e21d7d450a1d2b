"""Where computing happens, and what is kept of compiling."""

import os
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gammabeta.errors import PlanError
from gammabeta.train.batches import Chunk


def cache_compilations(folder: Path | None = None) -> Path:
    """Keep compiled programs on disk, so that the next process need not compile them again.

    folder: where; by default what JAX_COMPILATION_CACHE_DIR says, or gammabeta/jax in the user's cache folder.
    What takes a second to compile loads in a few hundredths; JAX's own default keeps only what took longer.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    folder = folder or (Path(named) if named else base / "gammabeta" / "jax")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def spread(chunk: Chunk, devices: int) -> Chunk:
    """A chunk on the device, or with the rows of every batch spread over the first ``devices`` devices.

    The compiled step stays as it is: sums over rows, those of batch norm too, become sums over devices, so statistics,
    loss and gradient are those of the undivided batch. Raises PlanError where there are too few devices, or where the
    batch cannot be divided among them.
    """
    if devices == 1:
        return Chunk(*jax.device_put(tuple(chunk)))
    there, width = jax.device_count(), chunk.weights.shape[1]
    if devices > there:
        raise PlanError(f"plan.devices: {devices} asked for, {there} found; set devices to {there} or less.")
    if width % devices:
        raise PlanError(f"plan.devices: {devices} do not divide a batch of {width} rows; set batch_size to a multiple.")
    rows = NamedSharding(Mesh(np.asarray(jax.devices()[:devices]), ("rows",)), PartitionSpec(None, "rows"))
    return Chunk(*jax.device_put(tuple(chunk), rows))

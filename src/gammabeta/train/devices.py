"""Where computing happens, and what is kept of compiling."""

import os
from contextlib import suppress
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gammabeta.errors import PlanError
from gammabeta.train.batches import Chunk

CACHE_BYTES = 2**30
"""Of compiled programs in the folder that is ours; a usual one has 0.1 to 1 MB."""


def cache_compilations(folder: Path | None = None) -> Path:
    """Keep compiled programs on disk, so that the next process need not compile them again.

    folder: where; by default what JAX_COMPILATION_CACHE_DIR says, or gammabeta/jax in the user's cache folder, which
        is brought down to 1 GiB first.
    What takes a second to compile loads in a few hundredths; JAX's own default keeps only what took longer.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if folder is None and named is None:
        # JAX's own limit needs a package that we do not; how large a folder of the user's own may be is not ours to say
        bounded(base / "gammabeta" / "jax", CACHE_BYTES)
    folder = folder or (Path(named) if named else base / "gammabeta" / "jax")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def bounded(folder: Path, most: int) -> None:
    """Remove files of a folder, those first that were used longest ago, until it holds at most ``most`` bytes."""
    found = []
    for path in folder.glob("*"):
        # another process may remove it meanwhile
        with suppress(OSError):
            about = path.stat()
            found.append((max(about.st_atime_ns, about.st_mtime_ns), about.st_size, path))
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= most:
            return
        with suppress(OSError):
            path.unlink()
            held -= size


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
